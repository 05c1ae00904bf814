"""The real servers, each on loopback in a folder of its own, started until they
answer."""
import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import requests

import ports
from wait import until

ROOT = Path(__file__).resolve().parents[2]


def find(name, *more):
    """Path of a server's binary: build/tools first, then PATH, then the given paths."""
    for path in (ROOT / "build/tools" / name, shutil.which(name), *more):
        if path and os.access(path, os.X_OK):
            return str(path)
    return None


class Server:
    """A child process with its output in a file; stop() ends it and waits."""

    name = "server"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{self.name}.log"
        self.child = None

    def spawn(self, *argv, env=None):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen([str(a) for a in argv], cwd=self.folder,
                                          env=env, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log)
        try:
            until(self.answers, f"{self.name} answers", seconds=30)
        except BaseException:
            self.stop()
            raise AssertionError(f"{self.name} did not start:\n{self.tail()}") from None
        return self

    def answers(self):
        if self.child.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.child.returncode}")
        return self.ready()

    def ready(self):
        raise NotImplementedError

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
        return self.stop()

    def stop(self):
        """Exit code, or None when it never ran.  SIGKILL after 15 s."""
        if not self.child:
            return None
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
        try:
            return self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end on "
                                 f"SIGTERM:\n{self.tail()}") from None


def connects(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


class LiveKit(Server):
    """livekit-server; `empty` and `departure` are its room timeouts in seconds."""

    name = "livekit"

    def __init__(self, folder, webhook=None, empty=60, departure=60, port=None):
        super().__init__(folder)
        self.port = port or ports.take()
        self.udp, self.tcp = ports.take(40), ports.take()
        self.key, self.secret = "APItest", secrets.token_hex(24)
        self.webhook, self.empty, self.departure = webhook, empty, departure

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}"

    def config(self):
        hook = f"webhook: {{api_key: {self.key}, urls: ['{self.webhook}']}}\n" \
            if self.webhook else ""
        return (f"port: {self.port}\nbind_addresses: [127.0.0.1]\n"
                f"rtc:\n  node_ip: 127.0.0.1\n  enable_loopback_candidate: true\n"
                f"  interfaces: {{includes: [lo]}}\n  use_external_ip: false\n"
                f"  port_range_start: {self.udp}\n  port_range_end: {self.udp + 39}\n"
                f"  tcp_port: {self.tcp}\n"
                f"room: {{auto_create: false, empty_timeout: {self.empty},"
                f" departure_timeout: {self.departure}, max_participants: 100}}\n"
                f"keys: {{{self.key}: {self.secret}}}\nlogging: {{level: info}}\n{hook}")

    def start(self):
        path = self.folder / "livekit.yaml"
        path.write_text(self.config())
        return self.spawn(find("livekit-server"), "--config", path)

    def ready(self):
        try:
            return requests.get(self.url, timeout=1).ok
        except requests.RequestException:
            return False

    def stop(self):
        """Once is a request that waits for participants and peers, twice is an order."""
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
            try:
                return self.child.wait(2)
            except subprocess.TimeoutExpired:
                pass
        return super().stop()

    def env(self):
        return {"LIVEKIT_URL": self.url, "LIVEKIT_PUBLIC_URL": self.ws,
                "LIVEKIT_API_KEY": self.key, "LIVEKIT_API_SECRET": self.secret,
                "LIVEKIT_WEBHOOK_KEY": self.key}


class Valkey(Server):
    name = "valkey"

    def __init__(self, folder, port=None, address="127.0.0.1", tls=None):
        """tls: files of certificate, key and authority, for a second port."""
        super().__init__(folder)
        self.port = port or ports.take()
        self.tls_port = ports.take() if tls else 0
        self.address, self.tls = address, tls

    @property
    def url(self):
        return f"redis://{self.address}:{self.port}/2"

    def start(self):
        tls = ["--tls-port", self.tls_port, "--tls-cert-file", self.tls[0],
               "--tls-key-file", self.tls[1], "--tls-ca-cert-file", self.tls[2],
               "--tls-auth-clients", "no"] if self.tls else []
        return self.spawn(find("valkey-server"), "--port", self.port, "--bind",
                          self.address, "--save", "", "--appendonly", "no", "--dir",
                          self.folder, *tls)

    def ready(self):
        return self.command("PING") == b"+PONG"

    def command(self, *words):
        """First line of the reply to one command."""
        text = b"".join(b"$%d\r\n%s\r\n" % (len(w), w)
                        for w in (str(w).encode() for w in words))
        try:
            with socket.create_connection((self.address, self.port), 2) as s:
                s.sendall(b"*%d\r\n%s" % (len(words), text))
                return s.makefile("rb").readline().strip()
        except OSError:
            return b""

    def env(self):
        return {"VALKEY_URL": self.url}


class Turn(Server):
    """coturn with a REST secret; a peer on loopback may be reached, for the test's
    own."""

    name = "turn"

    def __init__(self, folder):
        super().__init__(folder)
        self.port, self.relay = ports.take(), ports.take(40)
        self.secret, self.domain = secrets.token_hex(20), "127.0.0.1"

    def start(self):
        return self.spawn(
            find("turnserver"), "-n", "--no-cli", "--no-tls", "--no-dtls",
            "--log-file=stdout", "--simple-log", f"--listening-port={self.port}",
            "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
            f"--min-port={self.relay}", f"--max-port={self.relay + 39}",
            "--use-auth-secret", f"--static-auth-secret={self.secret}",
            "--realm=test.invalid", "--allow-loopback-peers",
            f"--userdb={self.folder}/turndb", f"--pidfile={self.folder}/turn.pid")

    def ready(self):
        return connects(self.port)

    def env(self):
        return {"TURN_DOMAIN": self.domain, "TURN_SECRET": self.secret,
                "TURN_PORT": str(self.port)}
