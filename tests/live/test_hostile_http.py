"""Hostile HTTP: one refusal each, and nothing of it runs; directly and behind real
proxies.

The prize behind a smuggling variant is a reserve that its token allows (on the admin
listener: a reload), so what was smuggled would stand in the trail and in the quota.
"""
import asyncio
import json
import ssl
from pathlib import Path

import pytest
import requests

from conftest import needs
from hostile import Base, chunks, malformed, smuggling
from hostile.wire import say, say_all
from pki import Authority
from proxies import HAProxy, Nginx
from settings import laid_over
from test_tls import SecureGate

EXPLAIN, RESERVE = "/api/v1/policy/explain", "/api/v1/stream/reserve"
# a proxy's own word on codings and versions that it does not know
OF_A_PROXY = {501, 505}
# closed without a word when a head does not end in time
SILENT = {"nginx": 1, "haproxy": 0}


# so that what never ends is over soon
SHORT = {"header_s": 1, "body_s": 1, "linger_s": 1}


@pytest.fixture
def gate(new_gate, tmp_path):
    return new_gate(config=laid_over(tmp_path, http=SHORT))


@pytest.fixture
def secure(tmp_path, started):
    authority = Authority(tmp_path / "pki")
    return started(SecureGate(tmp_path / "gate", authority, authority.issue(),
                              config=laid_over(tmp_path, http=SHORT)))


def public(gate, credentials=True):
    """A user who may reserve; without credentials only the prize has a token."""
    bearer = f"Authorization: Bearer {gate.token('mallory', roles=['load'])}\r\n".encode()
    body = json.dumps({"camera_id": "crowd-1"}).encode()
    typed = b"Content-Type: application/json\r\n"
    prize = (f"POST {RESERVE} HTTP/1.1\r\nHost: gate\r\nContent-Length: "
             f"{len(body)}\r\n".encode()
             + bearer + typed + b"\r\n" + body)
    return Base("/api/v1/cameras", EXPLAIN, (bearer if credentials else b"") + typed,
                body, prize)


def admin(_):
    prize = b"POST /reload HTTP/1.1\r\nHost: gate\r\nContent-Length: 0\r\n\r\n"
    return Base("/status", "/reload", b"Accept: */*\r\n", b"{}", prize)


@pytest.fixture(params=["public", "admin", "tls"])
def listener(request):
    """(gate, its Base there, what `say` needs to go there)"""
    if request.param == "tls":
        gate = request.getfixturevalue("secure")
        context = ssl.create_default_context(cafile=gate.authority.ca)
        return gate, public(gate), {"port": gate.port, "tls": context}
    gate = request.getfixturevalue("gate")
    if request.param == "admin":
        return gate, admin(gate), {"port": gate.admin_port}
    return gate, public(gate), {"port": gate.port}


def nothing_ran(gate, *but):
    """No decision, no lease, no quota, no row but the start's and those of `but`."""
    kinds = {row["kind"] for row in gate.rows()}
    assert kinds <= {"start", *but}, kinds
    assert gate.metric("camgate_leases") == 0
    assert gate.client("root", roles=["admin"]).leases() == []
    verdict = gate.client("prober", roles=["probe"]).explain("crowd-1")
    assert "in use: 0" in verdict.text, verdict.text


def faults(pairs):
    """What is wrong with the answers, in words: one refusal, which a deadline gives (408)
    only where it is to, and the end."""
    found = []
    for (name, _, statuses), heard in pairs:
        if len(heard.statuses) != 1 or heard.statuses[0] not in statuses:
            found.append(f"{name}: answered {heard.statuses}, not one of {statuses}")
        elif not heard.eof or heard.reset:
            found.append(f"{name}: not closed cleanly")
    return found


def test_malformed_requests_get_one_refusal(listener):
    gate, base, there = listener
    cases = malformed.cases(base)
    assert len(cases) >= 500
    assert not (found := faults(say_all(cases=cases, patience=10, **there))), \
        "\n".join(found)
    nothing_ran(gate)


def test_nothing_is_smuggled_directly(listener):
    gate, base, there = listener
    cases = smuggling.cases(base) + chunks.cases(base) + chunks.endless(base)
    assert len(cases) >= 500
    pairs = say_all(cases=cases, patience=10, **there)
    assert not (found := faults(pairs)), "\n".join(found)
    assert [case[0] for case, heard in pairs if not heard.closes] == []
    nothing_ran(gate)


def test_a_request_in_a_body_stays_a_body(gate):
    assert not (found := faults(say_all(gate.port, smuggling.swallowed(public(gate)),
                                        patience=10))), "\n".join(found)
    nothing_ran(gate)


def test_what_is_framed_is_answered_in_order(gate):
    """Odd to look at, and no attack: each request of it has its own answer."""
    for case, heard in say_all(gate.port, chunks.framed(public(gate)), patience=10,
                               answers=2):
        assert heard.statuses == case[2], (case[0], heard.statuses, heard.data)
        assert heard.eof and not heard.reset
    nothing_ran(gate)


