"""Runs tests/scenario/*.json; tests/scenario/README.md tells their form."""
import json
import socket

import pytest

from gate import Client, problem
from servers import ROOT
from wait import until

FILES = sorted((ROOT / "tests/scenario").glob("*.json"))
QUIET = ("start", "stop", "auth")


def client_of(gate, who):
    """Client with the token a step asks for; `null` has none."""
    if who is None:
        client = Client(gate, "")
        del client.http.headers["Authorization"]
        return client
    if isinstance(who, str):
        return Client(gate, who)
    return Client(gate, gate.token(**({"sub": "alice"} | who)))


def filled(value, saved):
    """`value` with {name} replaced by what earlier steps saved."""
    text = json.dumps(value)
    for name, known in saved.items():
        text = text.replace("{" + name + "}", known)
    return json.loads(text)


def matches(want, got):
    """Objects: each wanted member matches.  Lists: same length.  {"any": true}: is
    there."""
    if isinstance(want, dict) and set(want) == {"any"}:
        return got is not None
    if isinstance(want, dict) and set(want) == {"contains"}:
        return want["contains"] in json.dumps(got)
    if isinstance(want, dict):
        return isinstance(got, dict) \
            and all(k in got and matches(v, got[k]) for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) \
            and all(map(matches, want, got))
    return want == got


class RawReply:
    """What came back on a socket, as far as the tests look."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status_code, self.text = int(lines[0].split()[1]), data.decode("latin-1")
        self.headers = {k.title(): v.strip()
                        for k, v in (l.split(":", 1) for l in lines[1:])}

    def json(self):
        return json.loads(self.body)


def send_raw(gate, parts):
    """Parts are strings, or {"repeat": text, "times": n}; reads until the gate closes."""
    data = "".join(p if isinstance(p, str) else p["repeat"] * p["times"] for p in parts)
    with socket.create_connection(("127.0.0.1", gate.port), 10) as s:
        s.settimeout(15)
        s.sendall(data.encode("latin-1"))
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    assert got, "closed without an answer"
    return RawReply(got)


def send(gate, step):
    if "raw" in step:
        return send_raw(gate, step["raw"])
    body = step.get("body")
    if isinstance(body, dict) and "repeat" in body:
        body = body["repeat"] * body["times"]
    return client_of(gate, step.get("as", {})).call(
        step["method"], step["path"], json=step.get("json"),
        data=body.encode() if isinstance(body, str) else None,
        headers=step.get("headers"))


def check(reply, expect):
    if "problem" in expect:
        problem(reply, expect["status"], expect["problem"])
    statuses = expect["status"] if isinstance(expect["status"], list) \
        else [expect["status"]]
    assert reply.status_code in statuses, f"{reply.status_code} {reply.text}"
    for name, value in expect.get("headers", {}).items():
        assert matches(value, reply.headers.get(name)), \
            f"{name}: {reply.headers.get(name)}"
    if "json" in expect:
        assert matches(expect["json"], reply.json()), reply.text
    for text in expect.get("without", []):
        assert text not in reply.text


def story(gate):
    return [row for row in gate.rows() if row["kind"] not in QUIET]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(gate, path):
    scenario, saved = json.loads(path.read_text()), {}
    for step in scenario["steps"]:
        reply = send(gate, filled(step, saved))
        check(reply, filled(step["expect"], saved))
        for name, member in step.get("save", {}).items():
            saved[name] = str(reply.json()[member])
    want = filled(scenario["rows"], saved)
    # ends of replaced leases are recorded after the reply
    until(lambda: len(story(gate)) >= len(want), f"{len(want)} rows")
    rows = story(gate)
    assert len(rows) == len(want), rows
    for wanted, row in zip(want, rows):
        assert matches(wanted, row), f"{wanted} is not in {row}"


def test_there_are_scenarios():
    assert len(FILES) >= 30
