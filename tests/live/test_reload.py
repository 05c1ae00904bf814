"""Policies are edited, reloaded whole, or not at all."""
import json
import shutil
import signal

import pytest
import requests

from gate import HERE, problem
from wait import until

CLOSED = """return { name = "closed", doc = "Everything is closed.",
  decide = function(req) return deny("closed for repairs") end }
"""


@pytest.fixture
def policies(tmp_path):
    return shutil.copytree(HERE / "policies", tmp_path / "policies")


@pytest.fixture
def gate(new_gate, policies, tmp_path):
    cameras = shutil.copy(HERE / "cameras.json", tmp_path / "cameras.json")
    return new_gate(policies=policies, cameras=cameras, workers=3)


def revision(gate):
    return requests.get(gate.admin + "/status", timeout=5).json()["policy_revision"]


def by_http(gate):
    return requests.post(gate.admin + "/reload", timeout=20).status_code


@pytest.mark.parametrize("how", ["http", "signal"])
def test_an_edited_policy_turns_grant_into_refusal(gate, policies, how):
    alice = gate.client()
    lease = alice.grant()["lease_id"]
    before = revision(gate)
    (policies / "05_closed.lua").write_text(CLOSED)
    if how == "http":
        assert by_http(gate) in (200, 204)
    else:
        gate.signal(signal.SIGHUP)
    until(lambda: revision(gate) != before, "the new revision")
    for n in range(12):
        no = problem(gate.client(f"user{n}").reserve(), 403, "denied")
        assert no["reason"] == "closed for repairs" and no["rule"] == "closed"
    assert [entry["lease_id"] for entry in alice.leases()] == [lease]
    rows = gate.rows("SELECT * FROM trail WHERE kind = 'reload'")
    assert len(rows) == 1 and rows[0]["policy_revision"] == revision(gate)
    # the lease is decided again at its next beat, and is over
    assert problem(alice.heartbeat(lease), 410)["ended_by"] == "revoked"


@pytest.mark.parametrize("text", [
    "return {", "return 1", "return { name = 'x' }", "error('no')",
    "return { name = 'x', decide = function() end, matsch = {} }",
    "return { name = 'x', decide = io.open }", "while true do end", "\x1bLua",
])
def test_a_broken_file_never_becomes_active(gate, policies, text):
    before = revision(gate)
    (policies / "05_bad.lua").write_text(text)
    reply = requests.post(gate.admin + "/reload", timeout=20)
    assert reply.status_code >= 400 and "05_bad.lua" in reply.text
    assert revision(gate) == before
    assert "05_bad.lua" in requests.get(gate.admin + "/status", timeout=5).text
    for n in range(8):
        gate.client(f"user{n}").grant()


def test_cameras_are_read_again(gate, tmp_path):
    alice = gate.client()
    problem(alice.reserve("new-1"), 404)
    (tmp_path / "cameras.json").write_text(
        '{"cameras": [{"id": "new-1", "site": "north"}]}')
    assert by_http(gate) in (200, 204)
    assert alice.reserve("new-1").status_code == 201
    problem(alice.reserve("lobby-1"), 404)
    row, = gate.rows("SELECT facts FROM trail WHERE kind = 'reload'")
    told = json.loads(row["facts"])["cameras"]
    gone = len(json.loads((HERE / "cameras.json").read_text())["cameras"])
    assert (told["added"], told["changed"], told["removed"]) == (1, 0, gone)
    assert "new-1" in told["ids"] and "lobby-1" in told["ids"]
    line, = gate.heard(msg="reloaded")
    assert (line["cameras_added"], line["cameras_removed"]) == (1, gone)


def test_a_lease_does_not_outlive_its_camera(gate, tmp_path):
    alice = gate.client()
    lease = alice.grant("lobby-1")["lease_id"]
    (tmp_path / "cameras.json").write_text(
        '{"cameras": [{"id": "new-1", "site": "north"}]}')
    assert by_http(gate) in (200, 204)
    over = problem(alice.heartbeat(lease), 410, "lease-ended")
    assert over["ended_by"] == "revoked" and over["reason"] == "the camera is gone"
    assert alice.leases() == []
    ends = until(lambda: gate.rows("SELECT * FROM trail WHERE kind = 'end'"), "its row")
    assert [(row["lease_id"], row["outcome"]) for row in ends] == [(lease, "revoked")]


def test_a_broken_camera_file_keeps_the_old(gate, tmp_path):
    (tmp_path / "cameras.json").write_text('{"cameras": [{"id": "bad id"}]}')
    assert by_http(gate) >= 400
    gate.client().grant("lobby-1")
