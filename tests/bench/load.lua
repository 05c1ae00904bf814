-- wrk's requests: POST PATH of each line of REQUESTS ("token<TAB>body"), round and round.
-- Each thread has its own share of the lines; nothing is built while the clock runs.
-- Bodies should end differently: LuaJIT hashes little more than the ends of a text, and
-- keeping 64,000 that look alike takes it minutes.
local threads = 0

function setup(thread)
  thread:set("share", threads)
  threads = threads + 1
  thread:set("shares", tonumber(os.getenv("BENCH_THREADS")))
end

function init()
  requests, at = {}, 0
  local number = 0
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    if number % shares == share then
      local token, body = line:match("^(.-)\t(.*)$")
      requests[#requests + 1] = wrk.format("POST", os.getenv("BENCH_PATH"), {
        ["Host"] = "gate", ["Content-Type"] = "application/json",
        ["Authorization"] = token ~= "" and "Bearer " .. token or nil,
      }, body)
    end
    number = number + 1
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
