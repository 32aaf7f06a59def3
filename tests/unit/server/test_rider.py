"""What the monitor of the adaptive model sees of a thread, and what it makes of that."""

from typing import cast

import pytest
from paceline.concurrency import rider
from paceline.concurrency.adaptive import Adaptive
from paceline.concurrency.monitor import CALM_AFTER, CALM_TICK, ENOUGH, TICK, Monitor
from paceline.concurrency.rider import PATIENCE, Rider, Sight
from paceline.conversation import Conversation
from paceline.service import Service

SOME = cast(Conversation, object())


class Clock:
    """Of a thread that runs, or waits, as the test says."""

    def __init__(self) -> None:
        self.ran = 0.0
        self.read = 0  # times

    def __call__(self) -> float:
        self.read += 1
        return self.ran


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rider, "running_clock", lambda: made)
    return made


def begin(thread: Rider) -> None:
    thread.turn += 1
    thread.conversation = SOME


def test_one_that_serves_nothing(clock: Clock) -> None:
    thread = Rider()
    assert thread.look(TICK) is Sight.IDLE
    begin(thread)
    thread.conversation = None
    assert thread.look(2 * TICK) is Sight.IDLE


def test_one_that_waits(clock: Clock) -> None:
    thread = Rider()
    begin(thread)
    assert thread.look(TICK) is Sight.FRESH
    assert thread.look(2 * TICK) is Sight.HALTS
    clock.ran += TICK
    assert thread.look(3 * TICK) is Sight.RUNS
    assert thread.look(4 * TICK) is Sight.BLOCKED


def test_one_that_runs_until_others_have_waited_long_enough(clock: Clock) -> None:
    thread = Rider()
    begin(thread)
    now = began = TICK
    assert thread.look(now) is Sight.FRESH
    while now - began < PATIENCE:
        now += PATIENCE / 4
        clock.ran = now
        seen = thread.look(now)
        assert seen is (Sight.BURNS if now - began > PATIENCE else Sight.RUNS)
    thread.forgive(now)
    clock.ran = now + TICK
    assert thread.look(now + TICK) is Sight.RUNS


def test_one_that_serves_one_request_after_the_other_is_not_blocked(clock: Clock) -> None:
    thread = Rider()
    for look in range(1, 4):
        begin(thread)
        begin(thread)
        assert thread.look(look * TICK) is Sight.RUNS


def test_one_that_served_several_in_a_long_time_may_have_waited(clock: Clock) -> None:
    thread = Rider()
    thread.look(TICK)
    begin(thread)
    begin(thread)
    assert thread.look(21 * TICK) is Sight.FRESH


def test_what_begins_is_taken_for_what_became_of_those_before(clock: Clock) -> None:
    """While others wait there is always one that has just begun: it will wait too, or run."""
    monitor, riders = Monitor(), [Rider() for _ in range(8)]
    for look in range(1, 9):
        begin(riders[look - 1])
        sends = monitor.look(riders[:look], look * TICK)
    assert monitor.blocking
    assert sends

    for look in range(9, 13):  # and now each is done before the next look
        begin(riders[look % 8])
        begin(riders[look % 8])
        sends = monitor.look(riders, look * TICK)
    assert not monitor.blocking
    assert not sends


def test_what_is_done_by_the_next_look_did_not_wait(clock: Clock) -> None:
    monitor, thread = Monitor(), Rider()
    monitor.blocking = True
    for look in range(1, 4):
        begin(thread)
        monitor.look([thread], look * TICK)
    assert not monitor.blocking


def test_a_leader_between_poll_and_request_is_not_taken_for_blocked(clock: Clock) -> None:
    monitor, riders = Monitor(), [Rider()]
    assert not monitor.look(riders, TICK)
    assert monitor.look(riders, 2 * TICK)


def test_looks_come_less_often_where_all_have_run_for_a_while(clock: Clock) -> None:
    monitor, thread = Monitor(), Rider()
    now = 2 * CALM_AFTER
    monitor.look([thread], now - TICK)
    begin(thread)
    begin(thread)
    assert not monitor.look([thread], now)
    assert monitor.pause(now, staffed=False) == CALM_TICK
    assert not monitor.look([thread], now + TICK), "its clock is read for the first time"
    assert not monitor.look([thread], now + 2 * TICK), "it waits, but once is not enough"
    assert monitor.pause(now + 2 * TICK, staffed=False) == TICK


