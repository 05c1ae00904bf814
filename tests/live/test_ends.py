"""Many leases that end in the same second: one row each, few lines, and nobody waits."""
import http.server
import json
import signal
import threading
import time

import pytest
import requests

import ports
from gate import PRESET, Gate
from servers import ROOT
from wait import until

SUBJECTS, LEASES = 8, 2000
CROWD = """return { name = "crowd", match = { camera = "crowd" },
  decide = function() return allow { scopes = { scope("crowd", 1000000) } } end }
"""


class Crowd(Gate):
    """A gate whose leases lapse late in its first life, and all at once in its second."""

    def __init__(self, folder, **env):
        (folder / "policies").mkdir(parents=True)
        (folder / "policies/crowd.lua").write_text(CROWD)
        (folder / "cameras.json").write_text('{"cameras": [{"id": "crowd"}]}')
        super().__init__(folder, policies=folder / "policies",
                         cameras=folder / "cameras.json", **env)
        self.lapse(600)

    def lapse(self, seconds):
        self.config = self.folder / f"lapse-{seconds}.lua"
        self.config.write_text(
            "local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text()
            + f"\nend)()\nconf.lease.beat_s, conf.lease.lapse_s = 1, {seconds}\n"
            f"conf.plugin_dir = '{ROOT}/build/{PRESET}/plugins'\nreturn conf\n")

    def fill(self, leases, subjects=SUBJECTS):
        """Each subject asks for its share, all at once."""
        def ask(client):
            for _ in range(leases // subjects):
                client.grant("crowd")

        askers = [threading.Thread(target=ask, args=(self.client(f"subject-{n}"),))
                  for n in range(subjects)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(120)
        granted = self.rows("SELECT count(*) AS n FROM decisions WHERE outcome = 'allow'")
        assert granted[0]["n"] == leases

    def second_life(self):
        self.stop_cleanly()
        self.lapse(3)
        self.start()

    def ends(self):
        """How many rows say end, and of how many leases."""
        row = self.rows("""SELECT count(*) AS rows, count(DISTINCT lease_id) AS leases
            FROM events WHERE kind = 'end'""")[0]
        return row["rows"], row["leases"]

    def all_end(self, leases):
        until(lambda: self.ends()[1] >= leases, "every lease has its end", seconds=90)
        assert self.ends() == (leases, leases)


@pytest.fixture
def crowd(tmp_path, started):
    """crowd(leases, **Gate's): a gate in its first life, with so many leases."""
    def make(leases, **env):
        gate = started(Crowd(tmp_path / "gate", **env))
        gate.fill(leases)
        return gate

    return make


@pytest.mark.parametrize("workers", [1, 2])
def test_one_row_each_and_few_lines_and_nobody_waits(crowd, workers):
    gate = crowd(LEASES, workers=workers)
    gate.second_life()
    stays = gate.client("stays")
    mine = stays.grant("crowd")["lease_id"]
    before = len(gate.logged())
    answers = []
    while gate.ends()[1] < LEASES:
        answers += [stays.heartbeat(mine), stays.explain("crowd")]
        assert len(answers) < 20_000
    assert {answer.status_code for answer in answers} == {200}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 2
    gate.all_end(LEASES)
    until(lambda: sum(line.get("count", 1) for line in gate.logged()
                      if line["msg"] in ("lease ended", "leases ended")) == LEASES,
          "the log has counted all")
    assert len(gate.logged()) - before < 20
    assert [lease["lease_id"] for lease in stays.leases()] == [mine]
    assert gate.metric("camgate_unrecorded_ends") == 0
    assert stays.release(mine).status_code == 204
    gate.cli("audit", "verify")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stop_in_the_midst_loses_and_doubles_nothing(crowd, number):
    gate = crowd(LEASES, workers=1)
    gate.second_life()
    until(lambda: gate.ends()[0] > 0, "the first ends", every=0)
    gate.child.send_signal(number)
    gate.child.wait(30)
    rows, leases = gate.ends()
    print(f"{rows} of {LEASES} ends were in the trail when it stopped")
    assert rows == leases > 0
    if number == signal.SIGTERM:
        ended = sum(line.get("count", 1) for line in gate.logged()
                    if line["msg"] in ("lease ended", "leases ended"))
        assert ended == rows, "what has ended is in the trail before it stops"
    gate.start()
    gate.all_end(LEASES)
    gate.cli("audit", "verify")


# ---- the SFU is away

class Sfu(http.server.ThreadingHTTPServer):
    """LiveKit as far as the gate asks it; who was put out."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, port):
        self.removed = []
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/RemoveParticipant"):
            self.server.removed.append(asked["identity"])
        body = json.dumps({"name": asked.get("name", "")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(body)


def test_an_sfu_that_is_away_costs_few_lines(crowd):
    port, leases = ports.take(), 136
    sfu = Sfu(port)
    gate = crowd(leases, workers=1, LIVEKIT_URL=f"http://127.0.0.1:{port}",
                 LIVEKIT_API_KEY="APIstub", LIVEKIT_API_SECRET="s" * 32)
    gate.second_life()
    sfu.close()
    gate.all_end(leases)
    began, before = time.monotonic(), len(gate.logged())
    until(lambda: time.monotonic() - began > 8, "it is away for a while", seconds=20)
    assert len(gate.logged()) - before < 15
    assert requests.get(gate.admin + "/livez", timeout=5).ok
    sfu = Sfu(port)
    try:
        until(lambda: len(set(sfu.removed)) == leases, "all are put out", seconds=40)
    finally:
        sfu.close()
