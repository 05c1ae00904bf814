"""The plugin zoo on a whole gate: refused in words before it serves, or contained while
it does."""
import concurrent.futures
import os
import re
import shutil
import signal
import time

import pytest
import requests

from gate import PRESET, Gate, problem
from servers import ROOT
from wait import until

BUILD = ROOT / "build" / PRESET
SHIPPED = ("cameras_file", "quota_local", "room_livekit", "ice_turn", "audit_sqlite")
ABI_MINOR = int(re.search(r"define CGP_ABI_MINOR (\d+)",
                          (ROOT / "plugins/camgate_plugin.h").read_text())[1])
EM_AARCH64, CLASS, MACHINE = 0xB7, 4, 18  # of an ELF header


class Zoo(Gate):
    """A gate whose TURN credentials come from a plugin of the zoo."""

    def __init__(self, tmp_path, bad, options="", **more):
        self.plugins = tmp_path / "plugins"
        self.plugins.mkdir(mode=0o755)
        for name in SHIPPED:
            shutil.copy(BUILD / f"plugins/{name}.so", self.plugins)
        self.file = self.plugins / f"{bad}.so"
        config = tmp_path / "zoo.lua"
        config.write_text(
            "local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text() +
            "\nend)()\n"
            f"conf.plugin_dir = '{self.plugins}'\n"
            "conf.deadlines_ms = { ice = 300 }\n"
            "for i, plugin in ipairs(conf.plugins) do\n"
            f"  if plugin[1] == 'ice_turn' then conf.plugins[i] = {{ '{bad}', {options} "
            f"}} end\n"
            "end\nreturn conf\n")
        super().__init__(tmp_path / "gate", config=config, **more)

    def put(self):
        """The plugin of the zoo, as it was built."""
        shutil.copy(BUILD / "tests/bad" / self.file.name, self.file)
        return self


def patched(source, offset, value):
    """A copy of a sound plugin with one byte of its ELF header changed."""
    def put(zoo):
        data = bytearray((BUILD / source).read_bytes())
        data[offset] = value
        zoo.file.write_bytes(data)
        zoo.file.chmod(0o644)
    return put


def linked(zoo):
    zoo.file.symlink_to(BUILD / "tests/bad/twice.so")


def writable(zoo):
    zoo.put().file.chmod(0o666)


def in_a_writable_folder(zoo):
    zoo.put().plugins.chmod(0o777)


def cut(zoo):
    zoo.file.write_bytes((BUILD / "tests/bad/twice.so").read_bytes()[:40])


REFUSED = [
    ("no_symbol", Zoo.put, "does not export camgate_plugin"),
    ("wrong_major", Zoo.put, "made for plugin ABI 1.x"),
    ("newer_minor", Zoo.put, f"needs plugin ABI 2.{ABI_MINOR + 1}"),
    ("short_struct", Zoo.put, "the ABI's is"),
    ("missing_op", Zoo.put, "kind quota lacks reserve, usage"),
    ("other_name", Zoo.put, 'calls itself "somebody"'),
    ("absent", lambda zoo: None, "No such file"),
    ("twice", linked, "leads out of its folder"),
    ("twice", writable, "may be written to by others"),
    ("twice", in_a_writable_folder, "may be written to by others"),
    ("twice", cut, "file too short"),
    ("twice", patched("tests/bad/twice.so", MACHINE, EM_AARCH64), "is refused"),
    ("twice", patched("tests/bad/twice.so", CLASS, 1), "is refused"),
]


@pytest.mark.parametrize("name, put, words", REFUSED)
def test_refused_by_run_check_and_plugin_check(tmp_path, name, put, words):
    zoo = Zoo(tmp_path, name)
    put(zoo)
    for command, code in ((["run"], 2), (["check"], 2),
                          (["plugin", "check", zoo.file], 1)):
        done = zoo.cli(*command, check=False)
        said = done.stderr if code == 2 else done.stdout
        assert done.returncode == code, f"{command}: {done.stdout}{done.stderr}"
        file = zoo.plugins if put is in_a_writable_folder else zoo.file
        assert str(file) in said and words in said, f"{command}: {said}"
    assert not (zoo.state / "audit.db").exists()


