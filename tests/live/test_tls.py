"""TLS of the public listener as other implementations see it, renewed under load."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import requests

from gate import HERE, Client, Gate
from pki import Authority
from settings import laid_over
from test_reload import CLOSED
from wait import until

GOOD = ("ECDHE-{}-AES128-GCM-SHA256", "ECDHE-{}-AES256-GCM-SHA384",
        "ECDHE-{}-CHACHA20-POLY1305")
BAD = {"rsa": ("AES128-GCM-SHA256", "AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES128-SHA",
               "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256", "eNULL", "aNULL"),
       "ec": ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
              "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-CCM", "eNULL", "aNULL")}


TURNS = int(os.environ.get("CAMGATE_CERT_TURNS", 6))


class SecureGate(Gate):
    """A gate with TLS; its clients believe its authority alone."""

    def __init__(self, folder, authority, pair, **options):
        super().__init__(folder, CAMGATE_TLS_CERT=pair[0], CAMGATE_TLS_KEY=pair[1],
                         **options)
        self.authority = authority

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def client(self, sub="alice", cert=None, **claims):
        client = Client(self, self.token(sub, **claims))
        client.http.trust_env = False  # which may name other authorities
        client.http.verify, client.http.cert = str(self.authority.ca), cert
        return client

    def serial(self):
        """Of the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=self.authority.ca)
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
                return s.getpeercert()["serialNumber"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "pki")


@pytest.fixture
def new_secure(tmp_path, started, authority):
    def make(kind="ec", **options):
        pair = authority.issue(kind=kind)
        return started(SecureGate(tmp_path / "gate", authority, pair, **options))

    return make


