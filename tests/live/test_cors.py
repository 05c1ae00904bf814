"""Pages of other origins: what a browser lets them do, and what each answer says."""
import pytest
import requests

import browser
from conftest import needs
from gate import Gate
from settings import laid_over

EXPOSED = ["Location", "Retry-After", "WWW-Authenticate", "X-Request-Id",
           "Idempotent-Replayed"]
APP = "https://app.example"


@pytest.fixture
def site():
    """A page's server, of an origin of its own."""
    needs("chromium")
    made = browser.Site()
    yield made
    made.close()


# ---- real pages

ASK = """
const reply = await fetch(given.url, {headers: {Authorization: "Bearer " + given.token}});
return {status: reply.status, body: await reply.json()};
"""

LIFE = """
const call = async (method, path, body, headers = {}) => {
  const reply = await fetch(given.url + path, {method, body, headers: {
      Authorization: "Bearer " + given.token,
      ...(body && {"Content-Type": "application/json"}), ...headers}});
  return {status: reply.status, body: reply.status === 204 ? null : await reply.json(),
          headers: Object.fromEntries(given.exposed.map(n => [n, reply.headers.get(n)]))};
};
const reserve = () => call("POST", "/api/v1/stream/reserve",
                           JSON.stringify({camera_id: "lobby-1"}),
                           {"Idempotency-Key": "of-a-page", traceparent: given.trace});
const reserved = await reserve();
const id = reserved.body.lease_id;
return {
  reserved, again: await reserve(),
  beaten: await call("POST", "/api/v1/stream/heartbeat/" + id),
  leases: await call("GET", "/api/v1/stream/leases"),
  released: await call("DELETE", "/api/v1/stream/release/" + id),
  unknown: await call("GET", "/none"),
  method: await call("POST", "/api/v1/stream/leases"),
  stranger: await call("GET", "/api/v1/stream/leases", undefined,
                       {Authorization: "Bearer none"}),
  invalid: await call("POST", "/api/v1/stream/reserve", "{}"),
  media: await call("POST", "/api/v1/stream/reserve", "{}",
                    {"Content-Type": "text/plain"}),
  large: await call("POST", "/api/v1/stream/reserve", "x".repeat(70000)),
};
"""

# A sandboxed frame is of the origin null.
FRAMED = """
const frame = document.createElement("iframe");
frame.sandbox = "allow-scripts";
frame.srcdoc = `<script>fetch("${given.url}").then(r => String(r.status),
    e => e.name + ": " + e.message).then(t => parent.postMessage(t, "*"))</` + "script>";
const heard = new Promise(resolve => addEventListener("message", resolve));
document.body.append(frame);
const event = await heard;
return {origin: event.origin, said: event.data};
"""


def test_a_page_of_a_listed_origin(new_gate, site):
    gate = new_gate(CAMGATE_CORS_ORIGINS=f"{APP}, {site.origin}")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen = site.run(LIFE, url=gate.url, token=gate.token(), exposed=EXPOSED, trace=trace)
    assert {name: reply["status"] for name, reply in seen.items()} == {
        "reserved": 201, "again": 201, "beaten": 200, "leases": 200, "released": 204,
        "unknown": 404, "method": 405, "stranger": 401, "invalid": 422, "media": 415,
        "large": 413}
    lease = seen["reserved"]["body"]["lease_id"]
    assert [one["lease_id"] for one in seen["leases"]["body"]["leases"]] == [lease]
    assert seen["reserved"]["headers"]["Location"].endswith(lease)
    assert seen["again"]["headers"]["Idempotent-Replayed"] == "true"
    assert all(reply["headers"]["X-Request-Id"] for reply in seen.values())
    assert seen["stranger"]["headers"]["WWW-Authenticate"].startswith("Bearer")
    assert seen["large"]["body"]["type"] == "/problems/content-too-large"
    row = gate.decisions(lease_id=lease)[0]
    assert row["outcome"] == "allow" and row["camera"] == "lobby-1"


def test_pages_of_other_origins_are_kept_out(new_gate, site):
    url = "/api/v1/stream/leases"
    blocked = {"threw": "TypeError: Failed to fetch"}
    off, on = new_gate("off"), new_gate("on", CAMGATE_CORS_ORIGINS=APP)
    for gate in (off, on):
        assert site.run(ASK, url=gate.url + url, token=gate.token()) == blocked
    framed = site.run(FRAMED, url=on.url + url)
    assert framed == {"origin": "null", "said": "TypeError: Failed to fetch"}


