"""LiveKit's events: kept before they are acknowledged, each by its sids."""
import asyncio
import concurrent.futures
import json
import time

import pytest
from livekit import api

import hooks
import webrtc
from faulty import Faulty
from gate import Gate
from hooks import finished, joined, left, post, send
from people import People
from test_stack import with_options
from wait import until


@pytest.fixture
def gate(new_gate):
    return new_gate(**hooks.ENV)


@pytest.fixture
def faulty(tmp_path, started):
    return started(Faulty(tmp_path / "gate", **hooks.ENV))


@pytest.fixture
def people():
    people = People()
    yield people
    people.close()


@pytest.fixture
def lister(tmp_path, started, people):
    """A gate that lists its rooms every second; no webhook is sent unless by the
    test."""
    config = with_options(tmp_path, room_livekit={"list_interval_s": 1})
    return started(Gate(tmp_path / "gate", config=config, **people.env()))


def rows(gate, kind, lease):
    return gate.rows("SELECT * FROM trail WHERE kind = ? AND lease_id = ? ORDER BY seq",
                     kind, lease)


def session(gate, lease):
    found, = gate.rows("SELECT * FROM sessions WHERE lease_id = ?", lease)
    return found


def state(alice, grant):
    return {lease["lease_id"]: lease for lease in alice.leases()}.get(grant["lease_id"])


def counted(gate, lease):
    """watched_s, which no longer moves."""
    before = session(gate, lease)["watched_s"]
    time.sleep(0.05)  # as long as a clock that still runs would need to show
    assert session(gate, lease)["watched_s"] == before
    return before


# ---- kept before they are acknowledged

@pytest.mark.parametrize("how", ["fail", "fail-later", "null", "odd", "silent", "late"])
def test_a_join_that_could_not_be_recorded_is_not_acknowledged(faulty, how):
    """What was written although nobody said so makes no second row."""
    grant = faulty.client().grant()
    event = joined(grant, "PA_1")
    faulty.spoil("append", how)
    assert post(faulty, event) == 503
    until(lambda: post(faulty, event) == 200, "the repetition is kept", every=0.2)
    assert post(faulty, event) == 200
    assert len(rows(faulty, "join", grant["lease_id"])) == 1
    assert state(faulty.client(), grant)["joined_at"]


def test_a_repetition_shares_the_outcome_of_the_first(faulty):
    grant = faulty.client().grant()
    event = joined(grant, "PA_1")
    faulty.spoil("append", "slow")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        answers = [pool.submit(lambda: (post(faulty, event), time.monotonic() - began))
                   for _ in range(8)]
        for answer in answers:
            status, took = answer.result(20)
            assert status == 200 and took > 0.5, (status, took)
    assert len(rows(faulty, "join", grant["lease_id"])) == 1


def test_what_was_acknowledged_survives_a_kill(new_gate):
    gate = new_gate(**hooks.ENV)
    grants = [gate.client(f"user{i}").grant() for i in range(96)]
    kept = []

    def tell(grant):
        try:
            if post(gate, joined(grant, "PA_" + grant["lease_id"][-6:])) == 200:
                kept.append(grant["lease_id"])
        except OSError:
            pass

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        told = [pool.submit(tell, grant) for grant in grants]
        until(lambda: len(kept) >= 24, "some are acknowledged", every=0.0002)
        gate.kill()
        concurrent.futures.wait(told)
    gate.start()
    for lease in kept:
        assert len(rows(gate, "join", lease)) == 1


def test_a_trail_that_is_away_loses_nothing(faulty):
    grant = faulty.client().grant()
    events = [joined(grant, "PA_1"), left(grant, "PA_1"), joined(grant, "PA_2")]
    for event in events:
        faulty.spoil("append", "fail", 3)
        assert [post(faulty, event) for _ in range(3)] == [503] * 3
        assert post(faulty, event) == 200
    assert [row["kind"] for row in faulty.rows() if row["kind"] in ("join", "leave")] \
        == ["join", "leave", "join"]


