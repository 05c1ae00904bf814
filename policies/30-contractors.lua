-- Contractors come with a role of their own, and see only what their work needs.

local hours = use("hours")

return {
  name = "contractors",
  doc = "Contractors watch lobby cameras, at medium, in office hours.",
  match = { role = "contractor" },
  decide = function(req)
    if not req.camera:has_tag("lobby") then
      return deny("contractors see lobby cameras only")
    end
    if not hours.office(req.time) then return deny("outside office hours") end
    return allow { max = "medium", ttl = "30m" }
  end,
}
