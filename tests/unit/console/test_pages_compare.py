"""Two traces beside each other."""

from lab.console.pages.compare import comparisons
from lab.tracing.assembly import assemble
from lab.tracing.names import Hop
from tests.services import traces
from tests.unit.tracing.traces import span


def test_each_hop_and_the_whole_are_compared():
    a, b = assemble(traces.through_paceline()), assemble(traces.through_gunicorn())
    lines = {line.what: line for line in comparisons(a, b)}
    assert [*lines] == ["client", "nginx", "queue", "paceline / gunicorn", "django", "the whole"]
    assert lines["queue"].b == "—"
    assert lines["queue"].verdict == ""
    assert lines["django"].verdict == "faster"
    assert (lines["the whole"].a, lines["the whole"].b) == ("61.0 ms", "42.7 ms")
    assert lines["the whole"].change == "\N{MINUS SIGN}18.3 ms"


def test_less_than_nginx_can_measure_is_called_neither_slower_nor_faster():
    def trace(end: float):
        return assemble(
            [span(1, None, Hop.CLIENT, "GET", 0, 9), span(2, 1, Hop.PROXY, "GET /", 0, end)]
        )

    verdicts = {line.what: line.verdict for line in comparisons(trace(2), trace(3.5))}
    assert verdicts == {"client": "", "nginx": "", "the whole": ""}
    assert comparisons(trace(2), trace(5))[1].verdict == "slower"