def test_the_end_of_a_room_is_acknowledged_when_the_ends_are_recorded(faulty):
    alice = faulty.client()
    grant = alice.grant()
    send(faulty, joined(grant, "PA_1"))
    event = finished(grant)
    faulty.spoil("append", "fail", 2)
    assert post(faulty, event) == 503
    until(lambda: post(faulty, event) == 200, "its end is recorded", every=0.1)
    assert len(rows(faulty, "end", grant["lease_id"])) == 1


# ---- a restart

def test_after_a_restart_the_trail_knows_who_joined(gate):
    alice = gate.client()
    grant = alice.grant()
    send(gate, joined(grant, "PA_1"))
    gate.kill()
    gate.start()
    send(gate, joined(grant, "PA_1"))
    assert len(rows(gate, "join", grant["lease_id"])) == 1
    assert state(alice, grant)["joined_at"]
    send(gate, left(grant, "PA_1"), left(grant, "PA_1"))
    assert len(rows(gate, "leave", grant["lease_id"])) == 1
    counted(gate, grant["lease_id"])


def test_after_a_restart_an_old_rooms_end_is_an_old_rooms(gate):
    alice = gate.client()
    grant = alice.grant()
    send(gate, joined(grant, "PA_1", "RM_new"))
    gate.kill()
    gate.start()
    send(gate, finished(grant, "RM_old", at=int(time.time()) + 1))
    assert state(alice, grant)
    send(gate, finished(grant, "RM_new"))
    assert not state(alice, grant)


# ---- rooms are told apart by their sids

def test_an_old_rooms_end_does_not_end_a_new_rooms_lease(gate):
    alice = gate.client()
    grant = alice.grant()
    send(gate, joined(grant, "PA_1", "RM_new"),
         finished(grant, "RM_old"), finished(grant, "RM_old", at=int(time.time()) + 60))
    assert state(alice, grant) and not rows(gate, "end", grant["lease_id"])
    send(gate, finished(grant, "RM_new"))
    assert rows(gate, "end", grant["lease_id"])[0]["outcome"] == "room_closed"


@pytest.mark.parametrize("of_join, of_end", [("RM_1", None), (None, "RM_1"),
                                             (None, None)])
def test_without_a_rooms_sid_time_decides(gate, of_join, of_end):
    alice = gate.client()
    grant = alice.grant()
    send(gate, joined(grant, "PA_1", of_join),
         finished(grant, of_end, at=int(time.time()) - 60))
    assert state(alice, grant)
    send(gate, finished(grant, of_end))
    assert not state(alice, grant)


# ---- one identity is one connection

def ends(gate, *events):
    grant = gate.client().grant()
    send(gate, *(event(grant, sid) for event, sid in events))
    return counted(gate, grant["lease_id"]), grant["lease_id"]


@pytest.mark.parametrize("events", [
    [(joined, "PA_a"), (joined, "PA_b"), (left, "PA_b")],
    [(joined, "PA_a"), (joined, "PA_b"), (left, "PA_b"), (left, "PA_a")],
    [(joined, "PA_a"), (joined, "PA_b"), (left, "PA_a"), (left, "PA_b")],
    [(joined, "PA_a"), (joined, "PA_b"), (left, "PA_b"), (left, "PA_b"), (left, "PA_a"),
     (left, "PA_a")],
    [(left, "PA_a"), (joined, "PA_a"), (joined, "PA_b"), (left, "PA_b")],
    [(joined, "PA_a"), (left, "PA_b"), (joined, "PA_b"), (left, "PA_a")]])
def test_one_identity_is_one_connection(gate, events):
    watched, lease = ends(gate, *events)
    assert watched is not None
    for kind in ("join", "leave"):
        told = [row["facts"] for row in rows(gate, kind, lease)]
        assert len(told) == len(set(told))


def test_a_late_leave_does_not_stop_the_one_that_is_there(gate):
    grant = gate.client().grant()
    send(gate, joined(grant, "PA_a"), joined(grant, "PA_b"), left(grant, "PA_a"))
    before = session(gate, grant["lease_id"])["watched_s"]
    until(lambda: session(gate, grant["lease_id"])["watched_s"] > before, "it goes on")


