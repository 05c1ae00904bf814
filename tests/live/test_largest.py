"""What one door takes the next takes: the largest identity on its way through all of
them, and one byte more, which is told by its bound."""
import asyncio
import csv
import io
import json
import socket
import time

import jwt
import pytest
import requests

import webrtc
from conftest import needs
from gate import Gate, problem
from pki import Authority
from proxies import OrdinaryHAProxy, OrdinaryNginx
from servers import ROOT
from test_coturn import allocation

TOKEN, HEAD, TEXT = 14336, 16384, 256  # core/base/bounds.h
SUB = ("\u00e9\"\\'%s" * TEXT).encode()[:TEXT - 2].decode(errors="ignore")
SUB += "x" * (TEXT - len(SUB.encode()))
NAME = ("\U0001f600" * TEXT)[:TEXT // 4]
PURPOSE = "\U0001f4f7" * 200
KEY = "k" * 128
CAMERA, SITE = "c" * 63, "s" * 64
GROUPS = [f"{n:08d}-89ab-4cde-8f01-23456789abcd" for n in range(200)]
ROLES = ["operator", "r" * TEXT]


def token(gate, size=TOKEN, sub=SUB, name=NAME, roles=tuple(ROLES), groups=GROUPS):
    """One of exactly that size, by a claim that fills it up."""
    body = {"sub": sub, "name": name, "roles": list(roles), "sites": [SITE],
            "exp": int(time.time()) + 3600, "groups": list(groups), "fill": ""}

    def signed():
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return text, jwt.api_jws.encode(text.encode(), gate.secret, algorithm="HS256")

    text, made = signed()
    head, _, mac = made.split(".")
    room = size - len(head) - len(mac) - 2  # bytes of base64 for the claims
    body["fill"] = "f" * (room * 3 // 4 - len(text.encode()))
    made = signed()[1]
    assert len(made) == size, (len(made), size)
    return made


@pytest.fixture
def cameras(tmp_path):
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"cameras": [{
        "id": CAMERA, "name": "N" * 256, "site": SITE, "tags": ["t" * 64] * 1,
        "attributes": {"a": "x" * 4000}}]}))
    return path


@pytest.fixture
def whole(livekit, turn, valkey, cameras, tmp_path, started):
    """The shipped policies, with the real servers behind them."""
    gate = Gate(tmp_path / "gate", policies=ROOT / "policies", cameras=cameras,
                **livekit.env(), **turn.env(), **valkey.env())
    livekit.webhook = gate.url + "/webhook/livekit"
    started(livekit)
    return started(gate)


def client_of(gate, made):
    client = gate.client("nobody")
    client.http.headers["Authorization"] = f"Bearer {made}"
    return client


async def name_in_room(grant):
    async with webrtc.joined(grant["livekit_url"], grant["token"]) as room:
        return room.local_participant.name


def test_the_largest_identity_passes_every_door(whole, turn):
    needs("turnutils_uclient")
    gate, made = whole, token(whole)
    who = client_of(gate, made)
    words = who.explain(CAMERA, purpose=PURPOSE).json()
    assert words["verdict"] == "allow", words
    assert f"user:{SUB}" in [scope["name"] for scope in words["scopes"]]

    grant = who.grant(CAMERA, purpose=PURPOSE, headers={"Idempotency-Key": KEY})
    again = who.reserve(CAMERA, purpose=PURPOSE, headers={"Idempotency-Key": KEY})
    assert again.json()["lease_id"] == grant["lease_id"]
    lease = grant["lease_id"]
    assert who.heartbeat(lease).status_code == 200
    assert who.fresh_token(CAMERA).status_code == 200
    assert [entry["subject"] for entry in who.leases()] == [SUB]
    assert [c["id"] for c in who.call("GET", "/api/v1/cameras").json()["cameras"]] \
        == [CAMERA]

    assert asyncio.run(name_in_room(grant)) == NAME
    (server,) = [s for s in grant["ice_servers"] if "username" in s]
    assert allocation(turn, server["username"], server["credential"])

    for _ in range(3):
        who.grant(CAMERA)
    full = problem(who.reserve(CAMERA), 409, "quota-full")
    assert full["scope"] == f"user:{SUB}" and full["in_use"] == full["limit"] == 4
    assert full["detail"] == f"user:{SUB} is full: 4 in use of 4"
    assert full["reason"] == f"user:{SUB} is full" and len(full["conflicts"]) == 4

    read_everywhere(gate, who, lease)
    gate.kill()
    gate.start()
    assert len(who.leases()) == 4
    assert who.heartbeat(lease).status_code == 200
    read_everywhere(gate, who, lease)
    for entry in who.leases():
        assert who.release(entry["lease_id"]).status_code == 204


def read_everywhere(gate, who, lease):
    """The rows, by the views, REST and the commands."""
    (row,) = gate.rows("""SELECT * FROM trail WHERE lease_id = ? AND lease_id <> ''
        AND kind = 'decision'""", lease)
    terms = json.loads(row["facts"])["terms"]
    assert row["subject"] == SUB and terms["name"] == NAME
    assert terms["identity"]["claims"]["groups"] == GROUPS
    assert json.loads(row["facts"])["purpose"] == PURPOSE
    assert SUB in [r["subject"] for r in gate.rows("SELECT * FROM sessions")]
    assert SUB in [r["subject"] for r in gate.rows("SELECT * FROM denials")]

    auditor = gate.client("eve", roles=["auditor"])
    events = auditor.audit(subject=SUB, limit=1000).json()["events"]
    assert lease in [event["lease_id"] for event in events]
    told = gate.cli("audit", "query", "--subject", SUB, "--format", "json").stdout
    assert lease in [json.loads(line)["lease_id"] for line in told.splitlines()]
    exported = gate.cli("audit", "export").stdout
    assert SUB in [r["subject"] for r in csv.DictReader(io.StringIO(exported))]
    assert gate.cli("audit", "verify").stdout.startswith("intact")
    gate.vars["CAMGATE_TOKEN"] = gate.token("root", roles=["admin"])
    shown = json.loads(gate.cli("lease", "show", lease, "--format", "json").stdout)
    assert shown["subject"] == SUB
    assert lease in gate.cli("lease", "ls").stdout


