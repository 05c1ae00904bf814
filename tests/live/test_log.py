"""stderr as others have it: nobody reads it, its reader died, it is full, slow, rotated,
closed, not blocking.  The gate serves, reloads and stops all the same, and of what is
logged again and again there is one line a second."""
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

from gate import BINARY, Gate, problem
from test_reload import by_http
from test_zoo import Zoo
from wait import until

BROKEN = "policy_error"  # one line a request, were there no bound
F_SETPIPE_SZ = 1031


class Heard(Gate):
    """A gate whose stderr is what the test gives it."""

    def __init__(self, folder, stderr, debug=False, **options):
        super().__init__(folder, **options)
        self.stderr = stderr
        if debug:
            text = Path(self.config).read_text()
            self.config = self.folder / "camgate.lua"
            self.config.write_text(text.replace('log_level = "info"',
                                                'log_level = "debug"'))

    def start(self):
        self.child = subprocess.Popen([BINARY, "run", "-c", str(self.config)],
                                      cwd=self.folder, env=self.environment(),
                                      stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=self.stderr)
        until(self.answers, "the gate answers", seconds=30)
        return self


class Reader(threading.Thread):
    """Reads a pipe to its end, slowly if asked."""

    def __init__(self, fd, pause=0.0):
        super().__init__(daemon=True)
        self.fd, self.pause, self.text = fd, pause, b""
        self.start()

    def run(self):
        while True:
            try:
                piece = os.read(self.fd, 1500 if self.pause else 65536)
            except OSError:
                return
            if not piece:
                return
            self.text += piece
            if self.pause:
                time.sleep(self.pause)

    def lines(self):
        """Each must be whole."""
        return [json.loads(line) for line in self.text.decode().split("\n") if line]


def told(lines, msg):
    """(lines of that message, what they stand for)"""
    own = [line for line in lines if line["msg"] == msg]
    return own, sum(line.get("repeated", 1) for line in own)


def small_pipe():
    read, write = os.pipe()
    fcntl.fcntl(write, F_SETPIPE_SZ, 4096)
    return read, write


def fill(fd):
    """Until it takes no more; by a description of our own, whose O_NONBLOCK is not the
    gate's."""
    own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(own, b"x" * 1000 + b"\n")
    except BlockingIOError:
        os.close(own)


def break_policies(gate, times):
    client = gate.client()
    for _ in range(times):
        problem(client.reserve("broken-1"), 403)


def flood(gate, times):
    """Of debug lines: connections whose request is refused."""
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as s:
            s.sendall(b"GET / HTTP/9.9\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 ")


def works(gate):
    """Grants, /livez, a reload by signal and one by HTTP, and an end in time."""
    break_policies(gate, 40)
    gate.client("bob").grant()
    assert requests.get(gate.admin + "/livez", timeout=5).ok
    before = len(gate.rows("SELECT * FROM trail WHERE kind = 'reload'"))
    gate.signal(signal.SIGHUP)
    until(lambda: len(gate.rows("SELECT * FROM trail WHERE kind = 'reload'")) > before,
          "SIGHUP reloads")
    assert by_http(gate) in (200, 204)
    began = time.monotonic()
    gate.signal(signal.SIGTERM)
    assert gate.child.wait(timeout=15) == 0
    return time.monotonic() - began


# ---- a stderr that takes nothing

def unread_pipe():
    read, write = small_pipe()
    fill(write)
    return read, write


def unread_terminal():
    master, slave = os.openpty()
    fill(slave)
    return master, slave


def unread_socket():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    try:
        while True:
            theirs.send(b"x" * 1000)
    except BlockingIOError:
        theirs.setblocking(True)
    return ours.detach(), theirs.detach()


def dead_pipe():
    read, write = os.pipe()
    os.close(read)
    return os.open("/dev/null", os.O_RDONLY), write


def nearly_full_terminal():
    """Writable, poll says, and then write sleeps."""
    master, slave = unread_terminal()
    os.read(master, 60)
    return master, slave


def full_device():
    return os.open("/dev/null", os.O_RDONLY), os.open("/dev/full", os.O_WRONLY)


def read_only():
    return os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)


@pytest.mark.parametrize("make", [unread_pipe, unread_terminal, unread_socket,
                                  nearly_full_terminal, dead_pipe,
                                  full_device, read_only],
                         ids=lambda make: make.__name__)
