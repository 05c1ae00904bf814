"""Faults at each step of a grant, injected into the shipped drivers
(tests/plugins/faulty).

Whatever goes wrong and however: the right 5xx within the deadline, everything undone, an
error row in the trail, and the next request works.
"""
import itertools

import pytest
import requests

from faulty import REAL, Faulty
from gate import problem
from wait import until

pytestmark = pytest.mark.xdist_group("faults")

STATUS = {"fail": 503, "fail-later": 503, "fail-after": 503, "silent": 503,
          "silent-after": 503, "late": 503, "notfound": 500, "invalid": 500, "null": 500,
          "odd": 500}
NO_RESULT = {"ensure", "append"}
ZERO_IS_AN_ANSWER = {"issue", "renew", "usage", "list"}  # none, unknown, 0, none
DEADLINE, LATE, MARGIN = 1.0, 1.5, 4.0
numbers = itertools.count()


def makes_sense(step, how):
    """A camera may be unknown; an op without a result cannot have a wrong one; zeros are
    an answer of some; a trail that fails must not have the row."""
    return not ((how == "notfound" and step == "get")
                or (how in ("null", "odd") and step in NO_RESULT)
                or (how == "odd" and step in ZERO_IS_AN_ANSWER)
                or (how == "fail-after" and step == "append"))


def cases(steps, hows=tuple(STATUS)):
    return [(step, how) for step in steps for how in hows if makes_sense(step, how)]


@pytest.fixture(scope="module")
def module_gate(tmp_path_factory):
    gate = Faulty(tmp_path_factory.mktemp("faults") / "gate")
    gate.start()
    yield gate
    assert gate.metric("camgate_leases") == 0
    gate.cli("audit", "verify")
    gate.stop_cleanly()


@pytest.fixture
def gate(module_gate):
    yield module_gate
    for op in REAL:
        module_gate.spoil(op, "fail", 0)
    assert requests.get(module_gate.admin + "/livez", timeout=5).ok


@pytest.fixture
def alice(gate):
    return gate.client(f"alice-{next(numbers)}", roles=["operator", "counted"])


def refused(reply, how, step=""):
    """It is the problem that `how` must come to, in time, and gives nothing away.
    Policies that cannot read the quota are a service that is away, whatever the
    reason."""
    status = 503 if step == "usage" else STATUS[how]
    body = problem(reply, status)
    assert reply.elapsed.total_seconds() < DEADLINE + MARGIN
    assert "token" not in body and body["detail"]
    if status == 503:
        assert int(reply.headers["Retry-After"]) > 0
    return body


def ended(gate, client, lease):
    assert client.release(lease).status_code == 204
    until(lambda: "end" in gate.kinds(lease), "the end in the trail")


@pytest.mark.parametrize("step, how", cases(
    ["get", "usage", "reserve", "ensure", "token", "issue", "append"]))
def test_a_reserve_is_undone(gate, alice, step, how):
    subject = f"alice-{next(numbers) - 1}"
    key = {"Idempotency-Key": f"{step}-{how}"}
    gate.spoil(step, how)
    refused(alice.reserve("gate-1", headers=key), how, step)
    assert alice.leases() == []
    rows = gate.rows("SELECT * FROM trail WHERE subject = ? ORDER BY seq", subject)
    if step != "append":
        assert [row["outcome"] for row in rows] == ["error"] and rows[0]["reason"]
    # one place on this camera, and the same key: nothing is held, nothing is pending
    again = until(lambda: (r := alice.reserve("gate-1", headers=key)).status_code == 201
                  and r, "the place is free again", seconds=5)
    lease = again.json()["lease_id"]
    ended(gate, alice, lease)
    # behind a row that came after all stands the lease's end: no restart revives it
    rows = gate.rows("SELECT lease_id, kind FROM trail "
                     "WHERE subject = ? AND outcome = 'allow'",
                     subject)
    for row in rows:
        until(lambda: gate.kinds(row["lease_id"])[-1] == "end",
              "an end behind every grant")


@pytest.mark.parametrize("step", ["ensure", "append"])
def test_a_replaced_lease_keeps_its_place_when_the_new_one_fails(gate, alice, step):
    old = alice.grant("gate-1")["lease_id"]
    gate.spoil(step, "fail")
    refused(alice.reserve("lobby-1", replace=[old]), "fail")
    assert [lease["lease_id"] for lease in alice.leases()] == [old]
    problem(gate.client("bob").reserve("gate-1"), 409, "quota-full")
    assert alice.heartbeat(old).status_code == 200
    ended(gate, alice, old)


def test_an_undoing_that_fails_is_tried_again(gate, alice):
    gate.spoil("ensure", "fail")
    gate.spoil("release", "fail", 2)
    refused(alice.reserve("gate-1"), "fail")
    problem(gate.client("bob").reserve("gate-1"), 409, "quota-full")
    until(lambda: alice.reserve("gate-1").status_code == 201, "the place is free again")
    for lease in alice.leases():
        ended(gate, alice, lease["lease_id"])


