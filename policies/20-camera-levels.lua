-- Some cameras show more than a lobby. A camera's level says how much, a user's claim
-- `clearance` how far that user is trusted. Levels 0 and 1 are open to all who may watch.

return {
  name = "camera-levels",
  doc = "A camera of level 2 or higher is for users whose clearance reaches its level.",
  decide = function(req)
    local level = req.camera.level
    if level <= 1 or req.subject:has_role("admin") then return end
    local clearance = req.subject.claims.clearance
    if type(clearance) ~= "number" or clearance < level then
      return deny("this camera needs clearance " .. level)
    end
  end,
}
