"""What scripts/bench measures once a run, beside the rates: latency from the intended
send time, a crowd at once, group commit, system calls, beating leases, memory."""
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from gate import Client
from wait import until

ROOT = Path(__file__).resolve().parents[2]
LOADGEN = ROOT / "build/bench/loadgen"
AUDIT_SPEED = ROOT / "build/release/plugins_test_audit_speed"
VIEWERS, BEATING, BEAT_S = 500, 1000, 20


def whole(method, path, token="", body=None):
    """One request as loadgen sends it."""
    text = json.dumps(body) if body is not None else ""
    head = [f"{method} {path} HTTP/1.1", "Host: gate"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body is not None:
        head.append("Content-Type: application/json")
    if method == "POST":
        head.append(f"Content-Length: {len(text)}")
    return "\r\n".join(head) + "\r\n\r\n" + text


def loadgen(folder, *argv, texts):
    path = Path(folder) / "requests.nul"
    path.write_text("\0".join(texts) + "\0")
    done = subprocess.run([LOADGEN, *map(str, argv), path], capture_output=True,
                          text=True)
    if not done.stdout:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def cpu_ns(pid):
    """Scheduler run time of all threads that live."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass
    return total


def open_loop(folder, bare, gate, reserves, capacity, rounds, seconds):
    """Both at half of reserve's capacity, in turn; medians over the rounds."""
    rate, got = int(capacity / 2), {"bare": [], "reserve": []}
    for _ in range(rounds):
        for name, port, texts in (("bare", bare.port, [whole("GET", "/")]),
                                  ("reserve", gate.port, reserves)):
            got[name].append(loadgen(folder, "open", port, 64, rate, seconds,
                                     texts=texts))
        idle(gate)
    got = {name: {key: statistics.median(r[key] for r in runs)
                  for key in ("p50", "p99", "p999", "failed")}
           for name, runs in got.items()}
    return got | {"rate": rate,
                  "p999_ratio": got["reserve"]["p999"] / got["bare"]["p999"]}


def crowd(folder, gate):
    """Viewers who arrive at once at one camera."""
    texts = [whole("POST", "/api/v1/stream/reserve",
                   gate.token(f"viewer-{n}", roles=["crowd"]),
                   {"camera_id": "crowd", "ttl_s": 5}) for n in range(VIEWERS)]
    return loadgen(folder, "burst", gate.port, VIEWERS, texts=texts)


def fdatasyncs():
    """A second of 4 KiB appended and synced, where the trail would lie."""
    with tempfile.NamedTemporaryFile(dir=tempfile.gettempdir()) as f:
        began, n = time.monotonic(), 0
        while time.monotonic() - began < 1:
            f.write(bytes(4096)), f.flush(), os.fdatasync(f.fileno())
            n += 1
    return n


def group_commit():
    """Rows a second with one request at a time, and with 256."""
    rates = {}
    for waiting, rows in ((1, 2000), (256, 60000)):
        out = subprocess.run([AUDIT_SPEED, str(rows), str(waiting)], capture_output=True,
                             text=True)
        rates[waiting] = float(re.search(r"waiting: (\d+) rows/s",
                                         out.stdout + out.stderr)[1])
    return {"alone": rates[1], "of_256": rates[256], "ratio": rates[256] / rates[1]}


def syscalls(gate, run):
    """System calls per request while `run` (which returns how many it made) is on."""
    with tempfile.NamedTemporaryFile("r") as out:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out.name, "-p",
                                   str(gate.child.pid)],
                                  stderr=subprocess.PIPE, text=True)
        tracer.stderr.readline()  # attached
        made = run()
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        total = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", out.read(), re.M)
    return int(total[1]) / made


def beating(folder, gate, seconds):
    """CPU of a gate that does nothing but keep leases, in percent of one core."""
    texts = []
    for n in range(BEATING):
        token = gate.token(f"holder-{n}", roles=["crowd"])
        lease = Client(gate, token).grant("crowd")["lease_id"]
        texts.append(whole("POST", f"/api/v1/stream/heartbeat/{lease}", token))
    before, began = cpu_ns(gate.child.pid), time.monotonic()
    beats = loadgen(folder, "open", gate.port, 16, BEATING / BEAT_S, seconds, texts=texts)
    cpu = cpu_ns(gate.child.pid) - before
    return {"cpu_percent": cpu / (time.monotonic() - began) / 1e7,
            "failed": beats["failed"]}


def rss_mib(gate):
    text = Path(f"/proc/{gate.child.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024


def rests(gate, seconds=0.3):
    """Less than a twentieth of a core: the trail's search tables are filled, too."""
    before = cpu_ns(gate.child.pid)
    time.sleep(seconds)
    return cpu_ns(gate.child.pid) - before < seconds * 5e7


def idle(gate):
    """All leases that were granted have ended, and what follows from that is done."""
    until(lambda: gate.rows("""SELECT
        (SELECT count(*) FROM events WHERE kind = 'decision' AND outcome = 'allow') =
        (SELECT count(*) FROM events WHERE kind = 'end') AS over""")[0]["over"],
          "the leases of the round are over", seconds=60, every=0.3)
    until(lambda: rests(gate), "the gate rests", seconds=60, every=0)
