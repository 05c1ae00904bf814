"""Canary secrets: through a whole life of a gate, at debug level, they are found nowhere
but where handing them out is the purpose (a room token and TURN credentials in a grant's
reply)."""
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import jwt
import pytest
import requests

import servers
from conftest import needs
from gate import BINARY, HERE, Client, Gate, problem
from servers import ROOT
from wait import until

CANARIES = {name: f"Canary{name}{hashlib.sha256(name.encode()).hexdigest()[:40]}"
            for name in ("Jwt", "Livekit", "Turn", "Static", "Feed", "Valkey", "Url",
                         "Old")}


def forms(secret):
    """The secret as it may be written: plain, in base64 at each offset, in hex,
    reversed."""
    raw = secret.encode()
    yield secret
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + raw).decode()
        yield whole[4:-4]
        yield whole[4:-4].translate(str.maketrans("+/", "-_"))
    yield raw.hex()


class Search:
    """Places and what must not be found in them."""

    def __init__(self):
        self.secrets, self.places = dict(CANARIES), {}

    def also(self, name, secret):
        assert len(secret) > 20, f"{name} is too short to be searched for"
        self.secrets[f"{name} {len(self.secrets)}"] = secret

    def look(self, place, text):
        self.places[f"{place} {len(self.places)}"] = text if isinstance(text, bytes) \
            else text.encode()

    def found(self):
        return [(name, place) for name, secret in self.secrets.items() for place, text in
                self.places.items()
                if any(form.encode() in text for form in forms(secret))]


class GuardedValkey(servers.Valkey):
    """One with a password."""

    def start(self):
        conf = self.folder / "valkey.conf"
        conf.write_text(f"port {self.port}\nbind 127.0.0.1\nsave \"\"\ndir "
                        f"{self.folder}\n"
                        f"requirepass {CANARIES['Valkey']}\n")
        return self.spawn(servers.find("valkey-server"), conf)

    def ready(self):
        return self.command("PING").startswith(b"-NOAUTH")

    @property
    def url(self):
        return f"redis://:{CANARIES['Valkey']}@127.0.0.1:{self.port}/2"


def config(folder):
    """The shipped configuration at debug level."""
    text = (ROOT / "etc/camgate.lua").read_text()
    assert 'log_level = "info"' in text
    path = folder / "camgate.lua"
    path.write_text(text.replace('log_level = "info"', 'log_level = "debug"'))
    return path


def cameras(folder):
    text = (HERE / "cameras.json").read_text()
    assert "canary-feed" in text
    path = folder / "cameras.json"
    path.write_text(text.replace("canary-feed", CANARIES["Feed"]))
    return path


class Life:
    """One gate with its servers; everything anybody is told goes to the search."""

    def __init__(self, tmp_path, started):
        self.search = Search()
        self.valkey = started(GuardedValkey(tmp_path / "valkey"))
        self.livekit = servers.LiveKit(tmp_path / "livekit", empty=2, departure=1)
        self.livekit.secret = CANARIES["Livekit"]
        started(self.livekit)
        self.policies = shutil.copytree(HERE / "policies", tmp_path / "policies")
        self.cameras = cameras(tmp_path)
        self.gate = Gate(
            tmp_path / "gate", config=config(tmp_path), policies=self.policies,
            cameras=self.cameras, CAMGATE_JWT_SECRET=CANARIES["Jwt"],
            TURN_DOMAIN="127.0.0.1", TURN_SECRET=CANARIES["Turn"], TURN_USER="viewer",
            TURN_PASSWORD=CANARIES["Static"], VALKEY_URL=self.valkey.url,
            **self.livekit.env())
        self.gate.secret = CANARIES["Jwt"]
        started(self.gate)

    # ---- those who ask

    def token(self, *args, **kw):
        token = self.gate.token(*args, **kw)
        self.search.also("bearer token", token.rsplit(".", 1)[1])
        return token

    def told(self, reply):
        """A reply in which nothing secret has a place."""
        self.search.look(f"reply {reply.status_code}", reply.text + str(reply.headers))
        return reply

    def granted(self, reply):
        """A grant's reply: what it hands out is secret from then on, and nothing else is
        in it."""
        body = reply.json()
        self.search.also("room token", body.pop("token").rsplit(".", 1)[1])
        for server in body.pop("ice_servers"):
            self.search.also("TURN credential", server["credential"])
        self.search.look("grant", json.dumps(body) + str(reply.headers))
        return body

    def cli(self, *argv):
        done = self.gate.cli(*argv, check=False)
        self.search.look(f"camgate {argv[0]}", done.stdout + done.stderr)
        return done

    def admin(self):
        for path in ("/metrics", "/status", "/readyz?verbose", "/readyz", "/livez",
                     "/nowhere"):
            self.search.look(path, requests.get(self.gate.admin + path, timeout=10).text)

    def everything_kept(self):
        for path in [*self.gate.state.rglob("*"), self.gate.log]:
            if path.is_file():
                self.search.look(path.name, path.read_bytes())
        for row in self.gate.rows():
            self.search.look("row", json.dumps(row))


