"""The servers that are compared: how each is started, asked, and named."""
import json
import os
import subprocess
from pathlib import Path

import requests

import ports
from gate import Gate
from servers import Server, connects, find
from world import LEASE_S

HERE = Path(__file__).parent
STATUS = {401: "unauthenticated", 403: "deny", 404: "no camera", 422: "invalid"}
OPA_CACHE = """caching:
  inter_query_builtin_value_cache:
    named: {io_jwt: {max_num_entries: 20000}}
"""


def in_words(reply):
    """The verdict of a reply, in the words of verdicts.json."""
    if reply.status_code in STATUS:
        return STATUS[reply.status_code]
    body = reply.json()
    if reply.status_code == 201 or body.get("verdict") == "allow":
        return f"allow {body['quality']}"
    return body.get("verdict", f"{reply.status_code} {body}")


class Peer(Server):
    """A server that decides; `paths` are its operations."""

    paths = {"explain": "/explain"}

    def __init__(self, folder, world):
        super().__init__(folder)
        self.world, self.port = world, ports.take()
        self.env = {"PATH": os.environ["PATH"], "GATE_SECRET": world.secret,
                    "GATE_CAMERAS": str(world.cameras)}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ready(self):
        return connects(self.port)

    def request(self, token, body):
        """(token of the header, body) as this peer wants to be asked."""
        return token, body

    def verdict(self, operation, token, body):
        token, body = self.request(token, body)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = requests.post(self.url + self.paths[operation], json=body,
                              headers=headers, timeout=20)
        return in_words(reply)


class LuaJIT(Peer):
    name = "nginx-luajit"

    @staticmethod
    def there():
        return find("nginx", "/usr/sbin/nginx") and \
            Path("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists()

    def start(self):
        text = (HERE / "luajit/nginx.conf").read_text()
        for name, value in (("FOLDER", self.folder), ("HERE", HERE / "luajit"),
                            ("PORT", self.port)):
            text = text.replace(name, str(value))
        path = self.folder / "nginx.conf"
        path.write_text(text)
        return self.spawn(find("nginx", "/usr/sbin/nginx"), "-p", self.folder, "-e",
                          "stderr", "-c", path, env=self.env)

    def version(self):
        return requests.get(self.url + "/version", timeout=5).text


class Opa(Peer):
    """`cache`: OPA's own memory of verified tokens."""

    name, paths, cache = "opa", {"explain": "/v1/data/gate/answer"}, False

    @staticmethod
    def there():
        return find("opa")

    def start(self):
        cameras = json.loads(self.world.cameras.read_text())["cameras"]
        (self.folder / "data.json").write_text(json.dumps(
            {"secret": self.world.secret, "cameras": {c["id"]: c for c in cameras}}))
        (self.folder / "opa.yaml").write_text(OPA_CACHE if self.cache else "{}\n")
        return self.spawn(find("opa"), "run", "--server", "--disable-telemetry",
                          "--log-level=error", "--addr", f"127.0.0.1:{self.port}",
                          "--config-file", self.folder / "opa.yaml",
                          HERE / "opa/gate.rego", self.folder / "data.json",
                          env=self.env)

    def request(self, token, body):
        return "", {"input": body | {"token": token}}

    def verdict(self, operation, token, body):
        _, body = self.request(token, body)
        reply = requests.post(self.url + self.paths[operation], json=body, timeout=20)
        result = reply.json()["result"]
        return " ".join(filter(None, (result["verdict"], result.get("quality"))))

    def version(self):
        out = subprocess.run([find("opa"), "version"], capture_output=True, text=True,
                             check=True).stdout
        lines = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
        return f"OPA {lines['Version']}, {lines['Go Version']}"


class OpaCached(Opa):
    name, cache = "opa-cached", True


class GoGate(Peer):
    name, paths = "gogate", {"explain": "/explain", "reserve": "/reserve"}

    @staticmethod
    def there():
        return find("gogate")

    def start(self):
        return self.spawn(find("gogate"), "-listen", f"127.0.0.1:{self.port}", "-cameras",
                          self.world.cameras, "-db", self.folder / "gogate.db",
                          env=self.env)

    def version(self):
        return subprocess.run([find("gogate"), "-version"], capture_output=True,
                              text=True, check=True).stdout.strip()


class Camgate(Gate):
    """The shipped configuration and limits."""

    paths = {"explain": "/api/v1/policy/explain", "reserve": "/api/v1/stream/reserve"}

    def __init__(self, folder, world):
        self.world = world
        super().__init__(folder, policies=world.policies, cameras=world.cameras,
                         workers=1, CAMGATE_JWT_SECRET=world.secret,
                         LIVEKIT_API_KEY="bench", LIVEKIT_API_SECRET="b" * 40,
                         TURN_DOMAIN="turn.invalid", TURN_SECRET="bench-turn-secret")

    request = Peer.request
    verdict = Peer.verdict

    @staticmethod
    def there():
        return True

    def version(self):
        return self.cli("--version").stdout.strip()


PEERS = (LuaJIT, OpaCached, Opa, GoGate, Camgate)


def differences(peer):
    """Lines of what this peer answers otherwise than verdicts.json says."""
    for operation in peer.paths:
        more = {"ttl_s": LEASE_S} if operation == "reserve" else {}
        for row, token, body in peer.world.table():
            got = peer.verdict(operation, token, body | more)
            if got != row["expect"]:
                yield (f"{peer.name}, {operation}, {row['name']}: {got}, "
                       f"not {row['expect']}")
