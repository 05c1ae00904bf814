-- ---- writing ----

local function close(q, answer)
  if q.changed then
    local packed = cmsgpack.pack(q.book)
    on(q.keys, LEASES, 'HSET', NOBODY, packed)
    last.packed, last.book = packed, q.book
  end
  return answer
end

-- To a gate that knows the quota's time: ask again, with the time as this call saw it.
-- An older gate is told so as an error.
local function again(q, expected)
  if q.off then
    return close(q, {-2, q.now, q.book.shift})
  end
  return close(q, expected and {-3} or redis.error_reply('BUSY camgate is recounting'))
end

local function add(q, all, holding, sign)
  for i = SCOPES, holding and #holding or 0, 2 do
    local c, by = all[holding[i]], sign * holding[i + 1]
    c.used = c.used + by
    if q.book.phase ~= 'rest' and holding[PASS] == q.book.pass then
      c.sum = c.sum + by
    end
  end
end

-- The scopes of holdings, each once.
local function scopes_of(changes)
  local list, seen = {}, {}
  for _, it in ipairs(changes) do
    for _, holding in ipairs({it.new or {}, it.old or {}}) do
      for i = SCOPES, #holding, 2 do
        if not seen[holding[i]] then
          seen[holding[i]], list[#list + 1] = true, holding[i]
        end
      end
    end
  end
  return list
end

local function keep_holding(q, lease, old, new)
  on(q.keys, LEASES, 'HSET', lease, cmsgpack.pack(new))
  if not old or new[LAPSES] < old[LAPSES] then
    on(q.keys, EXPIRY, 'ZADD', 'LT', new[LAPSES], lease)
  end
end

local function keep_holdings(q, changes)
  local kept, gone, look = {}, {}, {}
  for _, it in ipairs(changes) do
    local lease, old, new = it.lease, it.old, it.new
    if not new then
      gone[#gone + 1] = lease
    else
      kept[#kept + 1], kept[#kept + 2] = lease, cmsgpack.pack(new)
      if not old or new[LAPSES] < old[LAPSES] then
        look[#look + 1], look[#look + 2] = new[LAPSES], lease
      end
    end
  end
  on_many(q.keys, LEASES, 'HSET', kept)
  on_many(q.keys, LEASES, 'HDEL', gone)
  on_many(q.keys, EXPIRY, 'ZREM', gone)
  if #look > 0 then
    on(q.keys, EXPIRY, 'ZADD', 'LT', unpack(look))
  end
end

-- changes: {lease, old, new} each, old or new being nil or a holding.
local function apply(q, changes, all)
  all = all or counters(q, scopes_of(changes))
  for _, it in ipairs(changes) do
    if it.new then
      it.new[PASS] = q.book.pass
    end
    add(q, all, it.old, -1)
    add(q, all, it.new, 1)
  end
  keep_counters(q, all)
  keep_holdings(q, changes)
end

-- A holding out of args[first..first + 2 * n - 1].
local function holding_from(q, ttl_ms, args, first, n)
  local holding = {q.now + ttl_ms, ttl_ms, NOBODY}
  for i = first, first + 2 * n - 2, 2 do
    holding[#holding + 1] = args[i]
    holding[#holding + 1] = tonumber(args[i + 1])
  end
  return holding
end

-- ---- reserve ----

-- In use in each of the scopes, without what the lease itself holds.
local function used_by_others(q, all, scopes)
  local used, mine = {}, {}
  for i = SCOPES, q.old and #q.old or 0, 2 do
    mine[q.old[i]] = q.old[i + 1]
  end
  for i, scope in ipairs(scopes) do
    used[i] = math.max(all[scope].used - (mine[scope] or 0), 0)
  end
  return used
end

-- The holding at this bitrate, or nil and the first scope that is full.
local function fit(q, ask, used, kbps)
  local holding = {q.now + ask.ttl_ms, ask.ttl_ms, NOBODY}
  for i, scope in ipairs(ask.scopes) do
    local weight = ask.weighted[i] and kbps or 1
    if used[i] + weight > tonumber(ask.limits[i]) then
      return nil, i
    end
    holding[#holding + 1], holding[#holding + 2] = scope, weight
  end
  return holding
end

-- used: plain numbers in the order of the holding's scopes; or nil and all counters.
local function take(q, lease, holding, used, all)
  if not used then
    local changes = {{lease = lease, old = q.old, new = holding}}
    apply(q, changes, q.old and counters(q, scopes_of(changes)) or all)
    return
  end
  local words = {}
  for i = 1, 2 * #used, 2 do
    words[i], words[i + 1] =
      holding[SCOPES + i - 1], used[(i + 1) / 2] + holding[SCOPES + i]
  end
  if #words > 0 then
    on(q.keys, USAGE, 'HSET', unpack(words))
  end
  holding[PASS] = q.book.pass
  keep_holding(q, lease, nil, holding)
end

-- Nobody is refused by counters that no pass has confirmed lately.  true: one is under
-- way.
local function counts_first(q)
  local least = math.max(CONFIRM_MS.least, CONFIRM_MS.each * q.book.held)
  if math.abs(q.now - q.book.ended) < least then
    return false
  end
  if q.book.phase == 'rest' then
    begin_pass(q)
  end
  help(q)
  return true
end

-- args: lease, ttl_ms, rungs, kbps of each rung, then scope, limit, weighted (0, 1) ...
local function asked(args)
  local rungs = tonumber(args[3])
  local ask = {ttl_ms = tonumber(args[2]), rungs = rungs, scopes = {}, limits = {},
               weighted = {}}
  for i = 4 + rungs, #args - 2, 3 do
    local n = #ask.scopes + 1
    ask.scopes[n], ask.limits[n] = args[i], args[i + 1]
    ask.weighted[n] = args[i + 2] == '1'
  end
  ask.expected = (#args - 3 - rungs) % 3 == 1 and args[#args] or nil
  return ask
end

-- Every function that judges time takes as its last argument, which an older gate leaves
-- out, what time the gate expects, and may answer {-2, time, shift}: it is another, and
-- nothing was done; or {-3}: a pass must end first.
-- Answers {rung from 0} or {-1, scope, limit, in use}.
local function reserve(keys, args)
  local ask = asked(args)
  local q = open(keys, args[1], ask.expected)
  local plain = not q.off and not q.old and plain_counters(q, ask.scopes)
  local all = not plain and not q.off and trusted_counters(q, ask.scopes)
  if not plain and not all then
    return again(q, ask.expected)
  end
  local used = plain or used_by_others(q, all, ask.scopes)
  local holding, full
  for rung = 1, ask.rungs do
    holding, full = fit(q, ask, used, tonumber(args[3 + rung]))
    if holding then
      take(q, args[1], holding, plain, all)
      return close(q, {rung - 1})
    end
  end
  if ask.expected and counts_first(q) then
    return again(q, ask.expected)
  end
  return close(q, {-1, ask.scopes[full], ask.limits[full], used[full]})
end

-- ---- renew, restore, release, usage ----

-- In a scope that may have let too many in, who renews is one too many if it is full.
local function one_too_many(q, all, holding, limits)
  for i, limit in ipairs(limits) do
    local c = all[holding[SCOPES + 2 * i - 2]]
    if c.till > q.now and c.used > tonumber(limit) then
      return true
    end
  end
  return false
end

-- It counts as before, and no limit was passed.
local function is_same(q, new)
  if q.book.phase ~= 'rest' or q.book.till > q.now or #new ~= #q.old then
    return false
  end
  for i = SCOPES, #new do
    if new[i] ~= q.old[i] then
      return false
    end
  end
  return true
end

-- args: lease, ttl_ms, n, then scope, weight ..., then the limits and what is expected.
-- Answers 1, or 0: the lease is unknown, or one too many, and must reserve anew.
local function renew(keys, args)
  local n = tonumber(args[3])
  local expected = #args > 3 + 2 * n and args[#args] or nil
  local q = open(keys, args[1], expected)
  if q.off then
    return again(q, expected)
  end
  local new = holding_from(q, tonumber(args[2]), args, 4, n)
  if not q.old then
    return close(q, 0)
  elseif is_same(q, new) then
    new[PASS] = q.old[PASS]
    keep_holding(q, args[1], q.old, new)
    return close(q, 1)
  end
  local changes = {{lease = args[1], old = q.old, new = new}}
  local all = counters(q, scopes_of(changes))
  local many = one_too_many(q, all, new, {unpack(args, 4 + 2 * n, #args - 1)})
  if many then -- it goes at once, so that only as many go as are too many
    changes[1].new = nil
  end
  apply(q, changes, all)
  return close(q, many and 0 or 1)
end

-- args: lease, ttl_ms, n, scope, weight ... for each lease.  Those that are known keep
-- what they hold, for the whole time again.  Others may have got in meanwhile: for one
-- lapse the limits are looked at in the scopes of those that were not known.
local function restore(keys, args)
  local holds, leases, at = {}, {}, 1
  while at + 2 <= #args do
    local n = tonumber(args[at + 2])
    holds[#holds + 1] = {at = at, n = n}
    leases[#leases + 1] = args[at]
    at = at + 3 + 2 * n
  end
  local expected = args[at]
  local q = open(keys, NOBODY, expected)
  if q.off then
    return again(q, expected)
  end
  local packed, changes, lost = on_many(q.keys, LEASES, 'HMGET', leases), {}, {}
  for i, hold in ipairs(holds) do
    local old = holding_in(q.now, packed[i])
    local new = holding_from(q, tonumber(args[hold.at + 1]), args, hold.at + 3, hold.n)
    if old then
      local lapses = math.max(old[LAPSES], new[LAPSES])
      new = {lapses, new[TTL], NOBODY, unpack(old, SCOPES)}
    else
      lost[#lost + 1] = {new = new}
    end
    changes[i] = {lease = leases[i], old = old, new = new}
  end
  local all = counters(q, scopes_of(changes))
  for _, scope in ipairs(scopes_of(lost)) do
    look_at_limit(q, all[scope], tonumber(args[2]))
  end
  apply(q, changes, all)
  return close(q, #lost)
end

-- args: lease, lease ...
local function release(keys, args)
  local q, changes = open(keys, NOBODY), {}
  local packed = on_many(q.keys, LEASES, 'HMGET', args)
  for i, lease in ipairs(args) do
    changes[i] = {lease = lease, old = holding_in(q.now, packed[i])}
  end
  apply(q, changes)
  return close(q, #args)
end

-- args: scope, and a word when the gate may be answered {-3}
local function usage(keys, args)
  local q = open(keys, NOBODY)
  local all = trusted_counters(q, {args[1]})
  return all and close(q, all[args[1]].used) or again(q, args[2])
end

-- ---- sweep ----

local function due_for_a_pass(q)
  local pause = math.max(PASS_MS.least, PASS_MS.each * q.book.held)
  return math.abs(q.now - q.book.ended) >= math.min(pause, PASS_MS.most)
end

-- Drops what has lapsed of these; returns how many.
local function drop_lapsed(q, due)
  local packed, changes, later = on_many(q.keys, LEASES, 'HMGET', due), {}, {}
  local lapsed = 0
  for i, lease in ipairs(due) do
    local old = holding_in(q.now, packed[i])
    if old and old[TTL] ~= BARE_MS and old[LAPSES] > q.now then
      later[#later + 1], later[#later + 2] = old[LAPSES], lease
    else
      changes[#changes + 1] = {lease = lease, old = old}
      lapsed = lapsed + (old and 1 or 0)
    end
  end
  apply(q, changes)
  on_many(q.keys, EXPIRY, 'ZADD', later)
  return lapsed
end

-- args: how many at most, then what is expected.  Answers how many lapsed; to a gate that
-- knows the quota's time {how many, 1 = there is more to do, repaired since last told,
-- time}.
local function sweep(keys, args)
  local q = open(keys, NOBODY, args[2])
  if q.off then
    return again(q, args[2])
  end
  local due =
    on(q.keys, EXPIRY, 'ZRANGE', '-inf', q.now, 'BYSCORE', 'LIMIT', 0, args[1])
  local lapsed = drop_lapsed(q, due)
  if q.book.phase == 'rest' and due_for_a_pass(q) then
    begin_pass(q)
  end
  advance(q, VISITS)
  if not args[2] then
    return close(q, lapsed)
  end
  local more = #due == tonumber(args[1]) or q.book.phase ~= 'rest'
  local told = q.book.repaired
  if told > 0 then
    change(q)
    q.book.repaired = 0
  end
  return close(q, {lapsed, more and 1 or 0, told, q.now})
end

-- ---- the clock, and whether it works ----

-- args: the shift that the gate saw, the one that puts the clock right.  Answers 1, or 0:
-- another gate was first.
local function shift(keys, args)
  local q = open(keys, NOBODY)
  if q.book.shift ~= tonumber(args[1]) then
    return 0
  end
  change(q)
  q.book.shift = tonumber(args[2])
  return close(q, 1)
end

-- What follows the key: all words of UNLINK are keys.
local RIGHTS = {HSCAN = {'0'}, HDEL = {'f'}, ZADD = {'0', 'm'}, ZREM = {'m'},
                ZRANGE = {'0', '0'}, UNLINK = {}}

-- Looks for all rights, and writes as a reserve does.
local function probe(keys)
  local q = open(keys, NOBODY)
  for name, more in pairs(RIGHTS) do
    if not redis.acl_check_cmd(name, keys[EXPIRY], unpack(more)) then
      return redis.error_reply('NOPERM ' .. name)
    end
  end
  counters(q, {})
  change(q)
  return close(q, 1)
end

local function version()
  return VERSION
end

local function register(name, callback, flags)
  redis.register_function {function_name = name, callback = callback, flags = flags}
end

register('camgate_version', version, {'no-writes'})
register('camgate_reserve', reserve, {})
register('camgate_probe', probe, {})
register('camgate_renew', renew, {'allow-oom'})
register('camgate_release', release, {'allow-oom'})
register('camgate_usage', usage, {'allow-oom'})
register('camgate_sweep', sweep, {'allow-oom'})
register('camgate_shift', shift, {'allow-oom'})
register('camgate_restore', restore, {'allow-oom'})
