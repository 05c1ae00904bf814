"""Every outgoing connection tries all addresses of a name, asks again when it connects
again, and says why it does not."""
import socket
import time

import pytest
import requests

import ports
from gate import BINARY, Gate
from nameserver import Resolver, may_replace_names, seeing
from pki import Authority
from servers import Valkey, connects
from wait import until

pytestmark = [pytest.mark.xdist_group("names"), pytest.mark.skipif(
    not may_replace_names(), reason="only root can replace a process's resolv.conf")]

DEAD = "127.0.0.2"  # nobody listens there


class Named(Gate):
    """A gate that finds its peers by names which the test answers."""

    def __init__(self, folder, resolver, **env):
        super().__init__(folder, **env)
        self.resolver = resolver
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")

    def start(self):
        return self.spawn(*seeing(self.resolver, self.hosts, BINARY, "run", "-c",
                                  self.config), env=self.environment())

    def listens(self):
        return connects(self.admin_port)

    def check(self, plugin):
        """(is it well, in which words)"""
        found = requests.get(self.admin + "/readyz?verbose",
                             timeout=10).json()["checks"][plugin]
        return found["ok"], found["text"]

    def says(self, plugin, *words):
        until(lambda: all(w in self.check(plugin)[1] for w in words),
              f"{words} in {self.check(plugin)}", seconds=15)

    def is_well(self, plugin):
        until(lambda: self.check(plugin)[0], f"{plugin} well", seconds=15)


@pytest.fixture
def names(tmp_path):
    address = f"127.0.53.{10 + ports.slot()}"
    with Resolver({}, tmp_path, address, 53) as resolver:
        yield resolver


@pytest.fixture
def silent():
    """silent(address, port): a listener whose queue is full: it answers no SYN."""
    kept = []

    def make(address, port):
        for _ in range(5):
            s = socket.socket()
            s.setblocking(False)
            if any(k.getsockname()[1] == port for k in kept[:1]):
                s.connect_ex((address, port))
            else:
                s.bind((address, port))
                s.listen(0)
            kept.append(s)
        return address

    yield make
    for s in kept:
        s.close()


@pytest.fixture
def new_named(tmp_path, started, names):
    def make(**env):
        return started(Named(tmp_path / "gate", names, **env))
    return make


def quota_at(port, scheme="redis"):
    return {"VALKEY_URL": f"{scheme}://quota.test:{port}/2"}


@pytest.mark.parametrize("records", [
    {"AAAA": "::1", "A": "127.0.0.1"}, {"AAAA": ["::1", "::1"], "A": [DEAD, "127.0.0.1"]},
    {"A": [DEAD, "127.0.0.1"]}, {"A": ["127.0.0.1", DEAD]}], ids=str)
def test_valkey_all_addresses_are_tried(valkey, names, new_named, records):
    names.records.update({("quota.test", kind): a for kind, a in records.items()})
    gate = new_named(**quota_at(valkey.port))
    gate.client().grant()


def test_valkey_a_silent_address_has_its_share_of_the_time(valkey, names, new_named,
                                                           silent):
    names.records[("quota.test", "A")] = [silent("127.0.0.3", valkey.port), "127.0.0.1"]
    new_named(**quota_at(valkey.port)).client().grant()


def test_valkey_is_asked_for_again_and_said_why_it_is_away(valkey, names, new_named):
    names.records[("quota.test", "A")] = "127.0.0.1"
    gate = new_named(**quota_at(valkey.port))
    gate.client().grant()
    names.records[("quota.test", "A")] = [DEAD]
    valkey.kill()
    gate.says("quota_valkey", f"quota.test:{valkey.port}",
              f"{DEAD}:{valkey.port}: Connection refused")
    names.records.clear()
    gate.says("quota_valkey", "the name is not resolved", "not known")
    for answers in ({("quota.test", "A"): []}, None):  # an empty one, and none
        names.records, asked = answers, len(names.asked)
        until(lambda: answers is None or len(names.asked) > asked + 2, "it asks again")
        gate.says("quota_valkey", "the name is not resolved")
    names.records = {("quota.test", "A"): "127.0.0.4"}
    moved = Valkey(valkey.folder / "moved", valkey.port, address="127.0.0.4")
    moved.start()
    try:
        gate.is_well("quota_valkey")
        gate.client("bob").grant()
    finally:
        gate.stop_cleanly()
        moved.stop()


