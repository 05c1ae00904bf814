#!lua name=camgate_quota

-- The quota of many gates in one Valkey.  Every function is one atomic step over three
-- keys, always passed in this order:
--   usage   hash   scope -> its counter: "in use", or more words (see counter_in)
--   leases  hash   lease -> its holding, msgpack of {lapses at, ttl, pass, scope,
--                  weight, scope, weight, ...}; times in ms of the quota's clock
--   expiry  zset   lease -> when to look at it: never later than its holding lapses
-- The holdings are the truth; counters and expiry are derived.  A pass over all holdings
-- counts anew, a slice a call, beside what goes on: every holding bears the pass that has
-- counted it, every counter the sum of those.  Then each counter is held against its sum.
--
-- Each hash has a field of nobody's: in `leases` the book (which pass, how far, how the
-- quota's clock differs from TIME), in `usage` the pass.  They differ when either key was
-- lost, replaced or restored alone: then nothing is granted before a pass has ended.
-- A key of another type is deleted.  What is lost of the holdings comes back by the
-- gates' renewals: they hear that the lease is unknown, and reserve anew.
--
-- The cost of a call grows with the scopes of its lease (at most 32), or is bounded, but
-- never with what others hold.  A holding counts until it is released or swept: it ends
-- once.

local VERSION = 1002 -- 1000 * major + minor; a gate accepts its own major

local USAGE, LEASES, EXPIRY = 1, 2, 3
local NOBODY = ''
local LAPSES, TTL, PASS, SCOPES = 1, 2, 3, 4 -- of a holding; SCOPES: the first

local SLICE = 256      -- fields of one HSCAN, about
local VISITS = 512     -- fields that one call looks at, about, before it answers
local VISIT_US = 16    -- for each, until the next such call: half the time is others'
local WORDS = 2000     -- of one command, at most
local OFF_MS = 1000    -- a clock further off than this has stepped
-- The ttl of a holding that version 1001 kept, scopes and weights alone: until it is
-- renewed it lapses when `expiry` says; so late, if that is lost.
local BARE_MS = 600001
-- From the end of a pass to the next one, by the number of holdings; to one that has to
-- confirm that a scope is full.
local PASS_MS = {least = 1000, each = 5, most = 20000}
local CONFIRM_MS = {least = 200, each = 1}

-- Cursors of HSCAN hold within one server process: this tells it from those before.
local process

-- ---- reading ----

-- A key of another type is not ours.
local function on(keys, which, command, ...)
  local got = redis.pcall(command, keys[which], ...)
  if type(got) ~= 'table' or not got.err then
    return got
  end
  if string.find(got.err, 'WRONGTYPE', 1, true) ~= 1 then
    error(got)
  end
  redis.call('UNLINK', keys[which])
  return redis.call(command, keys[which], ...)
end

