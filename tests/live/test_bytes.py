"""Bytes that are not UTF-8, whoever gave them: U+FFFD in each text that leaves, and rows
that hold such bytes already can be read by everything."""
import csv
import hashlib
import io
import json
import shutil
import sqlite3
import struct

import jwt
import pytest
import requests

from gate import HERE, problem

REFUSES = """return {
  name = "rude",
  match = { purpose = %s },
  decide = function(req)
    %s
  end,
}
"""
# what a policy does; its reason where it denies; the trail's
SAID = {
    "deny": ('return deny("no \\xff\\xfe")', "no \ufffd\ufffd"),
    "cut": ('return deny("caf\\xc3")', "caf\ufffd"),
    "half": ('return deny(split("a\\xe2\\x82\\xac", "\\xac")[1] .. ".")', "a\ufffd."),
    "overlong": ('return deny("\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80")',
                 "\ufffd" * 9),
    "long": ('return deny(("\\xc3\\xa9"):split("x")[1] .. "%s\\xff")' % ("x" * 297),
             "é" + "x" * 297),
    "error": ('error("oh \\xe2\\x82")', "policy_error"),
    "name": ('return allow { max = "\\xff" }', "policy_error"),
    "nul": ('return deny("a\\0b")', "policy_error"),
}


@pytest.fixture
def policies(tmp_path):
    """One policy for each purpose, and one that counts in a scope of odd bytes."""
    folder = shutil.copytree(HERE / "policies", tmp_path / "policies")
    for name, (body, _) in SAID.items():
        (folder / f"50_{name}.lua").write_text(
            REFUSES.replace("rude", name) % (json.dumps(name), body))
    (folder / "60_scope.lua").write_text(REFUSES.replace("rude", "counts") % (
        '"scope"',
        'return allow { scopes = { scope("s:\\xff", 1 + usage("s:\\xff")) } }'))
    return folder


def read_raw(reply):
    return json.loads(reply.content.decode("utf-8", errors="strict"))


def test_no_odd_text_of_a_policy_becomes_a_reply_or_a_row(policies, new_gate):
    gate = new_gate(policies=policies)
    alice = gate.client()
    for name, (_, reason) in SAID.items():
        reply = alice.reserve(purpose=name)
        assert reply.status_code == 403, (name, reply.text)
        assert read_raw(reply)["reason"] == reason, name
    rows = gate.decisions(outcome="deny")
    assert [row["reason"] for row in rows] == [reason for _, reason in SAID.values()]
    gate.cli("audit", "verify")
    exported = gate.cli("audit", "export").stdout  # decodes strictly
    assert [row["reason"] for row in csv.DictReader(io.StringIO(exported))
            if row["kind"] == "decision"] == [reason for _, reason in SAID.values()]
    gate.log.read_bytes().decode("utf-8", errors="strict")


def test_explain_and_the_log_say_whose_text_it_was(policies, new_gate):
    gate = new_gate(policies=policies)
    alice = gate.client()
    for name in SAID:
        answer = read_raw(alice.explain(purpose=name))
        words = {word["policy"]: word for word in answer["policies"]}
        flagged = [policy for policy, word in words.items() if word.get("not_utf8")]
        assert flagged == ([name] if name != "nul" else []), name
        assert words[name]["file"] == f"50_{name}.lua" and words[name]["line"] > 0
    last = [name for name in SAID if name != "nul"][-1]
    said = gate.heard(rule=last)[0]["msg"]
    told = {line["rule"]: line for line in gate.logged() if line["msg"] == said}
    assert "not UTF-8" in said and set(told) == set(SAID) - {"nul"}
    assert told["deny"]["file"] == "50_deny.lua" and told["deny"]["line"] == 5
    answer = gate.cli("policy", "eval", "--sub", "alice", "--role", "operator", "--site",
                      "north", "--camera", "lobby-1", "--purpose", "deny", check=False)
    assert "not UTF-8" in answer.stdout and "\ufffd" in answer.stdout


def test_a_scope_of_odd_bytes_counts_and_is_shown(policies, new_gate):
    gate = new_gate(policies=policies)
    alice = gate.client()
    lease = alice.grant(purpose="scope")["lease_id"]
    (row,) = gate.rows("SELECT facts FROM trail WHERE lease_id = ?", lease)
    facts = json.loads(row["facts"])
    assert facts["usage"] == {"s:\ufffd": 0}
    assert "s:\ufffd" in [scope["name"] for scope in facts["terms"]["scopes"]]
    again = read_raw(alice.explain(purpose="scope"))
    assert again["usage"] == {"s:\ufffd": 1}
    gate.kill()
    gate.start()
    assert alice.heartbeat(lease).status_code == 200


# ---- tokens

def signed(gate, body):
    """A token with a body of these bytes."""
    return jwt.api_jws.encode(body, gate.secret, algorithm="HS256")