def command_lines():
    """Those of all processes that are there."""
    lines = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines += path.read_bytes() + b"\n"
        except OSError:
            pass
    return lines


@pytest.fixture
def life(tmp_path, started):
    needs("valkey-server")
    needs("livekit-server")
    return Life(tmp_path, started)


def ordinary_days(life):
    alice = Client(life.gate, life.token("alice"))
    body = life.granted(alice.reserve("lobby-1"))
    life.told(alice.heartbeat(body["lease_id"]))
    fresh = alice.fresh_token("lobby-1").json()
    life.search.also("room token", fresh["token"].rsplit(".", 1)[1])
    life.search.look("fresh token", json.dumps({k: v for k, v in fresh.items()
                                                if k not in ("token", "ice_servers")}))
    for path in ("/api/v1/stream/leases", "/api/v1/cameras", "/api/v1/audit",
                 "/openapi.yaml"):
        life.told(alice.call("GET", path))
    auditor = Client(life.gate, life.token("ann", roles=["auditor", "admin"]))
    life.told(auditor.call("GET", "/api/v1/audit"))
    life.told(auditor.call("GET", "/api/v1/stream/leases"))
    life.told(alice.explain("lobby-1"))
    life.told(alice.reserve("vault-1"))
    life.told(alice.reserve("broken-1"))
    life.told(alice.reserve("nowhere"))
    return alice, body["lease_id"]


