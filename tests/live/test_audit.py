"""The whole gate when its trail cannot be written: no token without its row, an honest
503 in time, red, and well again by itself."""
import contextlib
import os
import resource
import shutil
import subprocess
import threading
import time

import pytest
import requests

from gate import BINARY, Gate, problem
from servers import ROOT
from wait import until

WRITE, SYNC = 2, 4  # enum shim_op of tests/plugins/vfs_shim.h
IOERR_WRITE, IOERR_FSYNC, FULL = 778, 1034, 13
PLUGINS = BINARY.parent / "plugins"
RIG = BINARY.parent / "tests/rig"


class Spoiled(Gate):
    """A gate whose trail lies on a disk that fails by order."""

    def __init__(self, folder, **options):
        plugins = shutil.copytree(PLUGINS, folder / "plugins")
        shutil.copy(RIG / "faulty_disk.so", plugins)
        self.spoiled = folder / "camgate.lua"
        self.spoiled.write_text(f"""local conf = (function() {(ROOT /
        "etc/camgate.lua").read_text()}
            end)()
            conf.plugin_dir = "{plugins}"
            local plugins = {{ {{ "faulty_disk" }} }}
            for i, plugin in ipairs(conf.plugins) do
              if plugin[1] == "audit_sqlite" then plugin.vfs = "faulty" end
              plugins[i + 1] = plugin
            end
            conf.plugins = plugins
            return conf""")
        super().__init__(folder / "gate", **options)

    def start(self):
        """The command line reads the trail with the shipped configuration, beside it."""
        return self.spawn(BINARY, "run", "-c", self.spoiled, env=self.environment())

    def order(self, text):
        reply = requests.post(self.url + "/test/disk", data=text, timeout=5)
        assert reply.status_code == 200, reply.text
        return dict(zip(reply.text.split()[::2], map(int, reply.text.split()[1::2])))

    def fail(self, op, nth, how, code):
        return self.order(f"fail {op} {nth} {how} {code}")


@pytest.fixture
def spoiled(tmp_path, started):
    return started(Spoiled(tmp_path))


def refused_in_time(client, camera="lobby-1"):
    """A reserve that must be refused for the trail's sake, within a second."""
    began = time.monotonic()
    reply = client.reserve(camera)
    took = time.monotonic() - began
    body = problem(reply, 503)
    assert "audit" in body["detail"] and int(reply.headers["Retry-After"]) >= 1
    assert "token" not in body
    assert took < 2.0, f"refused after {took:.3f} s"  # 1 s, and a loaded machine's share
    return took


def is_red(gate):
    reply = requests.get(gate.admin + "/readyz?verbose", timeout=5)
    return reply.status_code == 503 and "audit" in reply.text


def well_again(gate):
    until(gate.ready, "ready again", seconds=20)


def granted(gate):
    return {row["lease_id"] for row in gate.rows(
        "SELECT lease_id FROM trail WHERE kind = 'decision' AND outcome = 'allow'")}


def undone(gate):
    return {row["lease_id"] for row in gate.rows(
        "SELECT lease_id FROM trail WHERE kind = 'end' AND outcome = 'revoked'")}


@pytest.mark.parametrize("op, nth, how, code", [
    (WRITE, 1, "once", IOERR_WRITE), (WRITE, 1, "ever", IOERR_WRITE),
    (WRITE, 1, "ever", FULL), (SYNC, 1, "once", IOERR_FSYNC),
    (SYNC, 1, "ever", IOERR_FSYNC),
])
def test_a_failing_disk(spoiled, op, nth, how, code):
    alice = spoiled.client()
    held = {alice.grant()["lease_id"]}
    spoiled.fail(op, nth, how, code)
    took = refused_in_time(alice)
    print(f"refused after {took * 1000:.1f} ms")
    if how == "ever":
        until(lambda: is_red(spoiled), "red")
        assert refused_in_time(spoiled.client("bob")) < 2.0
        assert alice.explain().status_code == 200  # what needs no row still works
        assert requests.get(spoiled.admin + "/livez", timeout=5).ok
        spoiled.order("heal")
    well_again(spoiled)
    held.add(alice.grant()["lease_id"])
    assert granted(spoiled) == held
    assert spoiled.order("heal")["retried"] == 0
    spoiled.cli("audit", "verify")


@pytest.mark.once
@pytest.mark.parametrize("fault", [f"fail {WRITE} 1 ever {FULL}", "hold"],
                         ids=["full", "hangs"])
def test_a_disk_that_fails_is_red_while_nobody_writes(spoiled, fault):
    spoiled.client().grant()
    spoiled.until_quiet()
    spoiled.order(fault)
    until(lambda: is_red(spoiled), "red")
    assert requests.get(spoiled.admin + "/livez", timeout=5).ok
    spoiled.order("letgo" if fault == "hold" else "heal")
    well_again(spoiled)
    spoiled.client().grant()
    spoiled.cli("audit", "verify")


def test_a_hanging_disk(spoiled):
    alice, bob = spoiled.client(), spoiled.client("bob")
    held = {alice.grant()["lease_id"]}
    spoiled.order("hold")
    # its row is under way, and the deadline passes
    first = refused_in_time(alice, "gate-1")
    until(lambda: is_red(spoiled), "red")
    second = refused_in_time(bob, "gate-1")
    print(f"refused after {first * 1000:.0f} ms, then {second * 1000:.1f} ms")
    spoiled.order("letgo")
    well_again(spoiled)
    # the row of the refused grant became durable after all: it was undone, says the trail
    until(lambda: granted(spoiled) - undone(spoiled) == held,
          "the grant is undone in the trail")
    assert bob.reserve("gate-1").status_code == 201
    spoiled.cli("audit", "verify")