def s_client(gate, *argv, typed="Q\n"):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gate.port}",
                           *argv],
                          input=typed, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_versions_and_ciphers(new_secure, kind):
    gate = new_secure(kind, workers=1)
    auth = {"ec": "ECDSA", "rsa": "RSA"}[kind]
    for flag, taken in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True),
                        ("-tls1_3", True)):
        code, said = s_client(gate, flag, "-cipher", "ALL:@SECLEVEL=0")
        assert (code == 0) == taken, f"{flag}: {said}"
    for cipher in GOOD:
        code, said = s_client(gate, "-tls1_2", "-cipher", cipher.format(auth))
        assert code == 0 and f"Cipher is {cipher.format(auth)}" in said, said
    for cipher in BAD[kind]:
        code, said = s_client(gate, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
        assert code != 0 and "Cipher is (NONE)" in said, f"{cipher}: {said}"
    for group, taken in (("X25519", True), ("P-256", True), ("P-384", True),
                         ("P-521", False)):
        assert (s_client(gate, "-tls1_3", "-groups", group)[0] == 0) == taken, group


def test_protocol_renegotiation_compression_and_resumption(new_secure, tmp_path):
    gate = new_secure(workers=1)
    code, said = s_client(gate, "-alpn", "h2,http/1.1")
    assert code == 0 and "ALPN protocol: http/1.1" in said
    code, said = s_client(gate, "-alpn", "h2")
    assert code != 0 and "no application protocol" in said
    assert "Compression: NONE" in s_client(gate, "-tls1_2", "-comp")[1]
    for version in ("-tls1_2", "-tls1_3"):
        kept = tmp_path / f"session{version}"
        s_client(gate, version, "-sess_out", str(kept))
        if kept.exists():
            assert "New, TLS" in s_client(gate, version, "-sess_in", str(kept))[1]
        assert "Reused" not in s_client(gate, version, "-reconnect")[1]
    assert "no renegotiation" in s_client(gate, "-tls1_2", typed="R\n")[1]
    gate.client().grant()


class Stream(threading.Thread):
    """A client that asks without end, on kept and on new connections."""

    def __init__(self, gate, number):
        super().__init__(daemon=True)
        self.gate, self.kept = gate, gate.client(f"user{number}")
        self.asked, self.lost, self.stop = 0, [], threading.Event()

    def run(self):
        while not self.stop.is_set():
            for client in (self.kept, self.gate.client("fresh")):
                try:
                    reply = client.explain()
                    if reply.status_code != 200:
                        self.lost.append(reply.text)
                except requests.RequestException as error:
                    self.lost.append(repr(error))
                self.asked += 1
                if client is not self.kept:
                    client.http.close()


def test_certificates_change_under_a_stream_and_none_is_lost(new_secure, authority):
    gate = new_secure(workers=2)
    streams = [Stream(gate, n) for n in range(4)]
    for stream in streams:
        stream.start()
    seen = {gate.serial()}
    for turn in range(TURNS):
        before = [s.asked for s in streams]
        authority.issue(kind=("rsa", "ec")[turn % 2])
        if turn % 2:
            gate.signal(signal.SIGHUP)
        else:
            assert requests.post(gate.admin + "/reload", timeout=30).status_code == 200
        seen |= until(lambda: {gate.serial()} - seen, "the new certificate", seconds=30)
        until(lambda: all(s.asked > n + 2 for s, n in zip(streams, before)),
              "the stream goes on", seconds=30)
    for stream in streams:
        stream.stop.set()
    for stream in streams:
        stream.join(60)
        assert not stream.is_alive() and not stream.lost, stream.lost[:3]
    assert len(seen) == TURNS + 1
    until(lambda: len(gate.rows("SELECT seq FROM trail WHERE kind = 'reload'")) == TURNS,
          "a row of each reload")
    print(f"{TURNS} certificates, {sum(s.asked for s in streams)} requests, 0 lost")


def break_mismatch(a):
    a.issue("other")
    shutil.copy(a.folder / "other.key", a.folder / "server.key")


def break_mixed_kind(a):
    a.issue("other", kind="rsa")
    shutil.copy(a.folder / "other.key", a.folder / "server.key")


BREAKS = [
    (break_mismatch, "key", "is not the key of the certificate"),
    (break_mixed_kind, "key", "is not the key of the certificate"),
    (lambda a: a.issue(days=(-9, -2)), "cert", "expired on"),
    (lambda a: a.issue(days=(2, 9)), "cert", "is not valid before"),
    (lambda a: a.issue(kind="rsa1024"), "cert", "too small"),
    (lambda a: a.issue(passphrase=b"secret words"), "key", "without a passphrase"),
    (lambda a: (a.folder / "server.pem").write_text("nonsense"), "cert",
     "no certificate chain"),
    (lambda a: (a.folder / "server.key").write_text(""), "key", "no private key"),
    (lambda a: (a.folder / "server.pem").unlink(), "cert", "No such file"),
    (lambda a: (a.folder / "server.key").unlink(), "key", "No such file"),
]


def test_a_broken_pair_refuses_the_whole_reload(new_secure, authority, tmp_path):
    policies = shutil.copytree(HERE / "policies", tmp_path / "policies")
    gate = new_secure(policies=policies, workers=2)
    serial = gate.serial()
    (policies / "05_closed.lua").write_text(CLOSED)
    for spoil, _, words in BREAKS:
        authority.issue()
        spoil(authority)
        reply = requests.post(gate.admin + "/reload", timeout=30)
        assert reply.status_code == 422 and words in reply.json()["detail"], reply.text
        assert gate.serial() == serial
        gate.client().explain().raise_for_status()
        assert gate.client().explain().json()["verdict"] == "allow"
    assert words in requests.get(gate.admin + "/status",
                                 timeout=5).json()["last_reload_error"]
    authority.issue()
    assert requests.post(gate.admin + "/reload", timeout=30).status_code == 200
    assert gate.serial() != serial
    assert gate.client().explain().json()["verdict"] == "deny"


def test_check_refuses_a_broken_pair_with_file_and_line(tmp_path, authority):
    gate = SecureGate(tmp_path / "gate", authority, authority.issue())
    done = gate.cli("check")
    assert "with TLS" in done.stdout
    text = gate.config.read_text().splitlines()
    line = {name: 1 + next(n for n, row in enumerate(text) if env in row) for name, env in
            (("cert", "CAMGATE_TLS_CERT"), ("key", "CAMGATE_TLS_KEY"))}
    for spoil, whose, words in BREAKS:
        authority.issue()
        spoil(authority)
        done = gate.cli("check", check=False)
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert f"camgate.lua:{line[whose]}: listen.tls.{whose}" in done.stderr, \
            done.stderr
    authority.issue()
    for missing, words in (("CAMGATE_TLS_KEY", "needs the key"),
                           ("CAMGATE_TLS_CERT", "needs the cert")):
        kept = gate.vars.pop(missing)
        done = gate.cli("check", check=False)
        assert done.returncode == 2 and words in done.stderr
        gate.vars[missing] = kept


def refused_handshake(call):
    with pytest.raises(requests.RequestException):
        call()


def test_client_certificates(tmp_path, started, authority):
    clients, strangers = Authority(tmp_path / "clients", "clients"), \
        Authority(tmp_path / "x", "x")
    good = clients.issue("alice", client=True)
    bad = [strangers.issue("alice", client=True),
           clients.issue("late", client=True, days=(-9, -1)),
           clients.issue("server-of-clients", client=False)]
    gate = started(SecureGate(tmp_path / "gate", authority, authority.issue(),
                              CAMGATE_TLS_CLIENT_CA=clients.ca))
    refused_handshake(gate.client().explain)
    for pair in bad:
        refused_handshake(gate.client(cert=tuple(map(str, pair))).explain)
    lease = gate.client(cert=tuple(map(str, good))).grant()["lease_id"]
    # the gate's own commands show the certificate that the environment names
    done = gate.cli("lease", "ls", check=False)
    assert done.returncode == 2 and "no gate answers" in done.stderr
    gate.vars |= {"CAMGATE_CLIENT_CERT": good[0], "CAMGATE_CLIENT_KEY": good[1]}
    assert lease in gate.cli("lease", "ls").stdout


def test_optional_client_certificates(tmp_path, started, authority):
    clients, strangers = Authority(tmp_path / "clients", "clients"), \
        Authority(tmp_path / "x", "x")
    config = laid_over(tmp_path, listen={"tls.client_cert": "optional"})
    gate = started(SecureGate(tmp_path / "gate", authority, authority.issue(),
                              config=config, CAMGATE_TLS_CLIENT_CA=clients.ca))
    gate.client().grant()
    gate.client(cert=tuple(map(str, clients.issue("a", client=True)))).grant()
    pair = tuple(map(str, strangers.issue("a", client=True)))
    refused_handshake(gate.client(cert=pair).explain)


def test_commands_know_their_gate_by_its_key(tmp_path, new_secure, authority):
    gate = new_secure()
    lease = gate.client().grant()["lease_id"]
    assert lease in gate.cli("lease", "ls").stdout
    # somebody else's certificate, from the same authority, on that port: not talked to
    authority.issue("server")
    done = gate.cli("lease", "ls", check=False)
    assert done.returncode == 2 and lease not in done.stdout \
        and "no gate answers" in done.stderr
    assert requests.post(gate.admin + "/reload", timeout=30).status_code == 200
    gate.cli("lease", "end", lease)


def test_a_plain_request_on_the_tls_port_gets_nothing(new_secure):
    gate = new_secure()
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{gate.port}/api/v1/cameras", timeout=10)
    gate.client().grant()
