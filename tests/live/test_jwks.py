"""Keys that an issuer publishes, from a real https server with a private authority."""
import json
import signal
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import ports
from gate import Client, Gate, problem
from pki import Authority
from settings import laid_over
from wait import until

WORKERS = 2


class Key:
    """A private key with a name, and what is published of it."""

    def __init__(self, kid, kind="RS256", bits=2048):
        self.kid, self.algorithm = kid, kind
        self.private = (rsa.generate_private_key(65537, bits) if kind == "RS256"
                        else ec.generate_private_key(ec.SECP256R1()))

    def jwk(self, **more):
        known = jwt.get_algorithm_by_name(self.algorithm)
        return known.to_jwk(self.private.public_key(), as_dict=True) | \
            {"kid": self.kid} | more


def key_set(*keys):
    return {"keys": [key.jwk(use="sig", alg=key.algorithm) for key in keys]}


class Issuer:
    """An https server of one document.  `answer` is (status, headers, bytes), `asked`
    counts; `gate_` holds replies back while it is not set."""

    def __init__(self, authority, name="server"):
        self.port, self.asked, self.server = ports.take(), 0, None
        self.open = threading.Event()
        self.open.set()
        self.pair = authority.issue(name)
        self.publish({"keys": []})

    def publish(self, document, status=200, **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answer = status, headers, body

    def start(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                issuer.open.wait(20)
                status, headers, body = issuer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the gate had enough

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.pair))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()
        return self

    def stop(self):
        self.open.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/keys"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "pki")


@pytest.fixture
def issuer(authority):
    issuer = Issuer(authority).start()
    yield issuer
    issuer.stop()


@pytest.fixture
def following(tmp_path, started, authority, issuer):
    """following(**jwt settings) is a gate that takes the issuer's keys alone."""

    def make(refresh_s=3600, least_s=1, ca=authority.ca, **env):
        config = laid_over(tmp_path,
                           jwt={"jwks_refresh_s": refresh_s, "jwks_least_s": least_s})
        return started(Gate(tmp_path / "gate", config=config, workers=WORKERS,
                            **{"CAMGATE_JWKS": issuer.url, "CAMGATE_JWKS_CA": ca,
                               "CAMGATE_JWT_SECRET": ""} | env))

    return make


def signed(gate, key, kid="its own", **claims):
    body = {"sub": "alice", "roles": ["operator"], "sites": ["north"],
            "exp": int(time.time()) + 600} | claims
    headers = {"kid": key.kid} if kid == "its own" else {"kid": kid} if kid else {}
    return Client(gate,
                  jwt.encode(body, key.private, algorithm=key.algorithm, headers=headers))


def on_all(call, times=12):
    """Statuses of a call made on new connections, which fall to every worker."""
    with ThreadPoolExecutor(4) as pool:
        return {reply.status_code for reply in pool.map(lambda _: call(), range(times))}


def keys_note(gate):
    return requests.get(gate.admin + "/readyz?verbose",
                        timeout=10).json()["checks"]["keys"]


def test_rsa_and_ec_keys_of_the_issuer(issuer, following):
    one, two = Key("one"), Key("two", "ES256")
    issuer.publish(key_set(one, two))
    gate = following()
    for key in (one, two):
        assert on_all(lambda: signed(gate, key).explain()) == {200}
        assert on_all(lambda: signed(gate, key, kid=None).explain()) == {200}
    until(lambda: on_all(lambda: signed(gate, one, "two").explain()) == {401},
          "the other kind's kid")
    assert problem(signed(gate, Key("one")).explain(), 401)["detail"] == \
        "the token's signature is wrong"
    assert issuer.asked <= 2 * WORKERS
    note = keys_note(gate)
    assert note["ok"] and note["text"].startswith("fresh: 2 keys")
    done = gate.cli("token", "--sub", "x", check=False)
    assert done.returncode == 2 and not (gate.state / "jwt.secret").exists()


def test_secret_and_issuer_together(issuer, following):
    key = Key("one")
    issuer.publish(key_set(key))
    gate = following(CAMGATE_JWT_SECRET="s" * 32)
    signed(gate, key).grant()
    gate.secret = "s" * 32
    gate.client("bob").grant()
    # the public key is no secret of HS256
    for secret in (key.jwk()["n"], key.jwk()["n"].encode()[:64], b"\0" * 32):
        problem(gate.client("eve", key=secret).explain(), 401)


def test_keys_rotate(issuer, following):
    old, new = Key("old"), Key("new", "ES256")
    issuer.publish(key_set(old))
    gate = following()
    assert on_all(lambda: signed(gate, old).explain()) == {200}
    issuer.publish(key_set(new))
    # an unknown kid brings the new set; the old key's tokens are forgotten with it
    until(lambda: on_all(lambda: signed(gate, new).explain()) == {200}, "the new key")
    until(lambda: on_all(lambda: signed(gate, old).explain()) == {401},
          "the old key's end")