def test_a_stderr_that_takes_nothing_stops_nothing(tmp_path, started, make):
    ours, stderr = make()
    gate = started(Heard(tmp_path, stderr))
    os.close(stderr)
    assert works(gate) < 10
    os.close(ours)


def test_a_reader_that_dies_stops_nothing(tmp_path, started):
    read, write = os.pipe()
    gate = started(Heard(tmp_path, write))
    os.close(write)
    os.close(read)
    break_policies(gate, 5)
    until(lambda: gate.metric("camgate_log_lines_dropped_total") > 0, "it is counted")
    works(gate)


def test_a_reader_that_comes_back_is_told(tmp_path, started):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    write = os.open(fifo, os.O_WRONLY)
    gate = started(Heard(tmp_path / "gate", write))
    os.close(write)
    os.close(first)
    break_policies(gate, 1)
    dropped = until(lambda: gate.metric("camgate_log_lines_dropped_total"), "it is lost")
    again = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(again, True)
    reader = Reader(again)
    assert by_http(gate) in (200, 204)
    gate.stop_cleanly()
    reader.join(10)
    messages = {line["msg"]: line for line in reader.lines()}
    assert {"reloaded", "draining"} <= messages.keys()
    assert messages["log lines were dropped"]["count"] == dropped
    os.close(again)


def test_a_crash_does_not_wait_for_a_reader(tmp_path, started):
    read, write = unread_pipe()
    gate = started(Heard(tmp_path, write))
    break_policies(gate, 5)
    gate.signal(signal.SIGABRT)
    assert gate.child.wait(timeout=10) == -signal.SIGABRT
    gate.child = None
    os.close(read)
    os.close(write)


def test_a_refused_start_ends_although_nobody_reads_why(tmp_path):
    read, write = unread_pipe()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gate = Heard(tmp_path, write)
        gate.vars["CAMGATE_PORT"] = taken.getsockname()[1]
        gate.answers = lambda: True
        gate.start()
        assert gate.child.wait(timeout=30) == 2
    os.close(read)
    os.close(write)


def test_what_was_dropped_is_told_when_the_reader_reads_again(tmp_path, started):
    read, write = small_pipe()
    gate = started(Heard(tmp_path, write, debug=True))
    os.close(write)
    for _ in range(60):
        flood(gate, 400)
        if gate.metric("camgate_log_lines_dropped_total") > 0:
            break
    dropped = gate.metric("camgate_log_lines_dropped_total")
    assert dropped > 0
    break_policies(gate, 3)  # held, however full the queue is
    reader = Reader(read)
    until(lambda: b"lines were dropped" in reader.text, "it is said")
    gate.stop_cleanly()
    reader.join(10)
    lines = reader.lines()
    said = [line for line in lines if line["msg"] == "log lines were dropped"]
    assert sum(line["count"] for line in said) == dropped
    assert lines.index(said[0]) > 1000 and told(lines, BROKEN)[1] == 3
    os.close(read)


def test_a_disk_that_was_full_has_whole_lines_again(tmp_path, started):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "small", disk], check=True)
    try:
        ballast, log = disk / "ballast", disk / "log"
        with open(log, "wb") as stderr:
            gate = started(Heard(tmp_path / "gate", stderr, debug=True))
        until(lambda: b"serving" in log.read_bytes(), "the log begins")
        with pytest.raises(OSError):
            with ballast.open("wb", buffering=0) as out:
                while True:
                    out.write(b"x" * 512)
        flood(gate, 60)
        until(lambda: log.stat().st_size % 4096 == 0, "a line had room in part only")
        ballast.unlink()
        size = log.stat().st_size
        until(lambda: log.stat().st_size > size, "the log goes on")
        gate.stop_cleanly()
        assert all(json.loads(line) for line in log.read_text().splitlines())
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_log_cut_by_copytruncate_begins_anew(tmp_path, started):
    log = tmp_path / "log"
    with log.open("wb") as stderr:  # without O_APPEND, as a shell opens it
        gate = started(Heard(tmp_path / "gate", stderr))
    until(lambda: b"serving" in log.read_bytes(), "the log begins")
    os.truncate(log, 0)
    break_policies(gate, 1)
    until(lambda: log.stat().st_size, "a line")
    assert json.loads(log.read_text().splitlines()[0])["msg"] == BROKEN