def test_a_name_of_odd_bytes_refuses_nobody(gate):
    exp = b'"exp": 4102444800, "roles": ["operator"], "sites": ["north"]'
    names = {rb'"A\u0000b"': "A\ufffdb", rb'"A\ud83d"': "A\ufffd", b'"A\xff"': "A\ufffd",
             rb'"A\tb"': "A b", b'"' + "é".encode() * 200 + b'"': "é" * 128,
             b'"\xed\xa0\x80"': "\ufffd" * 3, rb'"\udc00\ud800x"': "\ufffd\ufffdx",
             rb'"\\u0000 \ud83d\ude00"': "\\u0000 \U0001f600"}
    for i, (given, shown) in enumerate(names.items()):
        body = b'{"sub": "u%d", "name": %s, %s}' % (i, given, exp)
        reply = requests.post(gate.url + "/api/v1/stream/reserve", timeout=10,
                              headers={"Authorization": f"Bearer {signed(gate, body)}"},
                              json={"camera_id": "lobby-1"})
        assert reply.status_code == 201, (given, reply.text)
        token = jwt.decode(reply.json()["token"], options={"verify_signature": False})
        assert token["name"] == shown, given
    gate.kill()
    gate.start()
    live = gate.client("root", roles=["admin"]).leases()
    assert len(live) == len(names)


@pytest.mark.parametrize("claim", [
    rb'"sub": "al\u0000ice"', b'"sub": "al\xffice"', rb'"sub": "\ud800"',
    rb'"sub": "a", "roles": ["adm\u0000in"]', b'"sub": "a", "sites": ["n\xc3"]'])
def test_a_subject_of_odd_bytes_is_nobody(gate, claim):
    body = b'{"exp": 4102444800, %s}' % claim
    reply = requests.get(gate.url + "/api/v1/stream/leases", timeout=10,
                         headers={"Authorization": f"Bearer {signed(gate, body)}"})
    assert "not text" in problem(reply, 401, "unauthenticated")["detail"]


# ---- a trail that holds such bytes

COLUMNS = """time kind lease_id subject camera quality_requested quality outcome reason
    rule policy_revision request_id decision_id id node client_addr facts""".split()
BAD = {"reason": b"no \xff\xfe", "subject": b"al\xc3", "rule": b"\xe2\x82",
       "node": b"n\x80", "client_addr": b"\xed\xa0\x80", "camera": b"c\xf4\x90\x80\x80",
       "request_id": b"\xc0\xaf", "quality": b"a\x00b"}


def spoil(path, seq, values):
    """Puts these bytes into a row, and mends the chain from there on."""
    with sqlite3.connect(path) as db:
        db.text_factory = bytes
        for name, value in values.items():
            db.execute(f"UPDATE events SET {name} = CAST(? AS TEXT) WHERE seq = ?",
                       (value, seq))
        number = "(SELECT text FROM revisions WHERE number = revision)"
        texts = ",".join(number if c == "policy_revision" else c for c in COLUMNS)
        prev = bytes(32)
        for row in db.execute(f"SELECT seq, {texts} FROM events ORDER BY seq").fetchall():
            data = prev + struct.pack(">q", row[0])
            data += b"".join(struct.pack(">I", len(text)) + text for text in row[1:])
            prev = hashlib.sha256(data).digest()
            db.execute("UPDATE events SET hash = ? WHERE seq = ?", (prev, row[0]))
    last = sqlite3.connect(path).execute("SELECT max(seq) FROM events").fetchone()[0]
    head = path.with_name("audit.db.head")
    head.write_text(f"camgate audit head {last:020} {prev.hex()}\n")


@pytest.fixture
def spoiled(gate):
    """A stopped gate with a denial and a live lease whose rows hold odd bytes."""
    alice = gate.client()
    problem(alice.reserve("vault-1", purpose="x"), 403)
    lease = alice.grant(purpose="\ufffd?")["lease_id"]
    rows = {row["outcome"]: row for row in gate.rows() if row["kind"] == "decision"}
    gate.stop_cleanly()
    path = gate.state / "audit.db"
    spoil(path, rows["deny"]["seq"], BAD)
    facts = rows["allow"]["facts"].encode().replace("\ufffd?".encode(), b"\xff?")
    spoil(path, rows["allow"]["seq"], {"facts": facts, "reason": b"\xff"})
    return gate, lease, rows["deny"]["seq"]


def test_rows_of_odd_bytes_are_read_by_the_views(spoiled):
    gate, lease, seq = spoiled
    (row,) = gate.rows("SELECT * FROM trail WHERE seq = ?", seq)
    assert row["reason"] == "no \ufffd\ufffd" and row["subject"] == "al\ufffd"
    assert row["rule"] == "\ufffd" and row["node"] == "n\ufffd"
    assert row["quality"] == "a\ufffdb"
    views = gate.rows("SELECT name FROM sqlite_schema WHERE type = 'view'")
    assert {"trail", "decisions", "denials", "sessions"} <= {v["name"] for v in views}
    for view in views:
        assert gate.rows(f"SELECT * FROM {view['name']}")
    (row,) = gate.rows("SELECT facts, reason FROM trail WHERE lease_id = ?", lease)
    assert json.loads(row["facts"])["purpose"] == "\ufffd?" and row["reason"] == "\ufffd"
    assert gate.rows("SELECT facts ->> '$.purpose' p FROM trail WHERE lease_id = ?",
                     lease) == [{"p": "\ufffd?"}]