def test_a_removed_key_is_noticed_by_time(issuer, following):
    old, new = Key("old"), Key("new")
    issuer.publish(key_set(old, new))
    gate = following(refresh_s=1)
    client = signed(gate, old)
    client.explain().raise_for_status()  # and remembered
    issuer.publish(key_set(new))
    until(lambda: client.explain().status_code == 401, "the end of the old key")
    until(lambda: on_all(lambda: signed(gate, old).explain()) == {401}, "everywhere")
    assert on_all(lambda: signed(gate, new).explain()) == {200}


def test_an_unknown_kid_is_try_again_while_it_is_fetched(issuer, following):
    old, new = Key("old"), Key("new")
    issuer.publish(key_set(old))
    gate = following(least_s=1)
    before = issuer.asked
    issuer.open.clear()
    client = signed(gate, new)
    until(lambda: client.explain().status_code == 503, "a fetch that waits")
    again = client.explain()
    assert problem(again, 503)["detail"].endswith("try again") \
        and again.headers["Retry-After"] == "1"
    assert on_all(lambda: signed(gate, old).explain()) == {200}  # nobody waits
    issuer.publish(key_set(old, new))
    issuer.open.set()
    until(lambda: client.explain().status_code == 200, "the new key")
    assert issuer.asked <= before + 2 * WORKERS


def test_a_storm_of_unknown_kids(issuer, following):
    key, stranger = Key("one"), Key("x", "ES256")
    issuer.publish(key_set(key))
    gate = following(least_s=3600)
    assert issuer.asked == WORKERS
    tokens = [signed(gate, stranger, f"kid-{n}") for n in range(300)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda client: client.explain().status_code, tokens))
    assert set(replies) <= {401, 503} and replies.count(401) > 250
    assert issuer.asked == WORKERS
    assert on_all(lambda: signed(gate, key).explain()) == {200}


def test_one_bad_kid_asks_once_and_a_storm_once_an_interval(issuer, following):
    key, stranger = Key("one"), Key("x", "ES256")
    issuer.publish(key_set(key))
    gate = following(least_s=1)
    until(lambda: (on_all(lambda: signed(gate, stranger, "bad").explain(), 40) == {401}
                   and issuer.asked == 2 * WORKERS), "each worker asked for it once")
    end = time.monotonic() + 1.2  # longer than least_s: it may be asked for, and is not
    while time.monotonic() < end:
        assert on_all(lambda: signed(gate, stranger, "bad").explain(), 8) == {401}
    assert issuer.asked == 2 * WORKERS
    began, before = time.monotonic(), issuer.asked
    for n in range(200):
        signed(gate, stranger, f"kid-{n}").explain()
    spent = time.monotonic() - began
    assert issuer.asked - before <= WORKERS * (2 + int(spent))


BROKEN = {
    "500": (b"oops", 500), "redirect": (b"", 302), "html": (b"<html>", 200),
    "huge": (b'{"keys": [' + b" " * (300 << 10) + b"]}", 200),
    "half": (b'{"keys": [{"kty": "RSA", "n', 200), "no keys": (b'{"keys": []}', 200),
}


def test_old_keys_stay_when_the_set_cannot_be_read(issuer, following):
    key = Key("one")
    issuer.publish(key_set(key))
    gate = following(refresh_s=1)

    def stays(name):
        until(lambda: gate.metric("camgate_jwks_stale") == WORKERS, f"{name} is noticed")
        assert on_all(lambda: signed(gate, key).explain(), 6) == {200}, name
        note = keys_note(gate)
        assert note["ok"] and note["text"].startswith("stale: 1 keys"), note
        assert requests.get(gate.admin + "/readyz", timeout=5).status_code == 200

    for name, (body, status) in BROKEN.items():
        asked = issuer.asked
        issuer.publish(body, status, Location=issuer.url)
        until(lambda: issuer.asked >= asked + 2 * WORKERS, f"{name} is fetched")
        stays(name)
    issuer.stop()
    stays("away")
    issuer.publish(key_set(key))
    issuer.start()
    until(lambda: gate.metric("camgate_jwks_stale") == 0, "fresh again")
    gate.heard(msg="token keys cannot be refreshed, the old ones stay", level="warn")


