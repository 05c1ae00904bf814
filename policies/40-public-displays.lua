-- Screens in public places. Nobody sits in front of them to notice a mistake: low only.

return {
  name = "public-displays",
  doc = "Public displays show lobby cameras, at low.",
  match = { role = "display" },
  decide = function(req)
    if not req.camera:has_tag("lobby") then
      return deny("displays show lobby cameras only")
    end
    return allow { max = "low" }
  end,
}