def hostile_days(life, alice):
    """Tokens where they do not belong, forged ones, malformed requests, forged
    webhooks."""
    token = life.token("mallory")
    url = life.gate.url
    forged = jwt.encode({"sub": "mallory", "exp": int(time.time()) + 60}, "x" * 32,
                        algorithm="HS256")
    life.search.also("forged token", forged.rsplit(".", 1)[1])
    head, claims, signature = token.split(".")
    for bad in (forged, f"{head}.{claims}.{signature[:-2]}AA",
                f"{head}.{signature}.{claims}", token + "x", token[:-3] + "\u00e9",
                life.token("old", ttl=-900)):
        life.told(requests.get(url + "/api/v1/cameras", timeout=9,
                               headers={"Authorization": f"Bearer {bad}".encode()}))
    for headers in ({"Authorization": token}, {"Authorization": f"Basic {token}"},
                    {"X-Token": token}, {"Cookie": f"token={token}"},
                    {"X-Request-Id": token}):
        life.told(requests.get(url + "/api/v1/cameras", headers=headers, timeout=9))
    for path in (f"/api/v1/cameras?access_token={token}", f"/{token}",
                 f"/api/v1/stream/token/{token}",
                 f"/api/v1/stream/leases?lease_id={signature}"):
        reply = requests.get(url + path, timeout=9)
        assert reply.status_code >= 400
    for body in (b"{", json.dumps({"camera_id": "lobby-1", "token": token}).encode(),
                 json.dumps({"camera_id": "lobby-1", "ttl_s": token}).encode()):
        life.told(alice.call("POST", "/api/v1/stream/reserve", data=body,
                             headers={"Content-Type": "application/json"}))
    with socket.create_connection(("127.0.0.1", life.gate.port), 5) as raw:
        raw.sendall(f"GET /{token} HTTP/1.1\r\nHost: a\r\nHost: b\r\n"
                    f"Authorization: Bearer {token}\r\n\r\n".encode())
        life.search.look("refusal of a bad request", raw.makefile("rb").read())
    event = json.dumps({"event": "participant_joined"}).encode()
    digest = base64.b64encode(hashlib.sha256(event).digest()).decode()
    for key, claim in ((CANARIES["Livekit"], "AAAA"), ("x" * 32, digest),
                       (CANARIES["Livekit"], digest)):
        sign = jwt.encode({"iss": life.livekit.key, "exp": int(time.time()) + 60,
                           "sha256": claim}, key,
                          algorithm="HS256")
        life.search.also("webhook token", sign.rsplit(".", 1)[1])
        life.told(requests.post(url + "/webhook/livekit", data=event, timeout=9,
                                headers={"Authorization": sign,
                                         "Content-Type": "application/webhook+json"}))


def bad_days(life, alice):
    """Broken policies and cameras on reload, LiveKit and Valkey gone."""
    broken = life.policies / "99_broken.lua"
    broken.write_text("return {{{")
    life.told(requests.post(life.gate.admin + "/reload", timeout=20))
    broken.unlink()
    sound = life.cameras.read_text()
    for bad in (sound[:-40], sound.replace("rtsp://", "ftp://"),
                sound.replace('"high":', '"ultra high":'),
                sound.replace(":" + CANARIES["Feed"], " :" + CANARIES["Feed"]),
                sound.replace('"feeds": {"high": ', '"feed": {"high": ')):
        life.cameras.write_text(bad)
        reply = life.told(requests.post(life.gate.admin + "/reload", timeout=20))
        life.cli("check")
        life.admin()
        assert reply.status_code in (200, 409, 422, 500, 503) \
            and (reply.status_code == 200 or reply.text)
    life.cameras.write_text(sound)
    assert life.told(requests.post(life.gate.admin + "/reload",
                                   timeout=20)).status_code == 200
    life.livekit.kill()
    problem(life.told(alice.reserve("yard-1")), 503)
    life.cli("check")
    life.valkey.kill()
    problem(life.told(alice.reserve("roof-1")), 503)
    life.admin()
    life.cli("check")


def commands(life, lease):
    for argv in (["check"], ["check", "--format", "json"], ["plugin", "ls"],
                 ["lease", "ls"], ["version"], ["plugin", "ls", "--format", "json"],
                 ["lease", "show", lease], ["lease", "end", lease], ["audit", "query"],
                 ["audit", "export"], ["audit", "export", "--format", "jsonl"],
                 ["audit", "verify"], ["check", "--options"], ["nonsense"],
                 ["policy", "eval", "--sub", "alice", "--role", "operator", "--site",
                  "north", "--camera", "lobby-1", "--format", "json"]):
        life.cli(*argv)


def test_canaries_are_found_nowhere(life):
    alice, lease = ordinary_days(life)
    hostile_days(life, alice)
    life.admin()
    life.search.look("process list", command_lines())
    commands(life, lease)
    bad_days(life, alice)
    until(lambda: len(life.gate.rows("SELECT seq FROM trail WHERE kind = 'reload'")) >= 6,
          "reloads are told")
    assert life.gate.stop() == 0
    life.everything_kept()
    assert any(row["outcome"] == "error" for row in life.gate.decisions())
    assert '"level":"debug"' in life.gate.log.read_text(), \
        "nothing was logged at debug level"
    kinds = {name.rsplit(" ", 1)[0] for name in life.search.secrets}
    assert kinds >= set(CANARIES) | {"bearer token", "room token", "TURN credential",
                                     "webhook token"}
    assert len(life.search.places) > 100
    assert not life.search.found()


