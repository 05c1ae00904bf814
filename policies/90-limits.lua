-- How much of everything. cap limits and never allows, so this file opens no door.

local streams_of = { admin = 16, operator = 4, guard = 4, contractor = 2, display = 1 }
local most_streams_of_a_camera = 100
local uplink_kbps = 200000

return {
  name = "limits",
  doc = "Streams per user by role, viewers per camera, and kbit/s per site uplink.",
  decide = function(req)
    local streams = 1
    for _, role in ipairs(req.subject.roles) do
      streams = math.max(streams, streams_of[role] or 0)
    end
    local scopes = {
      scope("user:" .. req.subject.id, streams),
      scope("camera:" .. req.camera.id, most_streams_of_a_camera),
    }
    if req.camera.site ~= "" then
      table.insert(scopes, scope("uplink:" .. req.camera.site, uplink_kbps, "kbps"))
    end
    return cap { scopes = scopes }
  end,
}