def test_a_start_that_fails_is_told_without_the_secret(tmp_path):
    zoo = Zoo(tmp_path, "failing_init", "secret = 'open sesame'").put()
    done = zoo.cli("run", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "failing_init does not start" in done.stderr
    assert "wrong phase for ***" in said and "open sesame" not in said


# ---- contained

@pytest.fixture
def contained(tmp_path, started):
    def make(name, options="", **more):
        zoo = Zoo(tmp_path, name, options, **more).put()
        (tmp_path / "gate").mkdir(exist_ok=True)
        return started(zoo)

    return make


def misuse(zoo, kind):
    text = requests.get(zoo.admin + "/metrics", timeout=5).text
    name = f'camgate_plugin_misuse_total{{kind="{kind}"}} '
    return sum(int(line[len(name):]) for line in text.splitlines()
               if line.startswith(name))


def lives(zoo, fails=None):
    """Whole after what happened: live, ready but for a plugin that still fails, and with
    a row and no lease for each refusal."""
    until(lambda: requests.get(zoo.admin + "/livez", timeout=10).ok, "it lives")
    ready = requests.get(zoo.admin + "/readyz?verbose", timeout=10)
    assert ready.ok != bool(fails) and (fails or "") in ready.text, ready.text
    zoo.cli("audit", "verify")


def told(zoo, name, words):
    return until(lambda: [line for line in zoo.logged() if line.get("plugin") == name
                          and words in line["msg"]], f"the log has {words} of {name}")


def test_completing_twice_is_dropped(contained):
    zoo = contained("twice")
    alice = zoo.client()
    for _ in range(3):
        lease = alice.grant()
        assert lease["ice_servers"] == []
        assert alice.release(lease["lease_id"]).status_code == 204
    assert misuse(zoo, "twice") == 3
    told(zoo, "twice", "completed a call twice")
    lives(zoo)


@pytest.mark.parametrize("name, kind, words", [
    ("other_thread", "thread", "another thread"), ("late", "late", "after its deadline"),
    ("never", None, None)])
def test_no_completion_in_time_is_503(contained, name, kind, words):
    zoo = contained(name, "ms = 900" if name == "late" else "")
    alice = zoo.client()
    for _ in range(2):
        began = time.monotonic()
        reply = alice.reserve("gate-1")
        body = problem(reply, 503, "timeout")
        assert time.monotonic() - began < 5 and int(reply.headers["Retry-After"]) > 0
        assert f"{name} did not answer within 300 ms" in body["detail"]
    assert alice.leases() == []
    assert [row["outcome"] for row in zoo.decisions(subject="alice")] == ["error"] * 2
    if kind:
        until(lambda: misuse(zoo, kind) == 2, "it is counted")
        told(zoo, name, words)
    # everything that needs no TURN credentials goes on
    assert alice.explain("gate-1").status_code == 200
    assert alice.call("GET", "/api/v1/cameras").status_code == 200
    lives(zoo, fails=f"{name} did not answer within 300 ms")


def home_of(subject):
    """Which of two workers its leases live on (core/base/hash.c, id.c)."""
    h = 2166136261
    for c in subject.encode():
        h = (h ^ c) * 16777619 % 2**32
    return ((h ^ h >> 8 ^ h >> 16 ^ h >> 24) & 0xFF) % 2


def named(home):
    return next(name for name in (f"user{n}" for n in range(100))
                if home_of(name) == home)


def test_blocking_for_ten_seconds_holds_one_worker_and_is_named(contained):
    """The admin listener is worker 0's; the plugin blocks worker 1."""
    zoo = contained("blocks", "ms = 10000, times = 1", workers=2)
    free, held = zoo.client(named(0)), zoo.client(named(1))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        blocked = pool.submit(held.reserve, "lobby-1")
        told(zoo, "blocks", "holds its worker")
        assert time.monotonic() - began < 9 and not blocked.done()
        assert requests.get(zoo.admin + "/livez", timeout=5).status_code == 200

        def served():
            """By the other worker, when the kernel gives it this connection."""
            client = zoo.client(named(0))
            try:
                return client.call("POST", "/api/v1/stream/reserve", timeout=1,
                                   json={"camera_id": "lobby-1"}).status_code == 201
            except requests.Timeout:
                return False

        until(served, "the other worker serves", seconds=8, every=0)
        assert not blocked.done()
        assert blocked.result(30).status_code in (201, 503)
    assert zoo.metric("camgate_plugin_blocked_total") >= 1
    told(zoo, "blocks", "blocked its worker")
    assert held.reserve("lobby-1").status_code == 201 \
        and free.reserve("lobby-1").status_code == 201
    lives(zoo)


def test_every_call_left_open_is_ended_when_the_gate_stops(contained):
    """A plugin that never completes does not keep the gate from stopping."""
    zoo = contained("never")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(zoo.client(f"user{n}").reserve) for n in range(4)]
        until(lambda: zoo.metric("camgate_http_connections") >= 4, "they wait")
        os.kill(zoo.child.pid, signal.SIGTERM)
        for reply in asked:
            assert reply.result(20).status_code == 503
    assert zoo.child.wait(20) == 0


def test_a_plugins_routes_answer_with_headers_of_their_own(tmp_path, started):
    gate = started(Zoo(tmp_path, "routes").put())
    url = gate.url + "/zoo/deep"
    reply = requests.get(url + "/any/page?say=hello%20there", timeout=5)
    assert (reply.status_code, reply.text) == (200, "deep")
    assert reply.headers["X-Said"] == "hello there"
    assert reply.headers["Cache-Control"] == "max-age=60"
    assert requests.get(url + "/exact", headers={"X-Say": "you"},
                        timeout=5).headers["X-Said"] == "you"
    head = requests.head(url + "/exact", timeout=5)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["X-Route"] == "exact"
    refused = requests.put(url + "/exact", timeout=5)
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "POST"}
    no = requests.get(url + "/exact?refuse=1", timeout=5)
    assert problem(no, 401)["detail"] == "exact"
    assert no.headers["X-Route"] == "exact"


def test_headers_that_are_the_hosts_are_nonsense(tmp_path, started):
    gate = started(Zoo(tmp_path, "routes").put())
    for bad in range(6):
        reply = requests.get(f"{gate.url}/zoo/deep/exact?bad={bad}", timeout=5)
        problem(reply, 500)
        assert not {"Set-Cookie", "X-Split", "X-Route"} & set(reply.headers)
    assert gate.metric("camgate_plugin_misuse_total") == 6
