"""What is said of paths, and when nothing is."""

from typing import Any

import pytest

from lab.advise.judging import ENOUGH, Kind, doubts, judge, together
from lab.advise.observing import Seen, cores_at_once, crowded, with_others

MS = 1_000_000


def seen(start: float = 0, wall: float = 20, cpu: float | None = 1, **more: Any) -> Seen:
    """One request; all times in ms."""
    return Seen(
        **{
            "what": "/",
            "target": "/",
            "start": round(start * MS),
            "end": round((start + wall) * MS),
            "pid": 1,
            "cpu": None if cpu is None else cpu / 1000,
            **more,
        }
    )


def alone(count: int = ENOUGH, **more: Any) -> list[Seen]:
    """Requests one after the other."""
    return [seen(start=100 * number, **more) for number in range(count)]


@pytest.mark.parametrize(
    ("wall", "cpu", "kind"),
    [
        (20, 1, Kind.WAITS),
        (20, 4, Kind.WAITS),
        (20, 10, Kind.MIXED),
        (20, 16, Kind.COMPUTES),
        (20, 20, Kind.COMPUTES),
        (0.5, 0.1, Kind.SHORT),
        (20, None, Kind.UNKNOWN),
    ],
)
def test_a_path_is_what_it_does_with_its_time(wall: float, cpu: float | None, kind: Kind):
    (judged,) = judge(alone(wall=wall, cpu=cpu))
    assert judged.kind == kind
    if cpu is not None:
        assert judged.work
        assert judged.work.cpu == pytest.approx(cpu / 1000)
        assert judged.work.wait == pytest.approx((wall - cpu) / 1000)


def test_a_moment_without_a_core_is_no_waiting_of_what_is_short():
    (judged,) = judge([*alone(wall=0.5, cpu=0.4), seen(start=5000, wall=30, cpu=0.4)])
    assert judged.kind == Kind.SHORT
    assert judged.work
    assert judged.work.wait == pytest.approx(0.0001)


def test_too_few_are_not_judged():
    (judged,) = judge(alone(ENOUGH - 1))
    assert judged.kind == Kind.UNKNOWN
    assert judged.why == f"{ENOUGH - 1} requests are too few; {ENOUGH} are needed"


def test_a_server_that_tells_no_cpu_time_is_named():
    (judged,) = judge(alone(cpu=None, server="gunicorn/27.0.1", model="gevent"))
    assert judged.why == "gunicorn/27.0.1 (gevent) does not tell a request's CPU time"


def test_what_failed_says_nothing_of_a_path():
    (judged,) = judge([*alone(wall=20), *alone(5, wall=500, status=500)])
    assert judged.count == ENOUGH
    assert judged.wall
    assert judged.wall.high == pytest.approx(0.020)
    (judged,) = judge([*alone(5), *alone(30, status=500)])
    assert judged.why == "30 of 35 requests were answered 500 or more"


def test_times_that_are_too_far_apart_are_no_mean():
    (judged,) = judge([*alone(wall=10, cpu=1), seen(start=5000, wall=5000)])
    assert judged.kind == Kind.UNKNOWN
    assert "too far apart" in judged.why


def test_cpu_times_may_be_far_apart_where_there_is_little_of_it():
    hiccup = seen(start=5000, wall=60, cpu=20)
    (judged,) = judge([*alone(wall=50, cpu=0.5), hiccup])
    assert judged.cpu
    assert judged.cpu.is_wide
    assert judged.kind == Kind.WAITS


def test_the_spread_is_that_of_eight_in_ten():
    (judged,) = judge([seen(start=100 * n, wall=10 + n, cpu=1) for n in range(21)])
    assert judged.wall
    assert judged.wall.median == pytest.approx(0.020)
    assert judged.wall.low == pytest.approx(0.012)
    assert judged.wall.high == pytest.approx(0.028)


def test_waiting_that_may_be_for_the_gil_is_not_called_waiting():
    # Pairs side by side in one process: each computes 10 of 20 ms, while the other does.
    pairs = [seen(start=100 * n, wall=20, cpu=10) for n in range(ENOUGH) for _ in range(2)]
    (judged,) = judge(with_others(pairs))
    assert judged.kind == Kind.UNKNOWN
    assert "between 0% and 50% may be waiting" in judged.why
    apart = [seen(start=100 * (n // 2), wall=20, cpu=10, pid=n % 2) for n in range(2 * ENOUGH)]
    (judged,) = judge(with_others(apart))
    assert judged.kind == Kind.MIXED


def test_on_a_busy_machine_what_computes_may_have_waited_for_a_core():
    computes, waits = alone(wall=80, cpu=10), alone(wall=80, cpu=1, what="/io")
    assert [each.kind for each in judge(crowded([*computes, *waits], 1))] == [Kind.WAITS] * 2
    unsure, sure = judge(crowded([*computes, *waits], 7))
    assert (unsure.kind, sure.kind) == (Kind.UNKNOWN, Kind.WAITS)
    assert "between 50% and 88% may be waiting" in unsure.why
    assert "for a core of a busy machine" in unsure.why


def test_time_without_a_core_is_no_waiting():
    (judged,) = judge(alone(wall=20, cpu=10, unserved=0.009))
    assert judged.kind == Kind.COMPUTES
    assert judged.work
    assert judged.work.wait == pytest.approx(0.001)
    (doubt,) = doubts(alone(), [judged])
    assert "for 45% of its time it was ready and the machine gave it no core" in doubt


def test_others_count_for_the_time_that_both_are_there():
    early, late = with_others([seen(0, wall=20, cpu=10), seen(10, wall=20, cpu=4)])
    assert early.others == pytest.approx(0.002)
    assert late.others == pytest.approx(0.005)


def test_more_than_one_core_at_once_is_what_the_gil_does_not_allow():
    pairs = [seen(start=100 * n, wall=20, cpu=19) for n in range(ENOUGH) for _ in range(2)]
    assert cores_at_once(pairs) == pytest.approx(1.9)
    assert "1.9 cores at once, which the GIL does not allow" in doubts(pairs, [])[0]
    apart = [seen(start=100 * (n // 2), wall=20, cpu=19, pid=n % 2) for n in range(2 * ENOUGH)]
    assert cores_at_once(apart) == 0.0
    assert doubts(apart, []) == []


def test_the_average_request_is_one_of_all_that_are_known():
    paths = [*alone(20, what="/a", wall=20, cpu=2), *alone(60, what="/b", wall=10, cpu=10)]
    work = together(judge([*paths, *alone(5, what="/c", wall=900)]))
    assert work
    assert work.cpu == pytest.approx((20 * 0.002 + 60 * 0.010) / 80)
    assert work.wait == pytest.approx(20 * 0.018 / 80)
    assert together(judge(alone(5))) is None