def test_the_search_would_find_them(life):
    """Its own canary: each form is found, and the secrets really are in use."""
    search = Search()
    for secret in CANARIES.values():
        for at, form in enumerate(forms(secret)):
            search.look("planted", f"some text {form} and more")
    assert {name for name, _ in search.found()} == set(CANARIES)
    environ = Path("/proc", str(life.gate.child.pid), "environ")
    assert environ.stat().st_uid == 0, "only root may read what the gate was given"
    if os.geteuid() == 0:
        for name in ("Jwt", "Livekit", "Turn", "Static", "Valkey"):
            assert CANARIES[name] in environ.read_bytes().decode()
    assert CANARIES["Feed"] in life.cameras.read_text()


BROKEN = {
    "a short secret": {"CAMGATE_JWT_SECRET": CANARIES["Jwt"][:20]},
    "a short API secret": {"LIVEKIT_API_SECRET": CANARIES["Livekit"][:20],
                           "LIVEKIT_API_KEY": "k", "LIVEKIT_URL": "http://127.0.0.1:1"},
    "a password in LiveKit's "
    "address": {"LIVEKIT_URL": f"http://user:{CANARIES['Url']}@127.0.0.1:1",
                                        "LIVEKIT_API_KEY": "k",
                "LIVEKIT_API_SECRET": CANARIES["Livekit"]},
    "a password in LiveKit's public address": {
        "LIVEKIT_PUBLIC_URL": f"wss://user:{CANARIES['Url']}@127.0.0.1",
        "LIVEKIT_URL": "http://127.0.0.1:1", "LIVEKIT_API_KEY": "k",
        "LIVEKIT_API_SECRET": CANARIES["Livekit"]},
    "a bad port": {"VALKEY_URL": f"redis://:{CANARIES['Valkey']}@127.0.0.1:port/0"},
    "another scheme": {"VALKEY_URL": f"http://:{CANARIES['Valkey']}@127.0.0.1:1/0"},
    "nobody there": {"VALKEY_URL": f"redis://user:{CANARIES['Valkey']}@127.0.0.1:1/0"},
    "no such host": {
        "VALKEY_URL": f"redis://user:{CANARIES['Valkey']}@nowhere.invalid:1/0"},
    "a secret as a port": {"TURN_PORT": "notaport", "TURN_SECRET": CANARIES["Turn"],
                           "TURN_DOMAIN": "127.0.0.1"},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_configuration_is_told_without_its_secrets(tmp_path, what):
    gate = Gate(tmp_path / "gate", config=config(tmp_path), **BROKEN[what])
    # one that is cut short is searched for as it is
    secrets = [value for value in BROKEN[what].values() if value.startswith("Canary")] + \
        list(CANARIES.values())
    said = ""
    for argv in (["check"], ["check", "--format", "json"], ["plugin", "ls"],
                 ["lease", "ls"]):
        done = gate.cli(*argv, check=False)
        said += done.stdout + done.stderr
    child = subprocess.Popen([BINARY, "run", "-c", gate.config], env=gate.environment(),
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        until(lambda: child.poll() is not None or gate.ready() or said_all(gate),
              "it serves or ends", 20)
    finally:
        child.terminate()
        said += child.communicate(timeout=20)[0]
    assert said.strip()
    assert not [secret for secret in secrets
                if any(form in said for form in forms(secret))], said


def said_all(gate):
    """It is up, whatever it thinks of its peers."""
    try:
        return requests.get(gate.admin + "/readyz?verbose", timeout=1).json()["checks"]
    except (requests.RequestException, KeyError, ValueError):
        return False