@pytest.mark.parametrize("make", [small_pipe, os.openpty], ids=["pipe", "terminal"])
def test_o_nonblock_set_by_another_tears_no_line(tmp_path, started, make):
    """A terminal takes what it has room for, so lines come to it in pieces."""
    ours, stderr = make()
    os.set_blocking(stderr, False)
    gate = started(Heard(tmp_path, stderr, debug=True))
    reader = Reader(ours, pause=0.01)
    flood(gate, 200)
    reader.pause = 0
    until(lambda: reader.text.count(b"request refused") == 200, "all is read")
    gate.stop_cleanly()
    os.close(stderr)
    reader.join(20)
    assert len(reader.lines()) > 200
    os.close(ours)


def test_the_flags_of_a_shared_stderr_are_left_alone(tmp_path, started):
    read, write = os.pipe()
    before = fcntl.fcntl(write, fcntl.F_GETFL)
    gate = started(Heard(tmp_path, write))
    break_policies(gate, 3)
    assert fcntl.fcntl(write, fcntl.F_GETFL) == before
    os.close(read)
    os.close(write)


# ---- repetitions

def test_a_repeated_failure_is_one_line_a_second_with_a_count(gate):
    began, n = time.monotonic(), 300
    break_policies(gate, n)
    took = time.monotonic() - began
    gate.stop_cleanly()
    lines, times = told(gate.logged(), BROKEN)
    assert times == n and "repeated" not in lines[0]
    assert len(lines) <= took + 3


def test_the_last_occurrence_and_every_other_message_are_told(gate):
    for n in range(30):
        problem(gate.client(f"user{n}").reserve("broken-1"), 403)
        gate.client(f"user{n}").reserve("loop-1")
    by_http(gate)
    gate.stop_cleanly()
    lines, times = told(gate.logged(), BROKEN)
    assert times == 60 and lines[-1]["camera"] in ("broken-1", "loop-1")
    assert any(line["subject"] == "user29" for line in lines)
    assert {"reloaded", "draining"} <= {line["msg"] for line in gate.logged()}


def test_valkey_away_does_not_drown_the_log(valkey, new_gate):
    gate = new_gate(**valkey.env())
    client = gate.client()
    lease = client.grant()["lease_id"]
    valkey.kill()
    began, refused, size = time.monotonic(), 0, len(gate.logged())
    while time.monotonic() < began + 2:
        problem(client.heartbeat(lease), 503)
        problem(client.reserve(replace=[lease]), 503)
        refused += 1
    gate.stop_cleanly()
    took = time.monotonic() - began
    assert refused > 20
    lines = gate.logged()[size:]
    kinds = {line["msg"] for line in lines}
    assert len(lines) <= (len(kinds) + 1) * (took + 2), lines
    assert any("127.0.0.1" in json.dumps(line) for line in lines)


def test_hostile_clients_do_not_fill_the_log(gate):
    before = len(gate.logged())
    with requests.Session() as http:
        for n in range(200):
            assert http.get(gate.url + "/api/v1/stream/leases", timeout=20,
                            headers={"Authorization": f"Bearer x{n}"}
                            ).status_code in (401, 429)
            assert http.post(gate.url + "/webhook/livekit", data=b"{}", timeout=20,
                             headers={"Content-Type": "application/webhook+json"}
                             ).status_code >= 400
    flood(gate, 100)
    assert len(gate.logged()) - before < 10


def test_a_plugin_that_says_the_same_again_is_counted_too(tmp_path, started):
    zoo = Zoo(tmp_path, "talks").put()
    started(zoo)
    alice, began, n = zoo.client(), time.monotonic(), 40
    for _ in range(n):
        alice.release(alice.grant()["lease_id"])
    took = time.monotonic() - began
    zoo.stop_cleanly()
    lines = zoo.logged()
    for words in ("no relay for", "is away", "one message", "another message", "bytes:",
                  "no such level"):
        own = [line for line in lines if words in line["msg"]]
        assert sum(line.get("repeated", 1) for line in own) == n, words
        assert 2 <= len(own) <= took + 3, words
    assert not re.search(b"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]",
                         zoo.log.read_bytes())


# ---- the last lines

@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS],
                         ids=lambda number: number.name)
