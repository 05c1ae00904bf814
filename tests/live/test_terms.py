"""What a lease was asked with, and for whom: decided again with it, over kill -9 too."""
import json
import shutil

import pytest

from gate import HERE, problem

NIGHT = """
return {
  name = "night",
  decide = function(req)
    if req.purpose == "incident" then return end
    if not req.subject:has_role("guard") then return deny("guards only") end
  end,
}
"""
ASKED = """
return {
  name = "asked",
  decide = function(req)
    if req.quality ~= "medium" then return deny("not asked for medium") end
  end,
}
"""
CLEARED = """
return {
  name = "cleared",
  match = { role = "visitor" },
  decide = function(req)
    local who = req.subject
    if who.claims.clearance == 3 and who:has_site("south") then return allow() end
  end,
}
"""


@pytest.fixture
def policies(tmp_path):
    return shutil.copytree(HERE / "policies", tmp_path / "policies")


def again(gate):
    gate.kill()
    gate.start()


def changes(gate, lease):
    return gate.rows("""SELECT reason, outcome, quality_requested, facts FROM trail
        WHERE kind = 'change' AND lease_id = ? ORDER BY seq""", lease)


def identity(row):
    return json.loads(row["facts"])["terms"]["identity"]


def test_a_lease_keeps_its_purpose(policies, new_gate):
    (policies / "50_night.lua").write_text(NIGHT)
    gate = new_gate(policies=policies)
    alice = gate.client("alice")
    assert problem(alice.reserve(), 403)["reason"] == "guards only"
    lease = alice.grant(purpose="incident")["lease_id"]
    assert alice.heartbeat(lease).status_code == 200
    again(gate)
    assert alice.heartbeat(lease).status_code == 200
    assert alice.fresh_token("lobby-1").status_code == 200  # a row of another kind, too
    again(gate)
    assert alice.heartbeat(lease).status_code == 200
    assert [entry["lease_id"] for entry in alice.leases()] == [lease]


def test_a_lease_keeps_the_quality_asked_for(policies, new_gate):
    (policies / "50_asked.lua").write_text(ASKED)
    gate = new_gate(policies=policies)
    alice = gate.client("alice")
    problem(alice.reserve(), 403)
    lease = alice.grant(quality="medium", ttl_s=600)["lease_id"]
    assert alice.fresh_token("lobby-1").status_code == 200
    (row,) = changes(gate, lease)
    assert row["quality_requested"] == "medium"
    terms = json.loads(row["facts"])["terms"]
    assert terms["ttl_s"] == 600
    again(gate)
    assert alice.heartbeat(lease).status_code == 200


def test_a_lease_keeps_roles_sites_and_claims(policies, new_gate):
    """A beat leaves a row when the lease holds another identity than the token's."""
    (policies / "50_cleared.lua").write_text(CLEARED)
    gate = new_gate(policies=policies)
    who = {"roles": ["visitor"], "sites": ["south"], "clearance": 3,
           "address": {"floor": [1, 2.5]}}
    eve = gate.client("eve", **who)
    lease = eve.grant("lobby-1")["lease_id"]
    (row,) = gate.rows("SELECT facts FROM trail WHERE lease_id = ?", lease)
    kept = identity(row)
    assert {name: kept["claims"][name] for name in who} == who
    assert kept["claims"]["sub"] == "eve" and kept["roles_claim"] == "roles"
    assert eve.token.split(".")[2] not in row["facts"]

    again(gate)
    assert eve.heartbeat(lease).status_code == 200
    renewed = gate.client("eve", ttl=1800, jti="another", **who)
    assert renewed.heartbeat(lease).status_code == 200
    assert changes(gate, lease) == []

    more = gate.client("eve", **who | {"roles": ["visitor", "guard"], "name": "Eve B"})
    for _ in range(2):
        assert more.heartbeat(lease).status_code == 200
        (row,) = changes(gate, lease)
        assert row["outcome"] == "allow" and "token" in row["reason"]
        assert identity(row)["claims"]["roles"] == ["visitor", "guard"]
        again(gate)
    (entry,) = more.leases()
    assert entry["lease_id"] == lease

    less = gate.client("eve", **who | {"clearance": 2})
    assert problem(less.heartbeat(lease), 410)["ended_by"] == "revoked"


def test_claims_too_long_for_a_row(new_gate):
    """They are left out of it; the lease lives on its tokens, over a restart too."""
    gate = new_gate()
    long = gate.client("alice", list=[1e99] * 800)
    lease = long.grant()["lease_id"]
    (row,) = gate.rows("SELECT facts FROM trail WHERE lease_id = ?", lease)
    assert "identity" not in json.loads(row["facts"])["terms"]
    assert long.heartbeat(lease).status_code == 200
    assert changes(gate, lease) == []
    again(gate)
    for _ in range(2):
        assert long.heartbeat(lease).status_code == 200
    assert len(changes(gate, lease)) == 1
    gate.cli("audit", "verify")
