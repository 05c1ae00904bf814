return {
  name = "probe",
  doc = "Refuses, and says how much of the load scope is taken.",
  match = { role = "probe" },
  decide = function(req) return deny("in use: " .. usage("load")) end,
}