def test_a_release_that_cannot_be_recorded_is_recorded_later(spoiled):
    alice = spoiled.client()
    lease = alice.grant()["lease_id"]
    spoiled.fail(WRITE, 1, "ever", FULL)
    problem(alice.release(lease), 503)
    spoiled.order("heal")
    well_again(spoiled)
    until(lambda: spoiled.rows("SELECT * FROM trail WHERE kind = 'end' AND lease_id = ?",
                               lease),
          "the end is in the trail", seconds=30)
    assert alice.release(lease).status_code == 204
    ends = spoiled.rows("SELECT * FROM trail WHERE kind = 'end' AND lease_id = ?", lease)
    assert len(ends) == 1


def move_away(db):
    db.rename(db.with_suffix(".away"))
    return lambda: db.with_suffix(".away").rename(db)


def delete(db):
    copy = db.read_bytes()
    db.unlink()
    return lambda: db.write_bytes(copy)


def empty(db):
    copy = db.read_bytes()
    os.truncate(db, 0)
    return lambda: db.write_bytes(copy)


def replace(db):
    back = move_away(db)
    db.write_bytes(b"a file of somebody else's\n" * 100)
    return lambda: (db.unlink(), back())


@pytest.mark.parametrize("happens", [move_away, delete, empty, replace])
def test_the_file(gate, happens):
    alice = gate.client()
    held = {alice.grant()["lease_id"]}
    put_right = happens(gate.state / "audit.db")
    refused_in_time(alice)
    assert is_red(gate)
    refused_in_time(alice)
    put_right()
    well_again(gate)
    held.add(alice.grant()["lease_id"])
    assert granted(gate) == held
    gate.cli("audit", "verify")


def test_a_second_gate_on_the_same_trail(gate):
    second = subprocess.run(
        [BINARY, "run", "-c", gate.config], capture_output=True, text=True, timeout=30,
        env=gate.environment() | {"CAMGATE_PORT": "0", "CAMGATE_ADMIN_PORT": "0"})
    assert second.returncode != 0
    assert f"pid {gate.child.pid}" in second.stdout + second.stderr
    gate.client().grant()


def test_somebody_else_locks_the_file(gate):
    """An administrator's sqlite3 with a transaction left open."""
    gate.client().grant()
    other = subprocess.Popen(
        ["python3", "-c", "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
         "db.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()",
         gate.state / "audit.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"locked\n"
    refused_in_time(gate.client())
    assert is_red(gate)
    other.communicate(b"")
    well_again(gate)
    gate.client().grant()


# ---- a disk that is full in earnest

@contextlib.contextmanager
def small_disk(folder):
    """A file system of 4 MB, where this process may mount one."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs",
                              folder],
                             capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Writes until there is no room; returns what makes room again."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(b"x" * 4096)
    return path.unlink


def limit(gate):
    """No file of the gate may grow any more; returns what lifts that."""
    size = (gate.state / "audit.db-wal").stat().st_size
    old = resource.prlimit(gate.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gate.child.pid, resource.RLIMIT_FSIZE, (size, old[1]))
    return lambda: resource.prlimit(gate.child.pid, resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("kind", ["file system", "file size"])
def test_a_full_disk(tmp_path, kind):
    with small_disk(tmp_path / "gate/state") as mounted:
        gate = Gate(tmp_path / "gate")
        try:
            gate.start()
            client = gate.client("load", roles=["load"])
            held = {client.grant()["lease_id"]}
            real = mounted and kind == "file system"
            make_room = fill(gate.state) if real else limit(gate)
            reply = client.reserve()
            while reply.status_code == 201:  # what still fits is durable
                held.add(reply.json()["lease_id"])
                reply = client.reserve()
            problem(reply, 503)
            until(lambda: is_red(gate), "red")
            refused_in_time(client)
            make_room()
            well_again(gate)
            held.add(client.grant()["lease_id"])
            assert granted(gate) == held
            gate.cli("audit", "verify")
        finally:
            gate.stop_cleanly()


def test_under_load_no_token_is_without_its_row(spoiled):
    """The disk fails again and again while eight clients reserve."""
    told, stop = set(), threading.Event()

    def load(number):
        client = spoiled.client(f"load{number}", roles=["load"])
        while not stop.is_set():
            reply = client.reserve(quality="low")
            assert reply.status_code in (201, 503), reply.text
            if reply.status_code == 201:
                told.add(reply.json()["lease_id"])

    threads = [threading.Thread(target=load, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for op, nth, code in ((SYNC, 3, IOERR_FSYNC), (WRITE, 7, FULL),
                          (SYNC, 1, IOERR_FSYNC)):
        before = len(told)
        until(lambda: len(told) > before + 20, "grants")
        failed = spoiled.fail(op, nth, "once", code)["failures"]
        until(lambda: spoiled.order("letgo")["failures"] > failed, "the disk fails")
        well_again(spoiled)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert told <= granted(spoiled)
    assert spoiled.order("heal")["retried"] == 0
    spoiled.cli("audit", "verify")
