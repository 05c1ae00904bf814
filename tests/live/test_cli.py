"""The commands an administrator or auditor types."""
import csv
import io
import json
import sqlite3

import pytest

from gate import Client, Gate
from servers import ROOT


def test_version_and_usage(tmp_path):
    gate = Gate(tmp_path / "gate")
    assert "camgate" in gate.cli("version").stdout
    for nonsense in (["nonsense"], ["audit", "nonsense"], ["run", "--nonsense"]):
        done = gate.cli(*nonsense, check=False)
        assert done.returncode == 2 and done.stderr


def test_check_accepts_the_shipped_file(tmp_path):
    Gate(tmp_path / "gate").cli("check")


def test_check_names_all_that_is_wrong(tmp_path):
    gate = Gate(tmp_path / "gate", CAMGATE_PORT="notaport", CAMGATE_WORKERS="-4")
    done = gate.cli("check", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "port" in said and "workers" in said
    assert gate.secret not in said


def test_token_is_accepted_by_the_gate(gate):
    token = gate.cli("token", "--sub", "carol", "--role", "operator", "--site",
                     "north").stdout
    client = Client(gate, token.strip())
    client.grant()
    assert gate.decisions(subject="carol")


def test_plugin_ls(tmp_path):
    out = Gate(tmp_path / "gate").cli("plugin", "ls").stdout
    for name in ("cameras_file", "quota_local", "room_livekit", "ice_turn",
                 "audit_sqlite"):
        assert name in out


def test_policy_eval_is_a_dry_run(tmp_path):
    gate = Gate(tmp_path / "gate")
    ask = ("policy", "eval", "--sub", "alice", "--role", "operator", "--site", "north",
           "--camera")
    assert "high" in gate.cli(*ask, "lobby-1").stdout
    no = gate.cli(*ask, "vault-1", check=False)
    assert no.returncode == 1 and "this camera is closed" in no.stdout
    assert not (gate.state / "audit.db").exists()


def test_who_the_gate_would_not_take_gets_no_token_and_no_verdict(tmp_path):
    gate = Gate(tmp_path / "gate")
    for sub in ("a" * 257, "a\nb"):
        for argv in (("token",), ("policy", "eval", "--camera", "lobby-1")):
            done = gate.cli(*argv, "--sub", sub, check=False)
            assert done.returncode == 2 and not done.stdout, done
            assert "claim sub must be 1 to 256 bytes" in done.stderr
    done = gate.cli("policy", "eval", "--camera", "lobby-1", "--sub", "é" * 128,
                    "--role", "operator", "--site", "north")
    assert done.returncode == 0


def test_commands_use_the_claims_that_the_gate_reads(tmp_path, started):
    config = (ROOT / "etc/camgate.lua").read_text().replace(
        'roles_claim = "roles"', 'roles_claim = "realm_access.roles"')
    (tmp_path / "camgate.lua").write_text(config)
    gate = Gate(tmp_path / "gate", config=tmp_path / "camgate.lua")
    for who in (("--role", "operator"),
                ("--claims", '{"realm_access": {"roles": ["operator"]}}')):
        gate.cli("policy", "eval", "--camera", "lobby-1", "--sub", "alice",
                 "--site", "north", *who)
    started(gate)
    token = gate.cli("token", "--sub", "alice", "--role", "operator",
                     "--site", "north").stdout.strip()
    lease = Client(gate, token).grant()["lease_id"]
    assert lease in gate.cli("lease", "ls").stdout
    gate.stop_cleanly()


def test_looking_makes_nothing(tmp_path):
    """Whoever looks may be another user than the gate's: no folder, no secret of
    theirs."""
    gate = Gate(tmp_path / "gate", CAMGATE_JWT_SECRET="")
    gate.cli("check")
    gate.cli("plugin", "ls")
    gate.cli("policy", "eval", "--sub", "alice", "--role", "operator", "--site", "north",
             "--camera", "lobby-1")
    for command in (["audit", "query"], ["audit", "verify"], ["lease", "ls"]):
        assert gate.cli(*command, check=False).returncode == 2
    assert not gate.state.exists()
    gate.cli("token", "--sub", "alice")
    assert (gate.state / "jwt.secret").stat().st_mode & 0o777 == 0o600


def test_check_says_that_the_state_folder_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    gate = Gate(tmp_path / "gate", CAMGATE_STATE_DIR=tmp_path / "file/state")
    done = gate.cli("check", check=False)
    assert done.returncode == 2 and "state_dir" in done.stderr


@pytest.fixture
def trail(gate):
    alice = gate.client()
    lease = alice.grant()["lease_id"]
    alice.reserve("vault-1")
    alice.release(lease)
    return gate, lease


def test_audit_query(trail):
    gate, lease = trail
    out = gate.cli("audit", "query", "--subject", "alice", "--kind", "decision",
                   "--format", "json").stdout
    assert lease in out and "this camera is closed" in out
    assert lease in gate.cli("audit", "query").stdout
    odd = gate.cli("audit", "query", "--kind", "decisions", check=False)
    assert odd.returncode == 2 and "decisions" in odd.stderr


def test_audit_export(trail):
    gate, lease = trail
    rows = list(csv.DictReader(io.StringIO(gate.cli("audit", "export", "--format",
                                                    "csv").stdout)))
    assert lease in {row["lease_id"] for row in rows}
    lines = gate.cli("audit", "export", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == \
        [int(row["seq"]) for row in rows]


def test_audit_verify_finds_an_altered_row(trail):
    gate, lease = trail
    gate.cli("audit", "verify")
    gate.stop_cleanly()
    (table,) = [r["name"] for r in gate.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'events'")]
    seq = gate.rows("SELECT seq FROM trail WHERE lease_id = ? AND kind = 'decision'",
                    lease)[0]["seq"]
    with sqlite3.connect(gate.state / "audit.db") as db:
        db.execute(f"UPDATE {table} SET subject = 'mallory' WHERE seq = ?", (seq,))
    db.close()
    done = gate.cli("audit", "verify", check=False)
    assert done.returncode == 1 and str(seq) in done.stdout + done.stderr


def test_lease_ls_show_end(gate):
    alice = gate.client()
    lease = alice.grant()["lease_id"]
    assert lease in gate.cli("lease", "ls").stdout
    assert "alice" in gate.cli("lease", "show", lease).stdout
    gate.cli("lease", "end", lease)
    over = alice.heartbeat(lease)
    assert over.status_code == 410 and over.json()["ended_by"] == "revoked"
