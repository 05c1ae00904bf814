return {
  name = "cameras",
  doc = "A camera may say of itself how many watch it, how well and for how long.",
  decide = function(req)
    local camera = req.camera
    if camera:has_tag("closed") then return deny("this camera is closed") end
    if camera:has_tag("broken") then error("the policy of this camera fails") end
    if camera:has_tag("loop") then while true do end end
    if camera:has_tag("odd") then return 42 end
    if camera:has_tag("low") then return allow { max = "low" } end
    if camera:has_tag("short") then return allow { ttl = "2s" } end
    if camera:has_tag("single") then
      return allow { scopes = { scope("camera:" .. camera.id, 1) } }
    end
    if camera:has_tag("uplink") then
      return allow { scopes = { scope("uplink:" .. camera.id, 4000, "kbps") } }
    end
    if camera:has_tag("crowd") then
      return allow { scopes = { scope("crowd", 1000) } }
    end
    return nil
  end,
}
