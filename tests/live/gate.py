"""A running camgate, a client of its REST API, and a reader of its trail."""
import json
import os
import secrets
import sqlite3
import subprocess
import time
from pathlib import Path

import jwt
import requests

import ports
from servers import ROOT, Server
from wait import until
from wait import until

PRESET = os.environ.get("CAMGATE_PRESET", "release")
BINARY = ROOT / "build" / PRESET / "camgate"
HERE = ROOT / "tests/live"
SANITIZER = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:")
PASSED_ON = ("PATH", "HOME", "TZ", "LANG", "LD_LIBRARY_PATH")


class Gate(Server):
    """camgate run, from the checkout, with the shipped configuration unless told
    another."""

    name = "camgate"

    def __init__(self, folder, policies=None, cameras=None, workers=2, config=None,
                 **env):
        super().__init__(folder)
        self.port, self.admin_port = ports.take(), ports.take()
        self.secret = secrets.token_hex(32)
        self.state = self.folder / "state"
        self.config = config or ROOT / "etc/camgate.lua"
        self.vars = {
            "CAMGATE_PORT": self.port, "CAMGATE_ADMIN_PORT": self.admin_port,
            "CAMGATE_STATE_DIR": self.state, "CAMGATE_JWT_SECRET": self.secret,
            "CAMGATE_POLICIES": policies or HERE / "policies",
            "CAMGATE_CAMERAS": cameras or HERE / "cameras.json",
            "CAMGATE_WORKERS": workers,
        } | env

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self):
        return f"http://127.0.0.1:{self.admin_port}"

    def environment(self):
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return kept | {"ASAN_OPTIONS": "detect_leaks=1",
                       "TSAN_OPTIONS": "halt_on_error=0",
                       "UBSAN_OPTIONS": "print_stacktrace=1"} | {
                           name: str(value) for name, value in self.vars.items()}

    def start(self):
        return self.spawn(BINARY, "run", "-c", self.config, env=self.environment())

    def ready(self):
        try:
            return requests.get(self.admin + "/readyz", timeout=1).ok
        except requests.RequestException:
            return False

    def stop_cleanly(self):
        """SIGTERM must end it with 0, and no sanitizer may have had a word."""
        code = self.stop()
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = [word for word in SANITIZER if word in text]
        assert not found, f"sanitizer report:\n{text[-6000:]}"
        assert code in (0, None), f"camgate ended with {code}:\n{self.tail()}"

    def cli(self, *argv, check=True, timeout=60):
        done = subprocess.run([BINARY, *map(str, argv), "-c", self.config],
                              env=self.environment(), capture_output=True, text=True,
                              timeout=timeout, cwd=self.folder)
        if check:
            assert done.returncode == 0, \
                f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def logged(self):
        """The log's JSON lines."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def heard(self, **fields):
        """The log's lines with these values, once there is one: a thread writes them."""
        return until(lambda: [line for line in self.logged()
                              if fields.items() <= line.items()], f"the log has {fields}")

    def cpu_s(self):
        """CPU time of all its threads: what it does, however busy the machine is."""
        stat = Path(f"/proc/{self.child.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # ---- tokens and clients

    def token(self, sub="alice", roles=("operator",), sites=("north",), ttl=3600,
              key=None, algorithm="HS256", **claims):
        body = {"sub": sub, "name": sub.title(), "roles": list(roles),
                "sites": list(sites), "exp": int(time.time()) + ttl} | claims
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, key or self.secret, algorithm=algorithm)

    def client(self, sub="alice", **claims):
        return Client(self, self.token(sub, **claims))

    # ---- the trail, as an auditor reads it

    def rows(self, sql="SELECT * FROM trail ORDER BY seq", *values):
        with sqlite3.connect(f"file:{self.state}/audit.db?mode=ro", uri=True,
                             timeout=10) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]

    def until_quiet(self):
        """Rows are written and the trail's housekeeping after them is done."""
        files = [self.state / f"audit.db{suffix}" for suffix in ("", "-wal", ".head")]
        until(lambda: time.time() - max(f.stat().st_mtime for f in files) > 2.5,
              "the trail is quiet", seconds=20)

    def decisions(self, **where):
        test = " AND ".join(f"{name} = ?" for name in where) or "1"
        return self.rows(f"SELECT * FROM decisions WHERE {test} ORDER BY time",
                         *where.values())

    def metric(self, name):
        """One series of a metric, or the sum over all."""
        total = 0.0
        for line in requests.get(self.admin + "/metrics", timeout=5).text.splitlines():
            series, _, value = line.rpartition(" ")
            if name in (series, series.split("{")[0]):
                total += float(value)
        return total


class Client:
    """One user of the REST API."""

    def __init__(self, gate, token):
        self.gate, self.token = gate, token
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path, **kw):
        kw.setdefault("timeout", 20)
        return self.http.request(method, self.gate.url + path, **kw)

    def reserve(self, camera="lobby-1", headers=None, **body):
        return self.call("POST", "/api/v1/stream/reserve",
                         json={"camera_id": camera} | body, headers=headers)

    def grant(self, camera="lobby-1", **body):
        """A reserve that must succeed; its reply."""
        reply = self.reserve(camera, **body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def heartbeat(self, lease):
        return self.call("POST", f"/api/v1/stream/heartbeat/{lease}")

    def release(self, lease):
        return self.call("DELETE", f"/api/v1/stream/release/{lease}")

    def fresh_token(self, camera):
        return self.call("GET", f"/api/v1/stream/token/{camera}")

    def leases(self):
        reply = self.call("GET", "/api/v1/stream/leases")
        assert reply.status_code == 200, reply.text
        return reply.json()["leases"]

    def explain(self, camera="lobby-1", **body):
        return self.call("POST", "/api/v1/policy/explain",
                         json={"camera_id": camera} | body)

    def audit(self, **filters):
        return self.call("GET", "/api/v1/audit", params=filters)


def problem(reply, status, slug=None):
    """The reply's body, which must be a problem of that status."""
    assert reply.status_code == status, f"{reply.status_code} {reply.text}"
    assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status and body["type"].startswith("/problems/")
    assert body["title"] and body["instance"]
    if slug:
        assert body["type"] == f"/problems/{slug}", body
    return body