def test_looks_come_in_pairs_where_requests_wait_and_there_are_riders_enough() -> None:
    monitor = Monitor()
    monitor.blocking = True
    assert [monitor.pause(TICK, staffed=True) for _ in range(4)] == [CALM_TICK, TICK] * 2
    assert [monitor.pause(TICK, staffed=False) for _ in range(2)] == [TICK, TICK]


def test_a_late_look_does_not_tell_what_became_of_requests(clock: Clock) -> None:
    monitor, thread = Monitor(), Rider()
    monitor.blocking = True
    begin(thread)
    monitor.look([thread], TICK)
    monitor.pause(TICK, staffed=True)
    begin(thread)  # the one before took less than a calm tick: that may be long
    monitor.look([thread], TICK + CALM_TICK)
    assert monitor.blocking
    monitor.pause(TICK + CALM_TICK, staffed=True)
    begin(thread)  # and this one less than a tick
    monitor.look([thread], 2 * TICK + CALM_TICK)
    assert not monitor.blocking


def test_some_of_many_riders_that_wait_tell_of_all(clock: Clock) -> None:
    monitor, riders = Monitor(), [Rider() for _ in range(64)]
    monitor.blocking = True
    for thread in riders:
        begin(thread)
    assert monitor.look(riders, TICK)
    assert 8 <= clock.read <= ENOUGH


@pytest.mark.parametrize("overdue", [True, False])
def test_who_has_come_since_is_let_in_before_a_queue_that_is_old_is_served(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, overdue: bool
) -> None:
    model = Adaptive([], Service(lambda environ, start_response: []))
    did: list[str] = []

    def serve(conversation: str) -> None:
        did.append(f"serve {conversation}")
        model._acceptor.finished = True

    monkeypatch.setattr(model, "_serve", serve)
    monkeypatch.setattr(model, "_poll", lambda at_once: did.append(f"poll {at_once}"))
    model._ready.append("first")  # type: ignore[arg-type]
    model._overdue = overdue
    model._ride(Rider())
    assert did == (["poll True"] if overdue else []) + ["serve first"]


def test_a_rider_parks_where_more_than_one_run(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, me = Adaptive([], Service(lambda environ, start_response: [])), Rider()
    monkeypatch.setattr(model, "_poll", lambda at_once: None)
    model._ready.append(SOME)
    model._overdue = model._monitor.crowded = True
    me.dismissed = True  # so that it ends where it would wait
    me.wake.release()
    model._ride(me)
    assert list(model._riders.parked) == [me]
    assert list(model._ready) == [SOME], "it is left to the other one"
    assert not model._monitor.crowded


class Seen:
    """A rider that shows what the test says."""

    def __init__(self, sight: Sight) -> None:
        self.look = lambda now: sight
        self.forgive = lambda now: None


@pytest.mark.parametrize(
    ("sights", "crowded"),
    [
        ([Sight.RUNS, Sight.RUNS], True),
        ([Sight.RUNS, Sight.IDLE, Sight.RUNS], True),
        ([Sight.RUNS, Sight.IDLE], False),
        ([Sight.RUNS, Sight.RUNS, Sight.BLOCKED], False),
        ([Sight.RUNS, Sight.RUNS, Sight.FRESH], False),
        ([Sight.RUNS, Sight.BURNS], False),
    ],
)
def test_where_several_run_and_none_waits_one_is_too_many(
    sights: list[Sight], crowded: bool
) -> None:
    monitor = Monitor()
    monitor.look([cast(Rider, Seen(sight)) for sight in sights], TICK)
    assert monitor.crowded == crowded


def test_nobody_is_sent_to_the_front_where_one_is_at_work() -> None:
    monitor, riders = Monitor(), [cast(Rider, Seen(Sight.BLOCKED))]
    assert not any(monitor.look(riders, look * TICK, led=True) for look in range(1, 4))
    assert monitor.look(riders, 4 * TICK) or monitor.look(riders, 5 * TICK)


def test_one_request_that_burns_is_no_reason_for_a_rider_beside_one_that_gets_on() -> None:
    for sights, sends in (
        ([Sight.BURNS], True),
        ([Sight.BURNS, Sight.IDLE, Sight.BLOCKED], True),
        ([Sight.BURNS, Sight.BURNS], True),
        ([Sight.BURNS, Sight.RUNS], False),
        ([Sight.BURNS, Sight.FRESH], False),
    ):
        riders = [cast(Rider, Seen(sight)) for sight in sights]
        assert Monitor().look(riders, TICK) == sends, sights
