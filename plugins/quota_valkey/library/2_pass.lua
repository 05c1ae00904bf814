-- ---- the pass ----

local function repaired(q, n)
  q.book.repaired = q.book.repaired + n
  if n > 0 then
    change(q)
  end
end

-- What is not counted yet of these fields: their sums, and the holdings by lease.
local function not_counted(q, fields)
  local sums, found, odd, scopes = {}, {}, {}, {}
  for i = 1, #fields, 2 do
    local lease, h = fields[i], holding_in(q.now, fields[i + 1])
    if lease ~= NOBODY and not h then
      odd[#odd + 1] = lease
    elseif lease ~= NOBODY then
      found[lease] = h
      for at = SCOPES, h[PASS] ~= q.book.pass and #h or 0, 2 do
        if not sums[h[at]] then
          scopes[#scopes + 1] = h[at]
        end
        sums[h[at]] = (sums[h[at]] or 0) + h[at + 1]
      end
    end
  end
  return sums, scopes, found, odd
end

-- Marks what is counted now; the clock of one that would lapse too late is put right.
local function mark(q, found)
  local kept, look = {}, {}
  for lease, h in pairs(found) do
    local late = q.sure and h[LAPSES] > q.now + h[TTL] + OFF_MS
    if late then
      h[LAPSES] = q.now + h[TTL]
      repaired(q, 1)
    end
    if late or h[PASS] ~= q.book.pass then
      h[PASS] = q.book.pass
      kept[#kept + 1], kept[#kept + 2] = lease, cmsgpack.pack(h)
    end
    if lease == q.lease then
      q.old = h
    end
    look[#look + 1], look[#look + 2] = h[LAPSES], lease
    q.book.seen, q.book.ttl = q.book.seen + 1, math.max(q.book.ttl, h[TTL])
  end
  on_many(q.keys, LEASES, 'HSET', kept)
  return look
end

local function count(q, fields)
  local pass = q.book.pass
  local sums, scopes, found, odd = not_counted(q, fields)
  local all = counters(q, scopes)
  if q.book.pass ~= pass then
    return
  end
  for scope, sum in pairs(sums) do
    all[scope].sum = all[scope].sum + sum
  end
  keep_counters(q, all)
  local look = mark(q, found)
  for first = 1, #look, WORDS do
    local last = math.min(first + WORDS - 1, #look)
    repaired(q, on(q.keys, EXPIRY, 'ZADD', 'LT', 'CH', unpack(look, first, last)))
  end
  on_many(q.keys, LEASES, 'HDEL', odd)
  repaired(q, #odd)
end

-- Too many may be in: for one lapse from now on those who renew there are held against
-- their limit.
local function look_at_limit(q, counter, ttl_ms)
  change(q)
  counter.till = math.max(counter.till, q.now + ttl_ms)
  q.book.till = math.max(q.book.till or 0, counter.till)
end

-- A counter that was too low may have let too many in.
local function compare(q, fields)
  local all = {}
  for i = 1, #fields, 2 do
    local scope = fields[i]
    local c = counter_in(q, fields[i + 1]) or {used = 0, sum = 0, till = 0, odd = true}
    if scope ~= NOBODY and (c.used ~= c.sum or c.odd) then
      repaired(q, 1)
      if c.sum > c.used and q.book.trusted then
        look_at_limit(q, c, q.book.ttl)
      end
      c.was_used, c.used = -1, c.sum
      all[scope] = c
    end
  end
  keep_counters(q, all)
end

local phases = {
  count = {key = LEASES, look_at = count, next = 'compare'},
  compare = {key = USAGE, look_at = compare, next = 'rest'},
}

-- Goes on with the pass, if there is one, for about so many fields.
local function advance(q, visits)
  local book = q.book
  while visits > 0 and phases[book.phase] do
    change(q)
    if book.process ~= process then
      begin_pass(q)
    end
    local pass, phase = book.pass, phases[book.phase]
    local got = on(q.keys, phase.key, 'HSCAN', book.cursor, 'COUNT', SLICE)
    phase.look_at(q, got[2])
    if book.pass == pass then
      book.cursor = got[1]
      if book.cursor == '0' then
        book.phase = phase.next
      end
    end
    if book.phase == 'rest' then
      book.trusted, book.ended, book.held = true, q.now, book.seen
    end
    visits = visits - 1 - #got[2] / 2
  end
end

-- The same for a call that waits for the pass.  Of many that wait some go on with it, so
-- that all others are still answered.
local function help(q)
  local left = q.book.free - q.us -- more than it can be: the clock was set back
  if left <= 0 or left > VISITS * VISIT_US then
    advance(q, VISITS)
    q.book.free = q.us + VISITS * VISIT_US
  end
end

-- Counters that may be trusted, or nil: a pass must end first.
local function trusted_counters(q, scopes)
  local all = counters(q, scopes)
  if q.book.trusted then
    return all
  end
  help(q)
  return q.book.trusted and counters(q, scopes) or nil
end
