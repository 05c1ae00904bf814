-- camgate.lua - the gate's configuration.
--
-- env "NAME" is an environment variable, or nil when it is unset or empty; nil keeps the
-- default.  env("NAME", 8090) has its default beside it, and a number there makes the
-- variable a number.  file "path" reads a secret from a file.  Relative paths, those of
-- variables too, start at this file's folder.  What is left out has the default that
-- `camgate check --options` tells; `camgate check` says what is wrong, with its line.

local valkey = env "VALKEY_URL"

return {
  listen = {
    address = "0.0.0.0",                   -- "::" is IPv6 and IPv4; a list, names too
    port    = env("CAMGATE_PORT", 8090),
    tls = {                                -- without cert: plain HTTP
      cert      = env "CAMGATE_TLS_CERT",  -- PEM, the chain; read again at a reload
      key       = env "CAMGATE_TLS_KEY",
      client_ca = env "CAMGATE_TLS_CLIENT_CA",      -- clients must show a certificate
    },
    -- allow = { "10.0.0.0/8", "::1" },    -- client networks; all
    -- deny  = { "10.6.6.0/24" },          -- wins
    -- trusted_proxies = { "127.0.0.1" },  -- their X-Forwarded-For is believed
  },
  admin = { address = "127.0.0.1", port = env("CAMGATE_ADMIN_PORT", 8091) },
  http = {
    cors = { origins = env "CAMGATE_CORS_ORIGINS" },  -- whose pages may call: none, or
  },                                                  -- "https://a.example, https://b..."

  workers   = env("CAMGATE_WORKERS", 0),   -- threads; 0: one a CPU
  state_dir = env "CAMGATE_STATE_DIR",     -- the audit trail; ../state in a checkout
  policies  = {
    dir  = env "CAMGATE_POLICIES",         -- folder of Lua policies; ../policies
    zone = env "CAMGATE_ZONE",             -- of req.time: "Europe/Berlin"; TZ, else the
  },                                       -- system's
  log_level = "info",
  drain_s   = 10,

  -- Who may call: user tokens.  Without a key a development secret is made in state_dir.
  jwt = {
    secret   = env "CAMGATE_JWT_SECRET",   -- HS256, 32 bytes or more
    -- public_key = "users.pem",           -- or RS256, ES256
    jwks     = env "CAMGATE_JWKS",         -- or the issuer's: https URL, or a file
    jwks_ca  = env "CAMGATE_JWKS_CA",      -- who signs that URL's server; the system's
    issuer   = env "CAMGATE_JWT_ISSUER",
    audience = env "CAMGATE_JWT_AUDIENCE",
    roles_claim = "roles",                 -- Keycloak: "realm_access.roles"
    sites_claim = "sites",
  },

  -- Sites in another time zone than the gate: their cameras' req.time is in it.
  -- sites = { ["harbor-north"] = { zone = "Europe/Lisbon" } },

  lease = {
    beat_s    = 20,     -- clients are told to beat this often
    lapse_s   = 60,     -- without a beat for so long, it is over
    longest_s = 3600,   -- hard end, when no policy says another
    token_s   = 3600,
  },

  -- Qualities, the lowest kbit/s first.
  tiers = {
    { name = "low",    width = 640,  height = 360,  fps = 15, kbps = 500 },
    { name = "medium", width = 1280, height = 720,  fps = 25, kbps = 1500 },
    { name = "high",   width = 1920, height = 1080, fps = 25, kbps = 3000 },
  },

  -- What a policy may use before it is cut off: its request is refused, nobody else's.
  limits = { memory_mib = 32, instructions = 1000000, resume_ms = 20, decide_ms = 50 },

  -- How long each part may take before the answer is 503.
  deadlines_ms = { cameras = 1000, quota = 1000, room = 3000, ice = 1000, audit = 900,
                   query = 10000 },

  -- Drivers, in order: a name, then its options (`camgate plugin ls`).
  plugins = {
    { "cameras_file", path = env("CAMGATE_CAMERAS", "cameras.json") },

    valkey and { "quota_valkey", url = valkey, ca = env "VALKEY_CA" }  -- of many gates
            or { "quota_local" },                                      -- this gate's own

    { "room_livekit",                             -- without url: tokens, no rooms
      url         = env "LIVEKIT_URL",
      public_url  = env "LIVEKIT_PUBLIC_URL",
      api_key     = env "LIVEKIT_API_KEY",
      api_secret  = env "LIVEKIT_API_SECRET",
      webhook_key = env "LIVEKIT_WEBHOOK_KEY",
      webhook_secret = env "LIVEKIT_WEBHOOK_SECRET" },

    { "ice_turn",                                 -- without domain: no TURN servers
      domain   = env "TURN_DOMAIN",
      secret   = env "TURN_SECRET",
      user     = env "TURN_USER",
      password = env "TURN_PASSWORD",
      port     = env("TURN_PORT", 3478),
      tls_port = env("TURN_TLS_PORT", 5349) },

    { "audit_sqlite" },
  },
}
