-- Who may watch at all. Unless this file or another one allows it, nobody may.

return {
  name = "roles-and-sites",
  doc = "Operators and guards watch the cameras of their own sites; admins watch all.",
  match = { role = { "operator", "guard", "admin" } },
  decide = function(req)
    if req.subject:has_role("admin") then return allow() end
    if req.subject:has_site(req.camera.site) then return allow() end
  end,
}