# ---- what answers say

def preflight(gate, path, method="POST", origin=APP, **headers):
    return requests.options(gate.url + path, timeout=10, headers={
        "Origin": origin, "Access-Control-Request-Method": method} | headers)


def lets_in(reply, origin=APP):
    assert reply.headers["Access-Control-Allow-Origin"] == origin, reply.headers
    assert reply.headers["Vary"] == "Origin"
    assert reply.headers["Access-Control-Expose-Headers"].split(", ") == EXPOSED
    assert "Access-Control-Allow-Credentials" not in reply.headers
    return reply


def keeps_out(reply):
    assert not [name for name in reply.headers if name.startswith("Access-Control")]
    assert reply.headers["Vary"] == "Origin"
    return reply


PATHS = {
    "/api/v1/stream/reserve": "POST",
    "/api/v1/stream/heartbeat/x": "POST",
    "/api/v1/stream/release/x": "DELETE",
    "/api/v1/stream/token/lobby-1": "GET, HEAD",
    "/api/v1/stream/leases": "GET, HEAD",
    "/api/v1/policy/explain": "POST",
    "/api/v1/audit": "GET, HEAD",
    "/webhook/livekit": "POST",
}


def test_preflights(new_gate):
    gate = new_gate(CAMGATE_CORS_ORIGINS=APP, LIVEKIT_API_KEY="key",
                    LIVEKIT_API_SECRET="x" * 32)
    for path, methods in PATHS.items():
        reply = lets_in(preflight(gate, path))
        assert reply.status_code == 204 and not reply.content, path
        assert reply.headers["Access-Control-Allow-Methods"] == methods, path
        allowed = reply.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "idempotency-key",
                "traceparent"} <= set(allowed)
        assert reply.headers["Access-Control-Max-Age"] == "7200"
    assert lets_in(preflight(gate, "/none")).status_code == 204
    assert keeps_out(preflight(gate, "/api/v1/audit", origin="null")).status_code == 403
    unsigned = lets_in(requests.post(gate.url + "/webhook/livekit", data="{}", timeout=10,
                                     headers={"Origin": APP}))
    assert unsigned.status_code == 401
    assert gate.rows("SELECT * FROM trail WHERE kind = 'reserve'") == []


def test_preflights_and_the_access_lists(tmp_path, new_gate):
    config = laid_over(tmp_path, listen={"deny": ["192.0.2.0/24"],
                                         "trusted_proxies": ["127.0.0.1"]})
    gate = new_gate(config=config, CAMGATE_CORS_ORIGINS=APP)
    path = "/api/v1/stream/leases"
    barred = {"X-Forwarded-For": "192.0.2.7"}
    assert lets_in(preflight(gate, path, **barred)).status_code == 403
    assert lets_in(preflight(gate, path)).status_code == 204


def test_the_administrators_listener_knows_no_origin(new_gate):
    gate = new_gate(CAMGATE_CORS_ORIGINS=APP)
    for method in ("GET", "OPTIONS"):
        reply = requests.request(method, gate.admin + "/status", timeout=10, headers={
            "Origin": APP, "Access-Control-Request-Method": "GET"})
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "Vary" not in reply.headers


# ---- the option

@pytest.mark.once
@pytest.mark.parametrize("origins, says", [
    ("https://app.example/", "a path or ends in a slash"),
    ("*", "list each one"),
    ("null", "any page can send"),
    ("https://a.example, https://App.example", "lower case"),
    ("https://a.example:443", "leave out"),
    ("https://a.example https://b.example", "commas stand between"),
    ("https://a.example,", "number 2 of its elements must be 1 to 256 bytes"),
])
def test_check_refuses_what_no_browser_sends(tmp_path, origins, says):
    gate = Gate(tmp_path / "gate", CAMGATE_CORS_ORIGINS=origins)
    done = gate.cli("check", check=False)
    assert done.returncode != 0 and says in done.stderr, done.stderr
    assert "http.cors.origins" in done.stderr and "camgate.lua:" in done.stderr