def test_a_refusal_ends_a_pipeline(gate):
    """Good requests before a bad one are answered, in order; what is behind it is not."""
    base = public(gate)
    good = base.a_get()
    cases = [(f"{n} good, then {name}", good * n + data + base.prize, statuses)
             for n in (1, 5) for name, data, statuses in malformed.lengths(base)[::6]]
    for (name, data, statuses), heard in say_all(gate.port, cases, patience=10,
                                                 answers=6):
        before = data.count(b"GET ")
        assert heard.statuses[:-1] == [200] * before and heard.statuses[-1] in statuses, \
            (name, heard.statuses)
        assert heard.closes and heard.eof
    nothing_ran(gate)


def test_half_a_request_is_ended_by_a_deadline(listener):
    gate, base, there = listener
    cases = malformed.truncated(base)
    cases = cases[::1 + len(cases) // 350] + chunks.truncated(base)
    pairs = say_all(cases=cases, patience=20, at_a_time=400,
                    **there)
    assert not (found := faults(pairs)), "\n".join(found)
    nothing_ran(gate)


def test_half_a_body_is_ended_by_a_deadline(gate):
    base = public(gate)
    cases = [(f"{n} of 1000", base.a_post("Content-Length: 1000\r\n", body=b" " * n),
              {408})
             for n in (0, 1, 500, 999)]
    assert not (found := faults(say_all(gate.port, cases, patience=20))), "\n".join(found)
    nothing_ran(gate)


def test_half_a_request_and_a_goodbye(gate):
    """A client that ends in the middle of a request hears that at once."""
    base = public(gate)
    cases = [(name, data, {400})
             for name, data, _ in malformed.truncated(base)[::7] + chunks.truncated(base)]

    async def leave():
        return [(case, await say(gate.port, case[1], 10, leave=True)) for case in cases]

    assert not (found := faults(asyncio.run(leave()))), "\n".join(found)
    nothing_ran(gate)


def test_fifty_pipelined_requests_are_answered_in_order(gate):
    token = gate.token("mallory", roles=["load"])
    good = b"".join(f"GET /api/v1/cameras?m{n}=1 HTTP/1.1\r\nHost: "
                    f"gate\r\nAuthorization: Bearer {token}\r\n\r\n"
                    .encode() for n in range(50))
    ((_, heard),) = say_all(gate.port, [("fifty", good, {400})], patience=10, answers=50)
    assert heard.statuses == [400] * 50
    assert [f'\\"m{n}\\"'.encode() in body for n, body in enumerate(heard.bodies)] == \
        [True] * 50


# ---- behind proxies


PROXIES = {"nginx": Nginx, "haproxy": HAProxy}


def kept_to(port):
    """Established connections to a port of loopback, counted at the client's end."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = [line.split()[2:4] for line in lines]
    return sum(remote.endswith(f":{port:04X}") and state == "01"
               for remote, state in ends)


class Honest:
    """A guest whose every request can be told apart from any other's answer."""

    def __init__(self, gate, proxy):
        self.token, self.proxy, self.asked = gate.token("honest"), proxy, 0

    async def asks(self):
        self.asked += 1
        mark = f"m{self.asked}x"
        heard = await say(self.proxy.port,
                          f"GET /api/v1/cameras?{mark}=1 HTTP/1.1\r\nHost: gate\r\n"
                          f"Authorization: Bearer {self.token}\r\nConnection: "
                          f"close\r\n\r\n".encode(), 10)
        assert heard.statuses == [400] and f'\\"{mark}\\"'.encode() in heard.bodies[0], \
            (mark, heard.data)


async def through(proxy, honest, cases, at_a_time=8):
    """Each case, and behind it an honest request, over the same few connections to the
    gate."""
    room = asyncio.Semaphore(at_a_time)

    async def one(case):
        async with room:
            heard = await say(proxy.port, case[1], 10)
            await honest.asks()
            return case, heard

    pairs = await asyncio.gather(*map(one, cases))
    await asyncio.gather(*(honest.asks() for _ in range(2 * at_a_time)))
    return pairs


@pytest.mark.parametrize("which", PROXIES)
def test_nothing_is_smuggled_through_a_proxy(gate, tmp_path, started, which):
    needs(which)
    proxy = started(PROXIES[which](tmp_path / which, gate, forbidden=RESERVE))
    honest = Honest(gate, proxy)
    base = public(gate, credentials=False)
    assert requests.post(f"http://127.0.0.1:{proxy.port}{RESERVE}",
                         timeout=5).status_code == 403
    cases = smuggling.cases(base) + smuggling.swallowed(base) + malformed.cases(base) + \
        chunks.cases(base)
    pairs = asyncio.run(through(proxy, honest, cases))
    reached = gate.metric("camgate_http_requests_total") + \
        gate.metric("camgate_http_refused_total")
    odd = [f"{name}: {heard.statuses}" for (name, _, _), heard in pairs
           if any(status // 100 != 4 and status not in OF_A_PROXY
                  for status in heard.statuses)]
    assert not odd, "\n".join(odd)
    silent = [name for (name, _, _), heard in pairs if not heard.statuses]
    assert len(silent) <= SILENT[which], silent
    waited = gate.metric('camgate_http_refused_total{reason="request-timeout"}')
    assert waited == 0, "half requests wait at the proxy"
    assert reached > len(cases) * 1.2, \
        "the honest requests came through, and some of the others"
    assert 1 <= kept_to(gate.port) <= 16, \
        "few connections, kept and shared, carry all of it"
    nothing_ran(gate, "auth")
