#!lua name=camgate_quota

-- The quota of many gates in one Valkey.  Every function is one atomic step over three
-- keys, always passed in this order:
--   usage   hash   scope -> what is in use, in the scope's own unit
--   leases  hash   lease -> its holding, msgpack of {scope, weight, scope, weight, ...}
--   expiry  zset   lease -> when the holding lapses, milliseconds of this server's clock
-- The cost of a call grows with the scopes of its lease (at most 32), never with what
-- others hold.  A holding counts until it is released or swept, so it ends exactly once.

local VERSION = 1001 -- 1000 * major + minor; a gate accepts its own major

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function holding_of(keys, lease)
  local packed = redis.call('HGET', keys[2], lease)
  return packed and cmsgpack.unpack(packed)
end

-- Adds new (or nothing) and subtracts old (or nothing) in one pass over the scopes.
local function recount(keys, new, old)
  local delta = {}
  for i = 1, #new, 2 do
    delta[new[i]] = new[i + 1]
  end
  for i = 1, #old, 2 do
    delta[old[i]] = (delta[old[i]] or 0) - old[i + 1]
  end
  for scope, by in pairs(delta) do
    if by ~= 0 and redis.call('HINCRBY', keys[1], scope, by) <= 0 then
      redis.call('HDEL', keys[1], scope)
    end
  end
end

local function take(keys, lease, ttl_ms, new, old)
  recount(keys, new, old or {})
  redis.call('HSET', keys[2], lease, cmsgpack.pack(new))
  redis.call('ZADD', keys[3], now_ms() + ttl_ms, lease)
end

local function drop(keys, lease)
  local old = holding_of(keys, lease)
  if old then
    recount(keys, {}, old)
    redis.call('HDEL', keys[2], lease)
  end
  redis.call('ZREM', keys[3], lease)
end

-- {scope, weight, ...} out of args[first..first + 2 * n - 1]
local function holding_from(args, first, n)
  local holding = {}
  for i = first, first + 2 * n - 2, 2 do
    holding[#holding + 1] = args[i]
    holding[#holding + 1] = tonumber(args[i + 1])
  end
  return holding
end

-- In use in each of the scopes, without what the lease itself holds.
local function used_by_others(keys, scopes, own)
  local used = {}
  if #scopes > 0 then
    used = redis.call('HMGET', keys[1], unpack(scopes))
  end
  local mine = {}
  for i = 1, #own, 2 do
    mine[own[i]] = own[i + 1]
  end
  for i = 1, #scopes do
    used[i] = (tonumber(used[i]) or 0) - (mine[scopes[i]] or 0)
  end
  return used
end

-- The holding at this bitrate, or nil and the first scope that is full.
local function fit(ask, used, kbps)
  local holding = {}
  for i, scope in ipairs(ask.scopes) do
    local weight = ask.weighted[i] and kbps or 1
    if used[i] + weight > tonumber(ask.limits[i]) then
      return nil, i
    end
    holding[2 * i - 1], holding[2 * i] = scope, weight
  end
  return holding
end

-- args: lease, ttl_ms, rungs, kbps of each rung, then scope, limit, weighted (0, 1) ...
-- Answers {rung from 0} or {-1, scope, limit, in use}.
local function reserve(keys, args)
  local lease, rungs = args[1], tonumber(args[3])
  local ask = {scopes = {}, limits = {}, weighted = {}}
  for i = 4 + rungs, #args, 3 do
    local n = #ask.scopes + 1
    ask.scopes[n], ask.limits[n] = args[i], args[i + 1]
    ask.weighted[n] = args[i + 2] == '1'
  end
  local old = holding_of(keys, lease)
  local used = used_by_others(keys, ask.scopes, old or {})
  local holding, full
  for rung = 1, rungs do
    holding, full = fit(ask, used, tonumber(args[3 + rung]))
    if holding then
      take(keys, lease, tonumber(args[2]), holding, old)
      return {rung - 1}
    end
  end
  return {-1, ask.scopes[full], ask.limits[full], used[full]}
end

-- args: lease, ttl_ms, n, then scope, weight ...  Answers 1, or 0 for an unknown lease.
local function renew(keys, args)
  local old = holding_of(keys, args[1])
  if not old then
    return 0
  end
  take(keys, args[1], tonumber(args[2]), holding_from(args, 4, tonumber(args[3])), old)
  return 1
end

-- args: lease, ttl_ms, n, scope, weight ... for each lease.  Known ones stay as they are.
local function restore(keys, args)
  local i, taken = 1, 0
  while i <= #args do
    local n = tonumber(args[i + 2])
    if redis.call('HEXISTS', keys[2], args[i]) == 0 then
      take(keys, args[i], tonumber(args[i + 1]), holding_from(args, i + 3, n))
      taken = taken + 1
    end
    i = i + 3 + 2 * n
  end
  return taken
end

-- args: lease, lease ...
local function release(keys, args)
  for _, lease in ipairs(args) do
    drop(keys, lease)
  end
  return #args
end

-- args: scope
local function usage(keys, args)
  return tonumber(redis.call('HGET', keys[1], args[1])) or 0
end

-- args: how many at most.  Answers how many lapsed.
local function sweep(keys, args)
  local due =
    redis.call('ZRANGE', keys[3], '-inf', now_ms(), 'BYSCORE', 'LIMIT', 0, args[1])
  for _, lease in ipairs(due) do
    drop(keys, lease)
  end
  return #due
end

local function version()
  return VERSION
end

local function register(name, callback, flags)
  redis.register_function {function_name = name, callback = callback, flags = flags}
end

register('camgate_version', version, {'no-writes'})
register('camgate_reserve', reserve, {})
register('camgate_renew', renew, {'allow-oom'})
register('camgate_release', release, {'allow-oom'})
register('camgate_usage', usage, {'no-writes'})
register('camgate_sweep', sweep, {'allow-oom'})
register('camgate_restore', restore, {'allow-oom'})
