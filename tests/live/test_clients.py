"""The clients that people use, each as it behaves by default, directly and behind the
usual proxies.

A member is a program that carries out a plan at each front and prints a line a step, so
that all are judged alike.  tests/live/clients holds them.
"""
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

import browser
from conftest import needs, running
from gate import Gate
from pki import Authority
from proxies import GoFront, OrdinaryHAProxy, OrdinaryNginx
from servers import ROOT, find
from settings import laid_over
from tap import Tap
from test_access import client_from
from test_tls import SecureGate
from toolchains import built_once, needs_toolchain

HERE = ROOT / "tests/live/clients"
API = "/api/v1/stream"


@dataclass
class Step:
    """One request of the plan, and what must come back."""

    name: str
    method: str
    path: str
    status: int
    body: str = ""
    streamed: bool = False

    def line(self):
        mode = ("streamed" if self.streamed else "whole") if self.body else "none"
        return "\t".join((self.name, self.method, API + self.path, mode, self.body))


# longer than the gate takes; still one argument of a program
LARGE = json.dumps({"camera_id": "lobby-1", "purpose": "x" * 100_000})
LIFE = [
    Step("first", "GET", "/leases", 200),
    Step("reserve", "POST", "/reserve", 201, '{"camera_id": "lobby-1"}'),
    Step("beat", "POST", "/heartbeat/{lease}", 200),
    Step("token", "GET", "/token/lobby-1", 200),
    Step("leases", "GET", "/leases", 200),
    Step("release", "DELETE", "/release/{lease}", 204),
    Step("gone", "POST", "/heartbeat/{lease}", 410),
    Step("refused", "POST", "/reserve", 403, '{"camera_id": "vault-1"}'),
    Step("reserve-streamed", "POST", "/reserve", 201,
         '{"camera_id": "lobby-1", "quality": "low"}', streamed=True),
    Step("release-streamed", "DELETE", "/release/{lease}", 204),
    Step("refused-streamed", "POST", "/reserve", 403, '{"camera_id": "vault-1"}',
         streamed=True),
    Step("large", "POST", "/reserve", 413, LARGE),
    Step("large-streamed", "POST", "/reserve", 413, LARGE, streamed=True),
    Step("last", "GET", "/leases", 200),
]


@dataclass
class Member:
    """A client: what runs it ({built} is its folder of compiled files), what it needs."""

    argv: tuple
    toolchain: str | None = None
    build: tuple = ()
    http2: bool = False    # speaks it where it is offered
    only_http2: bool = False
    tls: bool = True
    streams: bool = True   # has a way to send a body of unknown length
    connections: int = 3   # for the whole plan, at most: a refused body ends one


PYTHON = (sys.executable,)
MEMBERS = {
    "curl": Member((HERE / "curl.sh",), "curl", http2=True, connections=len(LIFE)),
    "wget": Member((HERE / "wget.sh",), "wget", streams=False, connections=len(LIFE)),
    "perl": Member(("perl", HERE / "perl.pl"), "perl", tls=False),
    "node-fetch": Member(("node", HERE / "node.mjs", "fetch"), "node", connections=5),
    "node-http": Member(("node", HERE / "node.mjs", "http"), "node"),
    "node-http2": Member(("node", HERE / "node.mjs", "http2"), "node", http2=True,
                         only_http2=True),
    "go": Member(("{built}/client",), "go", http2=True,
                 build=("go", "build", "-o", "{out}/client", HERE / "client.go")),
    "java": Member(("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
                    "{built}", "Client"), "java", http2=True,
                   build=("javac", "-d", "{out}", HERE / "Client.java")),
    "python-requests": Member((*PYTHON, HERE / "python_requests.py")),
    "python-httpx": Member((*PYTHON, HERE / "python_httpx.py"), http2=True),
    "python-aiohttp": Member((*PYTHON, HERE / "python_aiohttp.py")),
    "python-http.client": Member((*PYTHON, HERE / "python_http_client.py")),
}
SECURE = ("tls", "nginx-h2", "haproxy-h2", "go-h2")
HTTP2 = SECURE[1:]


class Site:
    """Two gates of one secret, one with TLS, and all ways to them."""

    def __init__(self, start, folder, go_front):
        authority = Authority(folder / "pki")
        pair = authority.issue()
        self.ca, self.folder = authority.ca, folder
        self.page = browser.Site()
        config = laid_over(folder, listen={"trusted_proxies": ["127.0.0.1"]})
        self.gate = start(Gate(folder / "gate", config=config,
                               CAMGATE_CORS_ORIGINS=self.page.origin))
        self.secure = SecureGate(folder / "secure", authority, pair,
                                 CAMGATE_JWT_SECRET=self.gate.secret,
                                 CAMGATE_CORS_ORIGINS=self.page.origin)
        start(self.secure)
        nginx = start(OrdinaryNginx(folder / "nginx", self.gate, pair))
        haproxy = start(OrdinaryHAProxy(folder / "haproxy", self.gate, pair))
        go = start(GoFront(folder / "go", self.gate, pair, go_front)).fronts \
            if go_front else {}
        self.tap = Tap(self.gate.port)
        self.fronts = {"direct": self.gate.url, "tapped": self.tap.url,
                       "tls": self.secure.url} | nginx.fronts | haproxy.fronts | go
        self.plan = folder / "plan"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for name in ("nginx", "haproxy"):
        needs(name)
    go_front = find("go") and built_once(
        tmp_path_factory, "go-front", "go", "build", "-o", "{out}/front",
        HERE / "front.go") / "front"
    with running() as start:
        site = Site(start, tmp_path_factory.mktemp("site"), go_front)
        with site.tap:
            yield site
        site.page.close()


