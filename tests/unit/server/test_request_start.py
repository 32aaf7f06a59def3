"""X-Request-Start, as proxies write it and as clients forge it."""

import pytest
from paceline.observe.request_start import waited

NOW = 1_764_200_000.5


@pytest.mark.parametrize(
    "text",
    [
        "t=1764200000.250",  # nginx
        "1764200000.250",
        "1764200000250",  # Heroku
        "t=1764200000250000",  # Apache
    ],
)
def test_seconds_milliseconds_and_microseconds(text: str) -> None:
    assert waited(text, NOW) == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize("ahead", [0.0005, 0.9])
def test_a_clock_that_is_a_little_fast(ahead: float) -> None:
    assert waited(f"t={NOW + ahead:.4f}", NOW) == 0


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "t=", "now", "t=-5", "t=1e9", "t=nan", "t=inf", "1764200000,2"),
        *("t=1764200000.250\n", "t=1_764_200_000", "t=\u0661764200000", "t=" + "9" * 50),
        f"t={NOW + 5:.3f}",
        f"t={NOW - 5000:.3f}",
    ],
)
def test_what_is_not_believed(text: object) -> None:
    assert waited(text, NOW) is None