def test_before_a_crash_what_is_queued_is_written(tmp_path, started, number):
    gate = Gate(tmp_path)
    own = gate.environment()
    alone = "handle_segv=0:handle_sigbus=0:"  # faults, not the sanitizer's reports
    gate.environment = lambda: own | {
        name: alone + own[name] for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
    started(gate)
    break_policies(gate, 25)
    gate.signal(number)
    code = gate.child.wait(timeout=20)
    gate.child = None
    assert code == -number
    assert told(gate.logged(), BROKEN)[1] == 25


# ---- closed descriptors

def without(fds, *argv, **more):
    """argv with these descriptors closed."""
    closed = " ".join(f"{fd}>&-" for fd in fds)
    return subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", *map(str, argv)],
                            **more)


@pytest.mark.parametrize("fds", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_closed_descriptor_becomes_nobodys_socket(tmp_path, started, fds):
    gate = Gate(tmp_path)
    log = gate.log.open("wb")
    gate.start = lambda: setattr(gate, "child", without(
        fds, BINARY, "run", "-c", gate.config, env=gate.environment(), cwd=gate.folder,
        stdin=log, stdout=log, stderr=log)) or gate
    started(gate)
    until(gate.answers, "the gate answers", seconds=30)
    for fd in range(3):
        target = os.readlink(f"/proc/{gate.child.pid}/fd/{fd}")
        assert target == ("/dev/null" if fd in fds else str(gate.log)), (fd, target)
    break_policies(gate, 3)
    gate.client("bob").grant()
    log.close()


def test_a_command_does_not_write_into_a_file_instead_of_a_closed_stdout(gate):
    gate.client().grant()
    for argv in (["audit", "query"], ["audit", "export"], ["audit", "verify"],
                 ["version"], ["check"], ["lease", "ls"], ["--help"]):
        for fds in ((1,), (0, 1)):
            child = without(fds, BINARY, *argv, "-c", gate.config,
                            env=gate.environment(), stderr=subprocess.PIPE, text=True)
            _, said = child.communicate(timeout=60)
            assert child.returncode == 2 and "cannot write" in said, (argv, fds, said)
        child = without((2,), BINARY, *argv, "-c", gate.config, env=gate.environment(),
                        stdout=subprocess.PIPE)
        assert child.communicate(timeout=60)[0] and child.returncode == 0, argv
    assert "intact" in gate.cli("audit", "verify").stdout


@pytest.mark.parametrize("argv", ["audit query --limit 9999", "audit export",
                                  "audit export --format jsonl", "lease ls", "check"])
def test_a_result_that_has_no_room_is_a_failure(gate, tmp_path, argv):
    """On a full disk, and beyond `ulimit -f`, whose signal looks like a crash."""
    for n in range(30):
        gate.client(f"user{n}").grant("gate-1" if n == 0 else "lobby-1")
    (tmp_path / "out").write_bytes(b"x" * 512)
    for where in ("exec >/dev/full", f"ulimit -f 1; exec >>{tmp_path}/out"):
        script = f'{where}; exec "{BINARY}" {argv} -c "{gate.config}"'
        done = subprocess.run(["sh", "-c", script], env=gate.environment(), text=True,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode == 2 and "cannot write" in done.stderr, (argv, done)


def test_a_result_is_whole_on_a_pipe_that_another_made_nonblocking(gate):
    for n in range(30):
        gate.client().reserve("vault-1", purpose=f"{n} " + "x" * 150)
    for argv in (["audit", "export"], ["check", "--options"]):
        want = gate.cli(*argv).stdout
        read, write = small_pipe()
        os.set_blocking(write, False)
        with subprocess.Popen([BINARY, *argv, "-c", gate.config], stdout=write,
                              stderr=subprocess.PIPE, env=gate.environment()) as child:
            reader = Reader(read, pause=0.002)
            assert child.wait(timeout=60) == 0 and not child.stderr.read()
        assert not os.get_blocking(write), "the flag of the shared description stays"
        os.close(write)
        reader.join(20)
        assert reader.text.decode().replace("\r", "") == want
        os.close(read)


def test_a_reader_that_leaves_early_is_not_a_crash(gate):
    for n in range(40):
        gate.client().reserve("vault-1", purpose=f"{n} " + "x" * 150)
    for argv in ("audit query --limit 1000", "audit export", "--help", "check --options"):
        script = f'"{BINARY}" {argv} -c "{gate.config}" | true; echo ${{PIPESTATUS[0]}}'
        done = subprocess.run(["bash", "-c", script], env=gate.environment(),
                              capture_output=True, text=True, timeout=60, check=True)
        assert re.fullmatch(r"[02]\n", done.stdout) and not done.stderr, (argv, done)