def fronts_of(member, site):
    return {front: url for front, url in site.fronts.items()
            if (member.tls or front not in SECURE)
            and (front in HTTP2 or not member.only_http2)}


def compiled(tmp_path_factory, name, member):
    """The folder of the member's compiled files; skips where its toolchain is not."""
    if member.toolchain:
        needs_toolchain(member.toolchain)
    return built_once(tmp_path_factory, name, *member.build) if member.build else None


def said_by(member, plan, ca, token, urls, built):
    """{(url, step): (status, HTTP version, Content-Type, body)}"""
    argv = [str(a).format(built=built) for a in member.argv]
    env = {"PATH": os.environ["PATH"], "HOME": str(plan.parent), "LANG": "C.UTF-8",
           "NODE_EXTRA_CA_CERTS": str(ca), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*argv, plan, ca, token, *urls], capture_output=True,
                          text=True, timeout=120, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = {}
    for line in done.stdout.splitlines():
        if line.startswith("http"):
            url, step, *rest = line.split("\t", 5)
            said[url, step] = rest
        else:  # of a body that is not the gate's
            rest[3] += line
    return said


def faults(step, answer, http2):
    """What is wrong with one answer, in words."""
    if answer is None:
        return "no answer"
    status, version, kind, body = answer
    problem = "application/problem+json" if step.status >= 400 else "application/json"
    if status != str(step.status):
        return f"{status} {body}"
    if step.status != 204 and kind.split(";")[0] != problem:
        return f"its type is {kind}"
    if version != "-" and (version == "2") != http2:
        return f"over HTTP/{version}"
    return SAYS[step.name](json.loads(body)) if step.name in SAYS else None


def holds(count):
    return lambda body: len(body["leases"]) != count and f"leases: {body['leases']}"


SAYS = {
    "first": holds(0), "leases": holds(1), "last": holds(0),
    "reserve": lambda body: body["quality"] != "high" and body,
    "reserve-streamed": lambda body: body["quality"] != "low" and body,
    "token": lambda body: not body["token"] and body,
    "gone": lambda body: body["ended_by"] != "released" and body,
    "refused": lambda body: body["reason"] != "this camera is closed" and body,
    "refused-streamed": lambda body: body["reason"] != "this camera is closed" and body,
}


def judge(site, name, plans, said, http2=False):
    """All that was told, of {front: its plan}, and what the trails say of that user."""
    found = [f"{front}: {said[url, 'error'][3]}" for front, url in site.fronts.items()
             if (url, "error") in said]
    found += [f"{front}, {step.name}: {fault}" for front, plan in plans.items()
              for step in plan
              if (fault := faults(step, said.get((site.fronts[front], step.name)),
                                  http2 and front in HTTP2))]
    assert not found, "\n".join(found)
    outcomes, ends = [], []
    for gate in (site.gate, site.secure):
        outcomes += [row["outcome"] for row in gate.decisions(subject=name)]
        ends += [row["ended_by"] for row in gate.rows(
            "SELECT ended_by FROM sessions WHERE subject = ?", name)]
    grants = sum(step.status == 201 for plan in plans.values() for step in plan)
    assert ends == ["released"] * grants
    assert sorted(outcomes) == ["allow"] * grants + ["deny"] * grants


@pytest.mark.parametrize("name", MEMBERS)
def test_a_client_lives_everywhere(site, tmp_path_factory, name):
    member = MEMBERS[name]
    built = compiled(tmp_path_factory, name, member)
    plan = [step for step in LIFE if member.streams or not step.streamed]
    site.plan.write_text("".join(step.line() + "\n" for step in plan))
    fronts, before = fronts_of(member, site), len(site.tap.sent)
    said = said_by(member, site.plan, site.ca, site.gate.token(name), fronts.values(),
                   built)
    judge(site, name, dict.fromkeys(fronts, plan), said, member.http2)
    assert len(site.tap.sent) - before <= member.connections


def test_a_page_of_another_origin_lives_everywhere(site):
    needs_toolchain("chromium")
    plans = {front: [step for step in LIFE if front in HTTP2 or not step.streamed]
             for front in site.fronts}
    given = {site.fronts[front]: [step.line().split("\t") for step in plan]
             for front, plan in plans.items()}
    said = site.page.run((HERE / "page.js").read_text(), "--ignore-certificate-errors",
                         plans=given, token=site.gate.token("chromium"))
    judge(site, "chromium", plans,
          {tuple(key.split("\t")): answer for key, answer in said.items()})


def test_the_front_in_go_is_among_them(site):
    needs_toolchain("go")
    assert "go-h2" in site.fronts


def test_a_head_has_no_body_and_keeps_the_connection(site):
    user = site.gate.client("head")
    user.http.trust_env, user.http.verify = False, str(site.ca)
    for front, url in site.fronts.items():
        replies = [user.http.request(method, url + API + "/leases", timeout=20)
                   for method in ("HEAD", "GET", "HEAD")]
        assert [reply.status_code for reply in replies] == [200] * 3, front
        assert [reply.text for reply in replies] == ["", '{"leases":[]}', ""], front


@pytest.mark.parametrize("front", ("nginx-h2", "haproxy-h2"))
def test_the_shipped_proxies_say_who_the_client_is(site, front):
    """Whatever the client itself says of that."""
    user = client_from(site.gate, "127.0.0.9", sub=f"from-{front}",
                       url=site.fronts[front], verify=site.ca)
    reply = user.reserve(headers={"X-Forwarded-For": "192.0.2.1"})
    assert reply.status_code == 201, reply.text
    user.release(reply.json()["lease_id"]).raise_for_status()
    (row,) = site.gate.decisions(subject=f"from-{front}")
    assert row["client_addr"] == "127.0.0.9"
