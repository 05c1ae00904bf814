"""Green means that the work would succeed: /readyz and /livez under faults of one driver,
one worker, one file, with requests and without."""
import os
import signal
import time
from contextlib import contextmanager

import pytest
import requests

from faulty import Faulty
from gate import problem
from wait import until

pytestmark = pytest.mark.xdist_group("green")

PLUGIN = {"get": "faulty_cameras_file", "list": "faulty_cameras_file",
          "reserve": "faulty_quota_local", "renew": "faulty_quota_local",
          "usage": "faulty_quota_local", "ensure": "faulty_room_livekit",
          "token": "faulty_room_livekit", "issue": "faulty_ice_turn",
          "append": "faulty_audit_sqlite"}
STOPPED_S = 6  # longer than a worker may stand still


@pytest.fixture(scope="module")
def module_gate(tmp_path_factory):
    gate = Faulty(tmp_path_factory.mktemp("green") / "gate")
    gate.start()
    yield gate
    gate.stop_cleanly()


@pytest.fixture
def gate(module_gate):
    yield module_gate
    for op in PLUGIN:
        module_gate.spoil(op, "fail", 0)
    until(module_gate.ready, "ready again")


def checks(gate, timeout=5):
    """(status, checks) of /readyz?verbose."""
    reply = requests.get(gate.admin + "/readyz?verbose", timeout=timeout)
    return reply.status_code, reply.json()["checks"]


def said(gate, plugin):
    status, found = checks(gate)
    return None if status == 200 or found[plugin]["ok"] else found[plugin]["text"]


def live(gate):
    return requests.get(gate.admin + "/livez", timeout=5)


def call(gate, op):
    """A request that needs this op."""
    alice = gate.client("alice", roles=["operator", "counted"])
    if op == "list":
        return alice.call("GET", "/api/v1/cameras")
    if op == "renew":
        gate.spoil("renew", "fail", 0)
        lease = alice.grant()["lease_id"]
        gate.spoil("renew", "fail", 99)
        return alice.heartbeat(lease)
    return alice.reserve()


# ---- what requests meet ----

def test_what_requests_meet_is_red_and_well_again_without_one(gate):
    """Health sees nothing of it: the drivers say that they are well."""
    for op, plugin in PLUGIN.items():
        gate.spoil(op, "fail", 99)
        assert call(gate, op).status_code == 503
        text = said(gate, plugin)
        assert text and text.startswith(f"{op} fails on worker "), text
        assert "the suite told it to fail" in text
        assert gate.metric(f'camgate_plugin_failing{{plugin="{plugin}"}}') >= 1
        assert live(gate).ok
        gate.spoil(op, "fail", 0)
    until(gate.ready, "green without a request")
    assert gate.metric("camgate_plugin_failing") == 0


def test_it_stays_red_while_requests_go_on_failing(gate):
    """A health that sees less than requests do is not believed against them."""
    gate.spoil("reserve", "fail", 9999)
    alice = gate.client()
    end = time.monotonic() + 3  # longer than one bad outcome is believed
    while time.monotonic() < end:
        assert alice.reserve().status_code == 503
        assert said(gate, "faulty_quota_local")
    gate.spoil("reserve", "fail", 0)
    alice.grant()
    assert gate.ready(), "the newest outcome is a good one"


def test_one_strange_request_is_not_red_for_ever(gate):
    gate.spoil("usage", "null")
    gate.spoil("issue", "silent")
    assert gate.client().reserve().status_code in (500, 503)
    assert said(gate, "faulty_ice_turn")
    until(gate.ready, "green without a request")


def test_what_a_caller_did_wrong_is_not_red(gate):
    for op, how in (("get", "notfound"), ("token", "invalid")):
        gate.spoil(op, how)
        assert gate.client().reserve().status_code in (404, 500)
        assert gate.ready()
    problem(gate.client().reserve("no-such-camera"), 404)
    assert gate.ready()


# ---- a worker that hangs ----