@pytest.mark.parametrize("step, how", cases(
    ["get", "usage", "renew"],
    ("fail", "fail-after", "silent-after", "late", "null", "invalid")))
def test_a_beat_that_fails_ends_nothing(gate, alice, step, how):
    lease = alice.grant("gate-1")["lease_id"]
    gate.spoil(step, how)
    refused(alice.heartbeat(lease), how, step)
    assert [one["lease_id"] for one in alice.leases()] == [lease]
    problem(gate.client("bob").reserve("gate-1"), 409, "quota-full")
    assert alice.heartbeat(lease).status_code == 200
    ended(gate, alice, lease)


@pytest.mark.parametrize("step, how", cases(
    ["ensure", "token", "issue", "append"], ("fail", "silent-after", "null")))
def test_a_beat_that_changes_the_tier_and_fails_changes_nothing(gate, alice, step, how):
    gate.cap("lobby-1", "lobby")
    lease = alice.grant("lobby-1", quality="high")["lease_id"]
    gate.cap("lobby-1", "low")
    gate.spoil(step, how)
    refused(alice.heartbeat(lease), how, step)
    assert [one["quality"] for one in alice.leases()] == ["high"]
    beat = alice.heartbeat(lease)
    assert beat.status_code == 200 and beat.json()["quality"] == "low" \
        and beat.json()["token"]
    ended(gate, alice, lease)
    gate.cap("lobby-1", "lobby")


@pytest.mark.parametrize("step, how", cases(
    ["ensure", "token", "issue", "append"], ("fail", "silent", "late", "null")))
def test_a_token_renewal_that_fails(gate, alice, step, how):
    lease = alice.grant("gate-1")["lease_id"]
    gate.spoil(step, how)
    refused(alice.fresh_token("gate-1"), how)
    assert alice.fresh_token("gate-1").status_code == 200
    ended(gate, alice, lease)


@pytest.mark.parametrize("how", ["fail", "silent", "late", "invalid"])
def test_a_release_without_its_row_is_told_and_recorded_later(gate, alice, how):
    lease = alice.grant("gate-1")["lease_id"]
    gate.spoil("append", how)
    problem(alice.release(lease), 503)
    assert alice.release(lease).status_code == 204
    until(lambda: "end" in gate.kinds(lease), "the end in the trail", seconds=15)
    assert gate.client("bob").reserve("gate-1").status_code == 201
    bob = gate.client("bob")
    ended(gate, bob, bob.leases()[0]["lease_id"])


@pytest.mark.parametrize("step, how", [
    ("release", "fail"), ("release", "silent"), ("remove", "fail"), ("remove", "silent")])
def test_what_a_release_leaves_over_is_tried_again(gate, alice, step, how):
    lease = alice.grant("gate-1")["lease_id"]
    before = gate.calls(step)
    gate.spoil(step, how, 2)
    assert alice.release(lease).status_code == 204
    until(lambda: gate.calls(step) >= before + 3, f"{step} is tried again")
    until(lambda: alice.reserve("gate-1").status_code == 201, "the place is free again")
    ended(gate, alice, alice.leases()[0]["lease_id"])


@pytest.mark.parametrize("step, how", cases(["get", "usage"], ("fail", "silent", "null")))
def test_an_explanation_that_fails(gate, alice, step, how):
    gate.spoil(step, how)
    refused(alice.explain("gate-1"), how, step)
    assert alice.explain("gate-1").status_code == 200


@pytest.mark.parametrize("step, how",
                         cases(["list", "usage"], ("fail", "silent", "notfound")))
def test_a_list_of_cameras_that_fails(gate, alice, step, how):
    gate.spoil(step, how)
    refused(alice.call("GET", "/api/v1/cameras"), how, step)
    assert alice.call("GET", "/api/v1/cameras").status_code == 200


@pytest.mark.parametrize("how", ["fail", "null"])
def test_a_trail_that_cannot_be_read(gate, how):
    auditor = gate.client("auditor", roles=["auditor"])
    gate.spoil("query", how)
    refused(auditor.audit(), how)
    assert auditor.audit().status_code == 200


@pytest.mark.parametrize("how, kind", [("late", "late"), ("null", "nonsense")])
def test_what_a_driver_may_not_do_is_counted_and_told(gate, alice, how, kind):
    def times():
        name = f'camgate_plugin_misuse_total{{kind="{kind}"}} '
        text = requests.get(gate.admin + "/metrics", timeout=5).text
        return sum(int(line[len(name):]) for line in text.splitlines()
                   if line.startswith(name))

    before = times()
    gate.spoil("issue", how)
    refused(alice.reserve("gate-1"), how)
    until(lambda: times() > before, "it is counted")
    told = gate.heard(plugin="faulty_ice_turn")
    assert all(line["level"] == "warn" for line in told)