-- The same for a list of any length; for HMGET the answers in one list.
local function on_many(keys, which, command, words)
  if #words <= WORDS then
    return #words > 0 and on(keys, which, command, unpack(words)) or {}
  end
  local all = {}
  for first = 1, #words, WORDS do
    local got =
      on(keys, which, command, unpack(words, first, math.min(first + WORDS - 1, #words)))
    for i = 1, type(got) == 'table' and #got or 0 do
      all[first + i - 1] = got[i]
    end
  end
  return all
end

local function table_in(packed)
  local ok, value = pcall(cmsgpack.unpack, packed or '')
  return ok and type(value) == 'table' and value or nil
end

local function is_count(n)
  return type(n) == 'number' and n >= 0 and n < 2 ^ 53
end

-- nil: it is none.
local function holding_in(now, packed)
  local h = packed and table_in(packed)
  if h and type(h[LAPSES]) ~= 'number' and #h <= 64 then
    h = {now + BARE_MS, BARE_MS, NOBODY, unpack(h)}
  end
  if not h or not is_count(h[LAPSES]) or not is_count(h[TTL]) or h[TTL] >= 2 ^ 32 then
    return nil
  end
  for i = SCOPES, #h, 2 do
    if type(h[i]) ~= 'string' or not is_count(h[i + 1]) then
      return nil
    end
  end
  return h
end

-- "in use", or "in use, sum, pass, till": the sum is of that pass, while it lasts; until
-- `till` a renewal is held against its limit, too.  nil: it is none.
local function counter_in(q, text)
  local plain = tonumber(text or 0)
  if is_count(plain) then
    return {used = plain, sum = 0, till = 0, was_used = plain, was_sum = 0}
  end
  local used, sum, pass, till = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
  if not used then
    return nil
  end
  sum = q.book.phase ~= 'rest' and pass == q.book.pass and tonumber(sum) or 0
  used = tonumber(used)
  return {used = used, sum = sum, till = tonumber(till), was_used = used, was_sum = sum}
end

-- The book as it was read or written last: hardly a call finds another.
local last = {}

local function book_in(packed)
  if packed and packed == last.packed then
    return last.book
  end
  local book = table_in(packed) or {}
  local fresh = {pass = '0', phase = 'rest', cursor = '0', shift = 0, trusted = false,
                 ended = 0, seen = 0, held = 0, ttl = 0, till = 0, repaired = 0,
                 free = 0, process = ''}
  for name, value in pairs(fresh) do
    if type(book[name]) ~= type(value) then
      return fresh
    end
  end
  last.packed, last.book = packed, book
  return book
end

-- The book is being changed; close writes it.
local function change(q)
  q.changed, last.packed = true, nil
end

-- What one call works with.  expected: the quota's time as the gate's own clock tells it;
-- nil or 0: it does not know.
local function open(keys, lease, expected)
  local got, time = on(keys, LEASES, 'HMGET', NOBODY, lease), redis.call('TIME')
  local book, us = book_in(got[1]), time[1] * 1000000 + time[2]
  local now = math.floor(us / 1000) + book.shift
  process = process or string.format('%.0f', us)
  expected = tonumber(expected or 0)
  local sure = expected ~= 0
  return {keys = keys, lease = lease, book = book, us = us, now = now, sure = sure,
          off = sure and math.abs(now - expected) > OFF_MS,
          old = got[2] and holding_in(now, got[2]) or nil, changed = false}
end

-- ---- counters ----

local function begin_pass(q)
  local book = q.book
  change(q)
  book.pass = string.format('%.0f', math.max(q.us, (tonumber(book.pass) or 0) + 1))
  book.phase, book.cursor, book.process = 'count', '0', process
  book.seen, book.ttl = 0, 0
  on(q.keys, USAGE, 'HSET', NOBODY, book.pass)
end

local function begin_anew(q)
  q.book.trusted = false
  redis.call('UNLINK', q.keys[USAGE])
  begin_pass(q)
end

-- What is in use in each of the scopes, if all counters are plain numbers that may be
-- trusted, and no pass is under way; else nil.
local function plain_counters(q, scopes)
  if q.book.phase ~= 'rest' or not q.book.trusted then
    return nil
  end
  local got = on(q.keys, USAGE, 'HMGET', NOBODY, unpack(scopes))
  local used, whole = {}, got[1] == q.book.pass
  for i = 1, #scopes do
    local n = tonumber(got[i + 1] or 0)
    whole = whole and is_count(n)
    used[i] = n
  end
  return whole and used or nil
end

-- scope -> counter.  Counters that cannot be right are all forgotten.
local function counters(q, scopes)
  local fields = {NOBODY}
  for i, scope in ipairs(scopes) do
    fields[i + 1] = scope
  end
  local got = on_many(q.keys, USAGE, 'HMGET', fields)
  local all, whole = {}, got[1] == q.book.pass
  for i, scope in ipairs(scopes) do
    all[scope] = counter_in(q, got[i + 1] or nil)
    whole = whole and all[scope] ~= nil
  end
  if not whole then
    begin_anew(q)
    for _, scope in ipairs(scopes) do
      all[scope] = {used = 0, sum = 0, till = 0, was_used = 0, was_sum = 0}
    end
  end
  return all
end

local function counter_out(q, c)
  if q.book.phase == 'rest' and c.till <= q.now then
    return c.used
  end
  return string.format('%.0f %.0f %s %.0f', c.used, c.sum, q.book.pass, c.till)
end

local function keep_counters(q, all)
  local kept, gone = {}, {}
  for scope, c in pairs(all) do
    c.used, c.sum = c.used > 0 and c.used or 0, c.sum > 0 and c.sum or 0
    local changed = c.used ~= c.was_used or c.sum ~= c.was_sum
    if changed and c.used == 0 and c.sum == 0 then
      gone[#gone + 1] = scope
    elseif changed then
      kept[#kept + 1], kept[#kept + 2] = scope, counter_out(q, c)
    end
  end
  on_many(q.keys, USAGE, 'HSET', kept)
  on_many(q.keys, USAGE, 'HDEL', gone)
end
