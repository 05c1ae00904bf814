return {
  name = "people",
  doc = "Operators watch the cameras of their sites, four streams each.",
  match = { role = "operator" },
  decide = function(req)
    if not req.subject:has_site(req.camera.site) then return nil end
    return allow { scopes = { scope("user:" .. req.subject.id, 4) } }
  end,
}
