-- Times of day that several policies share: local hours = use("hours")

return {
  -- Monday to Friday, eight to six, where the camera is.
  office = function(time)
    return time.weekday <= 5 and time:between("08:00", "18:00")
  end,
}