def test_a_connection_that_was_replaced_before_it_was_told(gate):
    """The older one's join arrives last, after both have left."""
    grant, now = gate.client().grant(), int(time.time())
    send(gate, joined(grant, "PA_b", at=now), joined(grant, "PA_a", at=now - 10),
         left(grant, "PA_b", at=now))
    assert counted(gate, grant["lease_id"]) is not None


@pytest.mark.parametrize("at", [0, 1, -5, 3600, 400 * 86400, 10**17])
def test_an_events_own_time_need_not_be_right(gate, at):
    """Of years ago, of the future, or no time at all."""
    grant = gate.client().grant()
    at = at if at in (0, 10**17) else int(time.time()) + at
    send(gate, joined(grant, "PA_a", at=at), joined(grant, "PA_b"), left(grant, "PA_b"))
    assert 0 <= counted(gate, grant["lease_id"]) < 60
    assert session(gate, grant["lease_id"])["joined_at"] <= time.strftime(
        "%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1))


def test_an_aborted_connection_was_never_there(gate):
    grant = gate.client().grant()
    send(gate, hooks.event("participant_connection_aborted", grant["room"], "RM_1",
                           grant["lease_id"], "PA_1"))
    assert session(gate, grant["lease_id"])["watched_s"] is None


def test_watched_s_is_null_where_nothing_is_known(gate):
    alice = gate.client()
    grant = alice.grant()
    assert session(gate, grant["lease_id"])["watched_s"] is None
    alice.release(grant["lease_id"])
    assert session(gate, grant["lease_id"])["watched_s"] is None


def test_who_is_put_out_has_not_watched(gate):
    alice = gate.client()
    grant = alice.grant()
    alice.release(grant["lease_id"])
    event = joined(grant, "PA_late")
    send(gate, event, {**event, "id": "EV_another"})
    assert session(gate, grant["lease_id"])["watched_s"] is None
    row, = rows(gate, "join", grant["lease_id"])
    assert "put out" in row["reason"]


@pytest.mark.parametrize("left_first", [True, False])
def test_events_of_the_room_that_a_lease_has_left(faulty, left_first):
    """It moved to a lower tier; its viewer goes from one room to the other."""
    alice = faulty.client()
    grant = alice.grant()
    send(faulty, joined(grant, "PA_1", "RM_high"))
    faulty.cap("lobby-1", "low")
    moved = alice.heartbeat(grant["lease_id"]).json()
    assert moved["room"] != grant["room"]
    after = [joined(grant | {"room": moved["room"]}, "PA_2", "RM_low"),
             left(grant, "PA_1", "RM_high")]
    send(faulty, *(reversed(after) if left_first else after))
    send(faulty, joined(grant, "PA_1", "RM_high"), finished(grant, "RM_high"))
    assert state(alice, grant)["joined_at"]
    before = session(faulty, grant["lease_id"])["watched_s"]
    until(lambda: session(faulty, grant["lease_id"])["watched_s"] > before, "it goes on")
    send(faulty, left(grant | {"room": moved["room"]}, "PA_2", "RM_low"))
    counted(faulty, grant["lease_id"])
    assert len(rows(faulty, "join", grant["lease_id"])) == 2
    assert len(rows(faulty, "leave", grant["lease_id"])) == 2


# ---- ids

def test_without_ids_sids_tell_repetitions(gate):
    grant = gate.client().grant()
    event = joined(grant, "PA_1")
    del event["id"]
    send(gate, event, event)
    assert len(rows(gate, "join", grant["lease_id"])) == 1


def test_one_event_on_two_workers_at_once_is_one_row(new_gate):
    gate = new_gate(workers=4, **hooks.ENV)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for n in range(8):
            grant = gate.client(f"user{n}").grant()
            event = joined(grant, "PA_1")
            assert set(pool.map(lambda _: post(gate, event), range(16))) == {200}
            assert len(rows(gate, "join", grant["lease_id"])) == 1


# ---- another gate's

def test_an_event_of_a_lease_that_nobody_here_knows_is_counted_and_logged(gate):
    grant = gate.client().grant()
    stranger = grant | {"lease_id": "0" * 26 + "ab"}
    for n in range(5):
        send(gate, joined(stranger, f"PA_{n}"), left(stranger, f"PA_{n}"))
    assert gate.metric("camgate_room_events_of_strangers_total") == 10
    told = [line["msg"] for line in gate.heard(lease_id=stranger["lease_id"])]
    assert len(told) == 1 and "no worker here" in told[0]


# ---- what no webhook brought

def test_joins_and_leaves_that_no_webhook_brought_are_listed(lister, people):
    alice = lister.client()
    grant = alice.grant()
    lease = grant["lease_id"]
    people.put(grant, "PA_1")
    row, = until(lambda: rows(lister, "join", lease), "the join is found")
    assert '"listed":true' in row["facts"] and '"room_sid":"RM_1"' in row["facts"]
    send(lister, joined(grant, "PA_1"))
    people.take(grant)
    until(lambda: rows(lister, "leave", lease), "the leave is found")
    send(lister, left(grant, "PA_1"))
    assert len(rows(lister, "join", lease)) == len(rows(lister, "leave", lease)) == 1
    assert 0 <= counted(lister, lease) < 60
    assert state(alice, grant)


def test_a_restart_finds_who_left_meanwhile(lister, people):
    stays, leaves, comes = (lister.client(name).grant() for name in ("a", "b", "c"))
    for grant, sid in (stays, "PA_a"), (leaves, "PA_b"):
        people.put(grant, sid)
        send(lister, joined(grant, sid))
    lister.kill()
    people.take(leaves)
    people.put(comes, "PA_c")
    lister.start()
    until(lambda: rows(lister, "leave", leaves["lease_id"]), "the leave is found")
    until(lambda: rows(lister, "join", comes["lease_id"]), "the join is found")
    send(lister, joined(stays, "PA_a"))
    assert len(rows(lister, "join", stays["lease_id"])) == 1
    assert not rows(lister, "leave", stays["lease_id"])


def test_when_events_were_lost_every_room_is_listed_at_once(tmp_path, started, people):
    gate = started(Gate(tmp_path / "gate", config=with_options(
        tmp_path, room_livekit={"list_interval_s": 3600}), **people.env()))
    grants = [gate.client(f"user{n}").grant(camera) for n, camera in
              enumerate(("lobby-1", "lobby-1", "gate-1"))]
    for n, grant in enumerate(grants):
        people.put(grant, f"PA_{n}")
    event = joined(grants[0], "PA_0") | {"numDropped": 2}
    send(gate, event)
    for grant in grants:
        until(lambda: rows(gate, "join", grant["lease_id"]), "it is found")
    assert all(len(rows(gate, "join", grant["lease_id"])) == 1 for grant in grants)


def test_an_event_reaches_the_gate_whose_lease_it_is(tmp_path, started, people):
    """Two gates, one LiveKit, whose webhooks go to the other gate."""
    config = with_options(tmp_path, room_livekit={"list_interval_s": 1})
    one, other = (started(Gate(tmp_path / name, config=config, **people.env()))
                  for name in ("one", "other"))
    grant = one.client().grant()
    people.put(grant, "PA_1")
    send(other, joined(grant, "PA_1"))
    assert other.metric("camgate_room_events_of_strangers_total") == 1
    until(lambda: rows(one, "join", grant["lease_id"]), "the join is found")
    people.take(grant)
    send(other, left(grant, "PA_1"))
    until(lambda: rows(one, "leave", grant["lease_id"]), "the leave is found")
    assert one.metric("camgate_room_events_missed_total") == 2
    assert not rows(other, "join", grant["lease_id"])
    counted(one, grant["lease_id"])


def test_while_livekit_is_away_nobody_has_left(lister, people):
    grant = lister.client().grant()
    people.put(grant, "PA_1")
    until(lambda: rows(lister, "join", grant["lease_id"]), "the join is found")
    people.away = True
    asked = len(people.asked)
    until(lambda: len(people.asked) >= asked + 2, "it was asked in vain")
    people.away = False
    asked = len(people.asked)
    until(lambda: people.asked[asked:].count("ListParticipants") >= 3, "it answers")
    assert not rows(lister, "leave", grant["lease_id"])


# ---- a stop

def test_a_stop_keeps_or_refuses_what_is_under_way(faulty):
    grants = [faulty.client(f"user{n}").grant() for n in range(12)]
    faulty.spoil("append", "slow", 12)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        began = faulty.calls("append")
        told = {grant["lease_id"]: pool.submit(post, faulty, joined(grant, "PA_1"))
                for grant in grants}
        until(lambda: faulty.calls("append") >= began + 12, "all are under way",
              every=0.005)
        faulty.child.terminate()
        assert faulty.child.wait(20) == 0
        for lease, answer in told.items():
            try:
                status = answer.result(20)
            except OSError:
                continue
            assert status in (200, 503)
            assert status == 503 or len(rows(faulty, "join", lease)) == 1


# ---- the real LiveKit

@pytest.fixture
def without_webhooks(tmp_path, started, livekit):
    """A gate that lists, and a LiveKit that sends no webhooks."""
    config = with_options(tmp_path, room_livekit={"list_interval_s": 1})
    started(livekit)
    return started(Gate(tmp_path / "gate", config=config, **livekit.env())), livekit


async def in_time(condition, what):
    return await asyncio.to_thread(until, condition, what, 20)


@pytest.mark.xdist_group("livekit")
def test_a_real_viewer_is_found_by_lists_alone(without_webhooks):
    gate, livekit = without_webhooks
    grant = gate.client().grant()
    lease = grant["lease_id"]

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]) as room:
            row, = await in_time(lambda: rows(gate, "join", lease), "the join")
            return row, await room.sid

    row, room_sid = asyncio.run(run())
    facts = json.loads(row["facts"])
    assert facts["room_sid"] == room_sid and facts["participant"].startswith("PA_")
    until(lambda: rows(gate, "leave", lease), "the leave")
    watched = counted(gate, lease)
    assert 0 < watched < 30
    assert json.loads(rows(gate, "leave", lease)[0]["facts"])["listed"]


