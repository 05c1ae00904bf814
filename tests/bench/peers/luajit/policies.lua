-- The rules of world.py's policies, as plain functions in the order of their files.

local streams_of = { admin = 16, operator = 4, guard = 4, contractor = 2, display = 1 }

local function open(hour, weekday)
  return weekday <= 7 and hour < 24
end

local function level(subject, camera)
  if camera.level <= 1 or subject.has_role.admin then return end
  local clearance = subject.clearance
  if type(clearance) ~= "number" or clearance < camera.level then
    return "this camera needs clearance " .. camera.level, "camera-levels"
  end
end

local function contractor(subject, camera)
  if not subject.has_role.contractor then return end
  if not camera.has_tag.lobby then
    return "contractors see lobby cameras only", "contractors"
  end
  local now = os.date("*t")
  if not open(now.hour, now.wday) then return "outside office hours", "contractors" end
end

local function display(subject, camera)
  if subject.has_role.display and not camera.has_tag.lobby then
    return "displays show lobby cameras only", "public-displays"
  end
end

local function scopes(subject, camera)
  local streams = 1
  for _, role in ipairs(subject.roles) do
    local n = streams_of[role]
    if n and n > streams then streams = n end
  end
  local list = {
    { name = "user:" .. subject.id, limit = streams, unit = "streams" },
    { name = camera.scope, limit = 100, unit = "streams" },
  }
  if camera.site ~= "" then
    list[3] = { name = camera.uplink, limit = 200000, unit = "kbps" }
  end
  return list
end

local function denied(reason, rule)
  return { verdict = "deny", reason = reason, rule = rule }
end

-- wish: 1 low, 2 medium, 3 high.
return function(subject, camera, wish)
  local has = subject.has_role
  local reason, rule = level(subject, camera)
  if not reason then reason, rule = contractor(subject, camera) end
  if not reason then reason, rule = display(subject, camera) end
  if reason then return denied(reason, rule) end
  local best, by = wish, nil
  if has.admin or ((has.operator or has.guard) and subject.has_site[camera.site]) then
    by = "roles-and-sites"
  end
  if has.contractor then by, best = by or "contractors", math.min(best, 2) end
  if has.display then by, best = by or "public-displays", 1 end
  if not by then return denied("no policy allows this", "") end
  return { verdict = "allow", tier = best, rule = by, scopes = scopes(subject, camera) }
end
