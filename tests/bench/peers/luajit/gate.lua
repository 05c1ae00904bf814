-- POST /explain {"camera_id", "quality"} with a bearer token: the verdict as JSON.

local cjson = require "cjson.safe"
local decide = require "policies"
local subject_of = require "token"

local tiers = { low = 1, medium = 2, high = 3 }
local names = { "low", "medium", "high" }
local cameras = {}

local file = assert(io.open(os.getenv("GATE_CAMERAS")))
for _, camera in ipairs(assert(cjson.decode(file:read("*a"))).cameras) do
  camera.scope, camera.uplink = "camera:" .. camera.id, "uplink:" .. camera.site
  camera.has_tag = {}
  for _, tag in ipairs(camera.tags) do camera.has_tag[tag] = true end
  cameras[camera.id] = camera
end
file:close()

local function answer(status, value)
  local text = cjson.encode(value)
  ngx.status = status
  ngx.header.content_length = #text
  ngx.print(text)
end

local function body()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  return text and cjson.decode(text)
end

local function explain()
  local asked = body()
  if type(asked) ~= "table" then return answer(400, { error = "not a JSON object" }) end
  local wish = asked.quality == nil and 3 or tiers[asked.quality]
  if type(asked.camera_id) ~= "string" or not wish then
    return answer(422, { error = "a field is not valid" })
  end
  local subject = subject_of(ngx.var.http_authorization)
  if not subject then return answer(401, { error = "no valid token" }) end
  local camera = cameras[asked.camera_id]
  if not camera then return answer(404, { error = "no such camera" }) end
  local got = decide(subject, camera, wish)
  got.camera_id, got.quality, got.tier = camera.id, names[got.tier], nil
  answer(200, got)
end

local function version()
  local n = ngx.config.ngx_lua_version
  ngx.print(("nginx %s, ngx_lua %d.%d.%d, %s"):format(ngx.var.nginx_version,
    math.floor(n / 1000000), math.floor(n / 1000) % 1000, n % 1000, jit.version))
end

return { explain = explain, version = version }