@pytest.mark.xdist_group("livekit")
def test_when_a_real_livekit_restarts_everybody_has_left(without_webhooks):
    gate, livekit = without_webhooks
    alice = gate.client()
    grant = alice.grant()

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]):
            await in_time(lambda: rows(gate, "join", grant["lease_id"]), "the join")
            await asyncio.to_thread(livekit.kill)
            await asyncio.to_thread(livekit.start)
            await in_time(lambda: rows(gate, "leave", grant["lease_id"]), "the leave")

    asyncio.run(run())
    counted(gate, grant["lease_id"])
    assert state(alice, grant)


@pytest.mark.xdist_group("livekit")
def test_a_real_room_that_is_made_again_keeps_its_new_leases(pair):
    gate, livekit = pair
    alice, bob = gate.client("alice"), gate.client("bob")
    first = alice.grant()

    async def run():
        async with webrtc.joined(livekit.ws, first["token"]):
            await in_time(lambda: rows(gate, "join", first["lease_id"]), "the join")
            async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as lk:
                await lk.room.delete_room(api.DeleteRoomRequest(room=first["room"]))
            second = await asyncio.to_thread(bob.grant)
            await in_time(lambda: rows(gate, "end", first["lease_id"]), "the end")
            token = (await asyncio.to_thread(bob.fresh_token, "lobby-1")).json()["token"]
            async with webrtc.joined(livekit.ws, token):
                await in_time(lambda: rows(gate, "join", second["lease_id"]), "the join")
                return second

    second = asyncio.run(run())
    assert first["room"] == second["room"]
    assert state(bob, second) and not state(alice, first)
    old, new = (json.loads(rows(gate, "join", grant["lease_id"])[0]["facts"])["room_sid"]
                for grant in (first, second))
    assert old != new