def test_rows_of_odd_bytes_are_read_by_every_command(spoiled):
    gate, lease, seq = spoiled
    assert gate.cli("audit", "verify").stdout.startswith("intact")
    assert "al?" in gate.cli("audit", "query").stdout or \
        "al\ufffd" in gate.cli("audit", "query").stdout
    rows = [json.loads(line) for line in
            gate.cli("audit", "query", "--format", "json").stdout.splitlines()]
    (row,) = [row for row in rows if row["seq"] == seq]
    assert row["reason"] == "no \ufffd\ufffd" and row["quality"] == "a\ufffdb"
    for form in "csv", "jsonl":
        assert "no \ufffd\ufffd" in gate.cli("audit", "export", "--format", form).stdout
    assert gate.cli("audit", "sessions", check=False).returncode in (0, 2)


def test_rows_of_odd_bytes_are_read_by_rest_and_restored(spoiled):
    gate, lease, seq = spoiled
    gate.start()
    reply = gate.client("eve", roles=["auditor"]).audit(limit=1000)
    (row,) = [row for row in read_raw(reply)["events"] if row["seq"] == seq]
    assert row["reason"] == "no \ufffd\ufffd" and row["client_addr"].strip("\ufffd") == ""
    alice = gate.client()
    assert [entry["lease_id"] for entry in alice.leases()] == [lease]
    assert alice.heartbeat(lease).status_code == 200
    assert gate.cli("audit", "verify").stdout.startswith("intact")


def test_a_trail_of_the_first_schema_is_read_and_renewed(spoiled):
    """The views of that time gave bytes as they were; a start makes them anew."""
    gate, _, seq = spoiled
    path = gate.state / "audit.db"
    dump = (HERE.parent / "plugins/trail_v1.sql").read_text()
    views = [line for line in dump.splitlines() if line.startswith("CREATE VIEW")]
    with sqlite3.connect(path) as db:
        for (name,) in db.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
            db.execute(f"DROP VIEW {name}")
        for view in views:
            db.execute(view)
        db.execute("PRAGMA user_version = 1")
    assert gate.cli("audit", "verify").stdout.startswith("intact")
    with pytest.raises(sqlite3.OperationalError):
        gate.rows("SELECT * FROM trail")
    gate.start()
    (row,) = gate.rows("SELECT * FROM trail WHERE seq = ?", seq)
    assert row["reason"] == "no \ufffd\ufffd"
    assert gate.cli("audit", "verify").stdout.startswith("intact")


# ---- arguments that were lost

LOSES = {
    "table.unpack({ 1, 2, 3 }, 2)": "2,3",
    "table.unpack({ 1, 2, 3 }, 2, 2)": "2",
    "table.unpack({ 1, 2, 3 }, 3, 2)": "",
    "table.unpack({ 1, 2, 3 }, -1, 1)": "nil,nil,1",
    "table.concat({ 'a', 'b', 'c' }, '', 2)": "bc",
    "table.concat({ 'a', 'b', 'c' }, '', 2, 2)": "b",
    "table.unpack({ 1 }, 1, 1000000000)": None,
    "table.unpack({ 1 }, math.mininteger, math.maxinteger)": None,
    "table.concat({ 'a' }, '', 1, math.maxinteger)": None,
    "split('a,b,c', ',', 2)": None,
    "find('a.b', '.', 1, false)": None,
    "req.subject:has_role('operator', 'admin')": None,
    "req.subject:has_role('operator\\0x')": None,
    "req.camera:has_tag('lobby\\0')": None,
    "req.time:between('00:00\\0', '24:00')": None,
    "starts('ab', 'a', 2)": None,
    "tostring(req.subject.claims['name\\0x'])": "nil",
}


def test_functions_of_the_sandbox_honour_their_arguments_or_refuse_them(tmp_path,
                                                                       new_gate):
    """A failure is seen as policy_error; an answer is in the reason."""
    folder = tmp_path / "few"
    folder.mkdir()
    for i, call in enumerate(LOSES):
        policy = REFUSES.replace("rude", f"p{i}")
        (folder / f"{i:02}.lua").write_text(policy % (f'"{i}"', f"""
            local all = {{ {call} }}
            local n = 0
            for place in pairs(all) do n = math.max(n, place) end
            local text = {{}}
            for place = 1, n do table.insert(text, tostring(all[place])) end
            return deny("=" .. table.concat(text, ","))"""))
    gate = new_gate(policies=folder)
    alice = gate.client()
    for i, (call, wanted) in enumerate(LOSES.items()):
        reason = problem(alice.reserve(purpose=str(i)), 403)["reason"]
        assert reason == ("policy_error" if wanted is None else "=" + wanted), call