def test_two_hundred_groups_are_no_reason_to_stay_outside(gate):
    made = gate.token(groups=GROUPS)
    assert 10_000 < len(made) < TOKEN
    client_of(gate, made).grant()


@pytest.mark.once
@pytest.mark.parametrize("proxy", (OrdinaryNginx, OrdinaryHAProxy))
def test_the_shipped_proxies_take_the_largest_token(proxy, new_gate, cameras, tmp_path,
                                                    started):
    gate = new_gate(policies=ROOT / "policies", cameras=cameras)
    authority = Authority(tmp_path / "pki")
    front = started(proxy(tmp_path / "front", gate, authority.issue()))
    reply = requests.post(front.fronts[proxy.SECURE] + "/api/v1/stream/reserve",
                          headers={"Authorization": f"Bearer {token(gate)}"},
                          json={"camera_id": CAMERA, "purpose": PURPOSE},
                          verify=authority.ca, timeout=20)
    assert reply.status_code == 201, reply.text


def test_one_byte_more_is_told_by_its_bound(new_gate, cameras):
    gate = new_gate(policies=ROOT / "policies", cameras=cameras)
    who = client_of(gate, token(gate))
    who.grant(CAMERA)
    over = {
        "14336 bytes": token(gate, size=TOKEN + 1),
        "sub must be 1 to 256 bytes": token(gate, sub=SUB + "x", groups=[]),
        "roles must be a list of at most 256 plain": token(
            gate, roles=["operator", "r" * (TEXT + 1)], groups=[]),
    }
    for words, made in over.items():
        said = problem(client_of(gate, made).reserve(CAMERA), 401, "unauthenticated")
        assert words in said["detail"], said
    many = gate.token(sub="a", roles=["r"] * (TEXT + 1))
    assert "256" in problem(client_of(gate, many).reserve(CAMERA), 401)["detail"]

    said = problem(who.reserve(CAMERA, purpose=PURPOSE + "x"), 422)
    assert "200 characters" in said["errors"][0]["detail"]
    said = problem(who.reserve(CAMERA, headers={"Idempotency-Key": KEY + "k"}), 400)
    assert "128" in said["detail"]
    said = problem(who.reserve(CAMERA + "c"), 422)
    assert "63" in said["errors"][0]["detail"]
    assert "8192 bytes" in problem(who.call("GET", "/api/v1/cameras?x=" + "y" * 8192),
                                   414)["detail"]
    assert "65536 bytes" in problem(who.call("POST", "/api/v1/policy/explain",
                                             data="x" * 65537), 413)["detail"]


def test_a_head_of_one_byte_more_is_told_by_its_bound(gate):
    for more, status in ((0, b"401"), (1, b"431")):
        head = b"GET /api/v1/cameras HTTP/1.1\r\nHost: gate\r\nX: "
        head += b"x" * (HEAD - len(head) - 4 + more) + b"\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gate.port), 10) as s:
            s.sendall(head)
            answer = s.recv(65536)
        assert answer.split()[1] == status, answer[:200]
        assert (b"16384 bytes" in answer) == (more == 1)


def test_a_policy_of_the_longest_texts_has_room_for_them(new_gate, tmp_path):
    """The longest reason ends a lease whole; the most scopes and usages fit its row."""
    folder = tmp_path / "longest"
    folder.mkdir()
    (folder / "10.lua").write_text("""
local all, long = {}, "%s"
for i = 1, 32 do all[i] = i .. long end
return {
  name = "%s",
  decide = function(req)
    if req.purpose == "no" then return deny("%s") end
    local scopes = {}
    for i = 1, 32 do
      usage(all[i])
      scopes[i] = scope(all[i], i == 32 and req.quality == "low" and 0 or 9)
    end
    return allow { scopes = scopes }
  end,
}""" % ('\\"' * 382, "p" * 64, "d" * 300))
    gate = new_gate(policies=folder)
    alice = gate.client()
    grant = alice.grant()
    (row,) = gate.rows("SELECT facts FROM trail WHERE lease_id = ?", grant["lease_id"])
    facts = json.loads(row["facts"])
    assert len(facts["usage"]) == len(facts["terms"]["scopes"]) == 32
    assert problem(alice.reserve(purpose="no"), 403)["reason"] == "d" * 300
    gate.kill()
    gate.start()
    assert alice.heartbeat(grant["lease_id"]).status_code == 200
    (folder / "20.lua").write_text(
        'return { name = "q", decide = function() return deny("%s") end }' % ("e" * 300))
    assert requests.post(gate.admin + "/reload", timeout=20).ok
    ended = problem(alice.heartbeat(grant["lease_id"]), 410)
    assert ended["reason"] == "e" * 300
    assert problem(alice.heartbeat(grant["lease_id"]), 410)["reason"] == "e" * 300