def test_valkey_a_slow_nameserver_holds_no_loop(valkey, names, new_named):
    names.records[("quota.test", "A")] = "127.0.0.1"
    names.delay = 1.0
    gate = new_named(**quota_at(valkey.port), workers=1)
    valkey.kill()
    valkey.start()
    slowest, end = 0.0, time.monotonic() + 20
    while not gate.check("quota_valkey")[0] and time.monotonic() < end:
        began = time.monotonic()
        assert requests.get(gate.admin + "/livez", timeout=5).ok
        slowest = max(slowest, time.monotonic() - began)
    assert gate.check("quota_valkey")[0] and slowest < 0.9, slowest
    gate.client().grant()


def test_livekit_all_addresses_again_and_why(names, new_named, livekit, started):
    started(livekit)
    names.records.update({("sfu.test", "AAAA"): "::1",
                          ("sfu.test", "A"): [DEAD, "127.0.0.1"]})
    env = livekit.env() | {"LIVEKIT_URL": f"http://sfu.test:{livekit.port}"}
    gate = new_named(**env)
    gate.client().grant()
    names.records.clear()
    names.records[("sfu.test", "A")] = DEAD
    livekit.stop()
    gate.says("room_livekit", f"{DEAD}:{livekit.port}", "Connection refused")
    names.records[("sfu.test", "A")] = "127.0.0.1"
    livekit.start()
    gate.is_well("room_livekit")
    gate.client("bob").grant("gate-1")


# ---- rediss:// ----

@pytest.fixture
def secure(tmp_path, started):
    """secure(**issue's): (a Valkey with TLS, its authority)"""
    def make(**how):
        authority = Authority(tmp_path / "pki")
        pair = authority.issue(**how)
        return started(Valkey(tmp_path / "valkey", tls=(*pair, authority.ca))), authority

    return make


def test_valkey_with_tls(secure, new_gate):
    valkey, authority = secure()
    for host in ("localhost", "127.0.0.1"):
        gate = new_gate(host, VALKEY_URL=f"rediss://{host}:{valkey.tls_port}/2",
                        VALKEY_CA=authority.ca)
        gate.client().grant("gate-1" if host == "localhost" else "lobby-1")
    valkey.kill()
    until(lambda: "Connection refused" in gate.log.read_text(), "it is away")
    assert "Success" not in gate.log.read_text()


def test_valkey_that_cannot_prove_itself_is_not_believed(secure, tmp_path, names,
                                                         started):
    valkey, authority = secure()
    other = Authority(tmp_path / "other", "another authority")
    names.records[("quota.test", "A")] = "127.0.0.1"

    def why(url, ca):
        gate = Named(tmp_path / "gate", names, VALKEY_URL=url, VALKEY_CA=ca)
        gate.ready = gate.listens  # it never is ready
        return started(gate).check("quota_valkey")

    def said(scheme, host, ca):
        done = Gate(tmp_path / "check", VALKEY_CA=ca,
                    VALKEY_URL=f"{scheme}://{host}:{valkey.tls_port}/2").cli("check")
        return "".join(done.stdout.partition("warning: ")[1:])

    assert "library camgate_quota is absent" in said("rediss", "localhost", authority.ca)
    assert "self-signed certificate" in said("rediss", "localhost", other.ca)
    assert f"valkey localhost:{valkey.tls_port}" in said("redis", "localhost", "")
    ok, text = why(f"rediss://quota.test:{valkey.tls_port}/2", authority.ca)
    assert not ok and "ostname mismatch" in text


def test_valkey_with_an_old_certificate_is_not_believed(secure, tmp_path):
    valkey, authority = secure(days=(-9, -1))
    done = Gate(tmp_path / "check", VALKEY_CA=authority.ca,
                VALKEY_URL=f"rediss://localhost:{valkey.tls_port}/2").cli("check")
    assert "certificate has expired" in done.stdout