def test_without_any_key_yet_the_gate_is_not_ready(tmp_path, issuer, following,
                                                   authority):
    key = Key("one")
    issuer.publish(b"", 500)
    gate = Gate(tmp_path / "gate", workers=WORKERS, CAMGATE_JWKS=issuer.url,
                CAMGATE_JWKS_CA=authority.ca, CAMGATE_JWT_SECRET="",
                config=laid_over(tmp_path, jwt={"jwks_refresh_s": 1, "jwks_least_s": 1}))
    gate.ready = lambda: "serving" in (gate.log.read_text() if gate.log.exists() else "")
    try:
        gate.start()
        assert requests.get(gate.admin + "/readyz", timeout=5).status_code == 503
        assert not keys_note(gate)["ok"]
        no = problem(signed(gate, key).explain(), 503)
        assert no["detail"] == "this gate has no keys to check tokens yet"
        issuer.publish(key_set(key))
        until(lambda: requests.get(gate.admin + "/readyz", timeout=5).ok, "keys")
        until(lambda: on_all(lambda: signed(gate, key).explain()) == {200}, "everywhere")
    finally:
        gate.stop_cleanly()


def test_an_issuer_that_cannot_prove_itself_is_not_believed(tmp_path, issuer, following):
    key = Key("one")
    issuer.publish(key_set(key))
    stranger = Authority(tmp_path / "stranger", "stranger")
    gate = following(ca=stranger.ca, CAMGATE_JWT_SECRET="s" * 32)
    assert issuer.asked == 0
    note = keys_note(gate)
    assert note["ok"] and "certificate" in note["text"]  # the secret still serves
    problem(signed(gate, key).explain(), 401)


def test_weak_and_foreign_members_are_passed_over(issuer, following):
    good, weak, private = Key("good"), Key("weak", bits=1024), Key("private", "ES256")
    half = jwt.get_algorithm_by_name("ES256").to_jwk(private.private, as_dict=True)
    issuer.publish({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "okp"},
        {"kty": "oct", "k": "AAAA"}, weak.jwk(), half | {"kid": "private"},
        good.jwk(use="enc", kid="enc"), good.jwk(key_ops=["sign"], kid="ops"),
        good.jwk(alg="RS512", kid="alg"), good.jwk(e="AQ", kid="one"),
        good.jwk(n="AAAA", kid="short"), good.jwk(n=7, kid="number"),
        private.jwk(x="A" * 43, kid="off the curve"),
        private.jwk(crv="P-384", kid="p384"), 7, None,
        good.jwk(key_ops=["verify"], alg="RS256", use="sig")]})
    gate = following()
    assert on_all(lambda: signed(gate, good).explain()) == {200}
    assert keys_note(gate)["text"].startswith("fresh: 1 keys")
    for kid in ("enc", "ops", "alg", "one", "short", "number"):
        assert signed(gate, good, kid).explain().status_code in (401, 503), kid
    for key in (weak, private):
        assert signed(gate, key).explain().status_code in (401, 503)


# ---- from a file

def test_a_file_is_read_again_at_a_reload(tmp_path, new_gate):
    one, two = Key("one"), Key("two", "ES256")
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_set(one)))
    gate = new_gate(CAMGATE_JWKS=path, CAMGATE_JWT_SECRET="")
    assert on_all(lambda: signed(gate, one).explain()) == {200}
    problem(signed(gate, two).explain(), 401)
    path.write_text('{"keys": [{"kty": "oct", "k": "AAAA"}]}')
    reply = requests.post(gate.admin + "/reload", timeout=20)
    assert reply.status_code == 422 and "keys.json" in reply.text and "oct" in reply.text
    assert on_all(lambda: signed(gate, one).explain()) == {200}
    path.write_text(json.dumps(key_set(two)))
    gate.signal(signal.SIGHUP)
    until(lambda: on_all(lambda: signed(gate, one).explain()) == {401},
          "the old key is out")
    assert on_all(lambda: signed(gate, two).explain()) == {200}


@pytest.mark.parametrize("value, words", [
    ("http://issuer.example/keys", "must be https"),
    ("ftp://127.0.0.1/keys", "must be an https URL"),
    ("https://me:secret@issuer.example/", "must not hold a user"),
    ("https://", "is not a URL"), ("http://127.0.0.1.example.org/", "must be https"),
    ("nowhere.json", "No such file"), ("http://[::2]/", "must be https"),
])
def test_check_refuses_odd_places(tmp_path, value, words):
    gate = Gate(tmp_path / "gate", CAMGATE_JWKS=value)
    done = gate.cli("check", check=False)
    assert done.returncode == 2 and words in done.stderr and "jwt.jwks" in done.stderr
    assert "me:secret" not in done.stderr


@pytest.mark.parametrize("value", ["http://127.0.0.1:1/keys", "http://[::1]:1/",
                                   "http://localhost:1/", "https://issuer.example/keys"])
def test_check_takes_https_and_this_machine(tmp_path, value):
    Gate(tmp_path / "gate", CAMGATE_JWKS=value).cli("check")
