"""A grant's life over REST on the embedded default."""
import datetime
import re

import jwt
import pytest
import requests

from gate import problem
from wait import until

RESERVED = {"lease_id", "camera_id", "quality", "quality_requested", "why", "decision_id",
            "expires_at", "ends_at", "heartbeat_after_s", "room", "livekit_url", "token",
            "token_expires_at", "ice_servers"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UNKNOWN = "00" * 14


def moment(text):
    assert RFC3339.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def alice(gate):
    return gate.client("alice")


def test_reserve_answers_all_that_a_client_needs(gate, alice):
    reply = alice.reserve()
    assert reply.status_code == 201, reply.text
    grant = reply.json()
    assert RESERVED <= set(grant)
    assert reply.headers["Location"].endswith(grant["lease_id"])
    assert grant["camera_id"] == "lobby-1" and grant["quality"] == "high"
    assert grant["room"] == "camera_lobby-1" and grant["heartbeat_after_s"] == 20
    assert moment(grant["expires_at"]) <= moment(grant["ends_at"])
    assert moment(grant["token_expires_at"]) <= moment(grant["ends_at"])
    assert "canary-feed" not in reply.text


def test_token_opens_one_room_for_watching_only(alice):
    grant = alice.grant(quality="medium")
    token = claims(grant["token"])
    assert grant["room"] == "camera_lobby-1.medium" == token["video"]["room"]
    assert token["sub"] == grant["lease_id"]
    assert token["video"]["roomJoin"] is True and token["video"]["canSubscribe"] is True
    for grown in ("canPublish", "canPublishData", "canUpdateOwnMetadata"):
        assert token["video"][grown] is False
    assert not {"roomAdmin", "roomCreate",
                "roomList"} & {k for k, v in token["video"].items() if v}
    assert token["exp"] <= moment(grant["ends_at"]).timestamp() + 1


def test_row_is_there_with_the_reply(gate, alice):
    grant = alice.grant()
    (row,) = gate.decisions(lease_id=grant["lease_id"])
    assert row["outcome"] == "allow" and row["subject"] == "alice"
    assert row["camera"] == "lobby-1" and row["quality"] == "high"
    assert row["decision_id"] == grant["decision_id"] \
        and len(row["policy_revision"]) == 64
    assert row["client_addr"] == "127.0.0.1"


def test_heartbeat_moves_expiry(alice):
    grant = alice.grant()
    reply = alice.heartbeat(grant["lease_id"])
    assert reply.status_code == 200, reply.text
    beat = reply.json()
    assert moment(beat["expires_at"]) >= moment(grant["expires_at"])
    assert beat["heartbeat_after_s"] == 20 and beat["quality"] == "high"
    assert not beat.get("token")


def test_release_twice_then_gone(gate, alice):
    lease = alice.grant()["lease_id"]
    assert alice.release(lease).status_code == 204
    assert alice.release(lease).status_code == 204
    over = problem(alice.heartbeat(lease), 410, "lease-ended")
    assert over["ended_by"] == "released"
    ends = gate.rows("SELECT * FROM trail WHERE kind = 'end' AND lease_id = ?", lease)
    assert [row["outcome"] for row in ends] == ["released"]


def test_a_strangers_lease_is_not_found(gate, alice):
    lease = alice.grant()["lease_id"]
    bob = gate.client("bob")
    problem(bob.heartbeat(lease), 404, "not-found")
    problem(bob.release(lease), 404, "not-found")
    problem(bob.fresh_token("lobby-1"), 404, "not-found")
    assert [entry["lease_id"] for entry in alice.leases()] == [lease]


@pytest.mark.parametrize("lease", [UNKNOWN, "nonsense", "%00", "a" * 300])
def test_an_unknown_lease_is_not_found(alice, lease):
    assert alice.heartbeat(lease).status_code in (400, 404)
    assert alice.release(lease).status_code in (400, 404)


def test_token_needs_a_live_lease(alice):
    problem(alice.fresh_token("lobby-1"), 404, "not-found")
    grant = alice.grant()
    reply = alice.fresh_token("lobby-1")
    assert reply.status_code == 200, reply.text
    assert claims(reply.json()["token"])["sub"] == grant["lease_id"]
    alice.release(grant["lease_id"])
    problem(alice.fresh_token("lobby-1"), 404, "not-found")


def test_leases_are_the_callers_own_or_all_for_an_admin(gate, alice):
    mine = alice.grant()["lease_id"]
    theirs = gate.client("bob").grant()["lease_id"]
    assert [entry["lease_id"] for entry in alice.leases()] == [mine]
    admin = gate.client("root", roles=["admin"])
    assert {entry["lease_id"] for entry in admin.leases()} == {mine, theirs}


def test_cameras_are_those_the_caller_may_watch(alice):
    reply = alice.call("GET", "/api/v1/cameras")
    assert reply.status_code == 200, reply.text
    seen = {camera["id"]: camera for camera in reply.json()["cameras"]}
    assert "lobby-1" in seen and "roof-1" in seen and "south-1" not in seen
    assert "rtsp" not in reply.text and "canary-feed" not in reply.text
    assert "high" in seen["lobby-1"].values() and "low" in seen["roof-1"].values()


def test_the_lowest_cap_wins_and_says_why(alice):
    grant = alice.grant("roof-1", quality="high")
    assert grant["quality"] == "low" and grant["quality_requested"] == "high"
    assert grant["room"] == "camera_roof-1.low" and grant["why"]


def test_a_full_scope_answers_with_its_numbers(gate, alice):
    alice.grant("gate-1")
    full = problem(gate.client("bob").reserve("gate-1"), 409, "quota-full")
    assert (full["scope"], full["limit"], full["in_use"]) == ("camera:gate-1", 1, 1)
    (row,) = gate.decisions(subject="bob")
    assert row["outcome"] != "allow" and not gate.rows(
        "SELECT * FROM trail WHERE subject = 'bob' AND outcome = 'allow'")


def test_conflicts_name_the_callers_own_leases(alice):
    held = [alice.grant("crowd-1")["lease_id"] for _ in range(4)]
    full = problem(alice.reserve("crowd-1"), 409, "quota-full")
    assert full["scope"] == "user:alice" and sorted(full["conflicts"]) == sorted(held)


def test_a_weighted_scope_steps_down_the_ladder(gate):
    tiers = [gate.client(f"user{n}").reserve("yard-1") for n in range(4)]
    granted = [r.json()["quality"] for r in tiers if r.status_code == 201]
    assert granted == ["high", "low", "low"], [r.text for r in tiers]
    assert problem(tiers[3], 409)["scope"] == "uplink:yard-1"


def test_replace_swaps_in_one_step(gate, alice):
    old = alice.grant("gate-1")["lease_id"]
    new = alice.grant("gate-1", replace=[old])["lease_id"]
    assert problem(alice.heartbeat(old), 410)["ended_by"] == "replaced"
    assert alice.heartbeat(new).status_code == 200


def test_an_idempotency_key_gives_the_same_lease(alice):
    key = {"Idempotency-Key": "one-button-press"}
    first, second = alice.reserve(headers=key), alice.reserve(headers=key)
    assert first.status_code == second.status_code == 201
    assert first.json()["lease_id"] == second.json()["lease_id"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_lease_ends_at_its_hard_end_once(gate, alice):
    lease = alice.grant("brief-1")["lease_id"]
    over = until(lambda: gate.rows("SELECT * FROM trail "
                                   "WHERE kind = 'end' AND lease_id = ?", lease),
                 "the lease's end", seconds=15)
    assert [row["outcome"] for row in over] == ["expired"]
    assert problem(alice.heartbeat(lease), 410)["ended_by"] == "expired"
    assert alice.release(lease).status_code == 204
    assert len(gate.rows("SELECT * FROM trail WHERE kind = 'end' AND lease_id = ?",
                         lease)) == 1


def test_explain_takes_nothing_and_leaves_no_row(gate, alice):
    before = until(lambda: len(gate.rows()), "the start's row")
    reply = alice.explain("gate-1")
    assert reply.status_code == 200, reply.text
    assert "10_people.lua" in reply.text and re.search(r'"line"\s*:\s*\d+', reply.text)
    alice.explain("gate-1"), alice.explain("vault-1")
    assert len(gate.rows()) == before and alice.leases() == []
    alice.grant("gate-1")


@pytest.mark.parametrize("camera", ["broken-1", "loop-1", "odd-1"])
def test_a_failing_policy_denies_its_own_request_only(gate, alice, camera):
    bad = problem(alice.reserve(camera), 403, "denied")
    assert "policy_error" in (bad.get("reason", "") + bad["detail"])
    (row,) = gate.decisions(camera=camera)
    assert row["outcome"] == "deny" and "policy_error" in row["reason"]
    alice.grant()


def test_a_denial_carries_rule_reason_and_decision(gate, alice):
    no = problem(alice.reserve("vault-1"), 403, "denied")
    assert no["reason"] == "this camera is closed" and no["rule"] == "cameras"
    (row,) = gate.rows("SELECT * FROM denials")
    assert row["decision_id"] == no["decision_id"] and row["reason"] == no["reason"]


def test_audit_is_for_auditors(gate, alice):
    grant = alice.grant()
    problem(alice.audit(), 403)
    auditor = gate.client("ann", roles=["auditor"])
    reply = auditor.audit(subject="alice", kind="decision")
    assert reply.status_code == 200, reply.text
    assert grant["lease_id"] in reply.text and "canary-feed" not in reply.text
    assert auditor.audit(colour="red").status_code in (400, 422)


def test_webhook_without_a_valid_signature_is_refused(alice):
    reply = alice.call("POST", "/webhook/livekit", data=b"{}",
                       headers={"Content-Type": "application/webhook+json"})
    assert reply.status_code in (401, 404)


def test_admin_listener(gate):
    assert requests.get(gate.admin + "/livez").status_code == 200
    ready = requests.get(gate.admin + "/readyz?verbose")
    assert ready.status_code == 200 and "room" in ready.text
    assert "camgate_" in requests.get(gate.admin + "/metrics").text
    status = requests.get(gate.admin + "/status").json()
    assert len(str(status)) and "version" in status
    assert requests.get(gate.url + "/metrics").status_code == 404


def test_openapi_is_served(gate):
    reply = requests.get(gate.url + "/openapi.yaml")
    assert reply.status_code == 200 and reply.text.lstrip().startswith("openapi: ")


def test_secrets_stay_inside(gate, alice):
    grant = alice.grant()
    alice.heartbeat(grant["lease_id"])
    log = gate.log.read_text()
    for secret in (gate.secret, alice.token, grant["token"], "canary-feed"):
        assert secret not in log
    assert "canary-feed" not in str(gate.rows()) \
        and grant["token"] not in str(gate.rows())
