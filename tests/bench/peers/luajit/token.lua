-- Bearer tokens: HS256 by OpenSSL, verified once, then remembered until they expire.

local cjson = require "cjson.safe"
local ffi = require "ffi"
local base64 = require "ngx.base64"
local lrucache = require "resty.lrucache"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
const EVP_MD *EVP_sha256(void);
unsigned char *HMAC(const EVP_MD *md, const void *key, int key_n, const char *text,
                    size_t n, unsigned char *out, unsigned int *out_n);
int CRYPTO_memcmp(const void *a, const void *b, size_t n);
]]

local crypto = ffi.load("libcrypto.so.3")
local sha256 = crypto.EVP_sha256()
local secret = os.getenv("GATE_SECRET")
local digest, digest_n = ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
local known = lrucache.new(20000)

local function signed(text, signature)
  crypto.HMAC(sha256, secret, #secret, text, #text, digest, digest_n)
  return #signature == 32 and crypto.CRYPTO_memcmp(digest, signature, 32) == 0
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(type(list) == "table" and list or {}) do set[item] = true end
  return set
end

-- The claims of a token that holds, and for how long; nil: it does not.
local function verified(token, now)
  local text, head, body, mark = token:match("^(([%w_-]+)%.([%w_-]+))%.([%w_-]+)$")
  if not text then return end
  local header = cjson.decode(base64.decode_base64url(head) or "")
  if type(header) ~= "table" or header.alg ~= "HS256" then return end
  if not signed(text, base64.decode_base64url(mark) or "") then return end
  local claims = cjson.decode(base64.decode_base64url(body) or "")
  if type(claims) ~= "table" or type(claims.sub) ~= "string" then return end
  if type(claims.exp) ~= "number" or claims.exp <= now then return end
  if claims.nbf ~= nil and not (type(claims.nbf) == "number" and claims.nbf <= now) then
    return
  end
  return claims, claims.exp - now
end

-- The subject of an Authorization header, or nil.
return function(header)
  if not header or header:sub(1, 7) ~= "Bearer " then return end
  local subject = known:get(header)
  if subject then return subject end
  local claims, seconds = verified(header:sub(8), ngx.time())
  if not claims then return end
  subject = {
    id = claims.sub, clearance = claims.clearance,
    roles = type(claims.roles) == "table" and claims.roles or {},
    has_role = set_of(claims.roles), has_site = set_of(claims.sites),
  }
  known:set(header, subject, seconds)
  return subject
end