@contextmanager
def hanging(gate, worker):
    """The worker stands still in an op until the block is over."""
    subject = next(name for name in (f"user-{n}" for n in range(99))
                   if home(gate, name) == worker)
    client = gate.client(subject)
    (gate.folder / "hold").touch()
    gate.spoil("issue", "hang")
    try:
        client.call("POST", "/api/v1/stream/reserve", json={"camera_id": "lobby-1"},
                    timeout=0.5)
    except requests.Timeout:
        pass
    try:
        yield
    finally:
        (gate.folder / "hold").unlink()


def home(gate, subject):
    client = gate.client(subject)
    lease = client.grant()["lease_id"]
    client.release(lease)
    return int(lease[14:16], 16) % gate.vars["CAMGATE_WORKERS"]


def is_dead(gate):
    try:
        reply = live(gate)
    except requests.RequestException:
        return None
    return reply.text if reply.status_code == 503 else None


@pytest.mark.parametrize("worker", [0, 1])
def test_a_worker_that_hangs_is_neither_ready_nor_alive(gate, worker):
    """Worker 0 has the admin port; while it hangs, the port answers all the same."""
    with hanging(gate, worker):
        words = until(lambda: is_dead(gate), "dead", seconds=20)
        assert words.startswith(f"worker {worker} has served nobody for ")
        assert words.endswith("in plugin faulty_ice_turn\n")
        ready = requests.get(gate.admin + "/readyz", timeout=5)
        assert ready.status_code == 503
        assert gate.metric("camgate_workers_hung") == 1
    until(lambda: live(gate).ok, "alive again")
    until(gate.ready, "ready again")
    assert gate.metric("camgate_workers_hung") == 0
    gate.heard(msg="worker hangs", worker=worker)


@pytest.mark.once
def test_a_main_thread_that_hangs_is_not_alive(gate):
    """It hears no signal, reloads nothing, and would not drain."""
    (gate.folder / "hold").touch()
    gate.spoil("reload", "hang")
    gate.signal(signal.SIGHUP)
    words = until(lambda: is_dead(gate), "dead", seconds=20)
    assert words.startswith("the main thread has not turned its loop for ")
    assert requests.get(gate.admin + "/readyz", timeout=5).status_code == 503
    (gate.folder / "hold").unlink()
    until(lambda: live(gate).ok, "alive again")


def test_a_process_that_was_stopped_is_alive(gate):
    gate.signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)  # this is what is tried
    gate.signal(signal.SIGCONT)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert live(gate).ok, live(gate).text
    until(gate.ready, "ready")


@pytest.mark.once
def test_a_worker_that_hangs_does_not_keep_the_gate_from_ending(tmp_path):
    gate = Faulty(tmp_path / "gate")
    text = gate.config.read_text().replace("conf.plugin_dir",
                                           "conf.drain_s = 2\nconf.plugin_dir")
    gate.config.write_text(text)
    gate.start()
    with hanging(gate, 1):
        gate.child.terminate()
        assert gate.child.wait(20) == 1
    assert "the gate ends without a worker that hangs" in gate.log.read_text()


# ---- the trail, while nobody asks for a row ----

@pytest.mark.once
@pytest.mark.parametrize("file", ["audit.db", "audit.db-wal"])
def test_a_trail_that_is_gone_is_red_while_idle(new_gate, file):
    gate = new_gate()
    gate.client().grant()
    gate.until_quiet()
    path = gate.state / file
    aside = gate.state / "aside"
    os.rename(path, aside)
    text = until(lambda: said(gate, "audit_sqlite"), "red")
    assert file in text
    os.rename(aside, path)
    until(gate.ready, "green without a request")
    gate.client().grant()
    gate.cli("audit", "verify")


@pytest.mark.once
def test_a_trail_that_was_replaced_is_red_while_idle(new_gate):
    gate = new_gate()
    gate.client().grant()
    gate.until_quiet()
    path = gate.state / "audit.db"
    kept = gate.state / "kept"
    os.rename(path, kept)
    path.write_bytes(kept.read_bytes())
    text = until(lambda: said(gate, "audit_sqlite"), "red")
    assert "replaced" in text
    os.rename(kept, path)
    until(gate.ready, "green without a request")
