return {
  name = "load",
  doc = "The crash and load suites: no limit that matters.",
  match = { role = "load" },
  decide = function(req)
    return allow { scopes = { scope("load", 100000) } }
  end,
}
