from collections import Counter

import pytest

from bench.figures.outcome import (
    compare,
    find_limits,
    summarize,
    tabulate,
    tabulate_change,
)
from bench.load.address import Address
from bench.load.client import ClientTime
from bench.load.generator import Load, Measurement

LOAD = Load(Address("localhost", 8080), [b""], 16, 10.0, rate=100.0)


def make_measurement(*latencies_ms: float, **changes: object) -> Measurement:
    measurement = Measurement(elapsed_s=2.0, n_answers=len(latencies_ms))
    for latency_ms in latencies_ms:
        measurement.latency.record_value(int(latency_ms * 1e6))
    for name, value in changes.items():
        setattr(measurement, name, value)
    return measurement


def make_outcome(*latencies_ms: float, **changes: object) -> dict[str, object]:
    return summarize(LOAD, make_measurement(*latencies_ms, **changes)) | {
        "model": "points",
        "model_version": "0123456789ab",
        "rows_per_request": 1,
    }


@pytest.mark.parametrize(
    ("client", "beginning"),
    [
        (ClientTime(0.9, 0.0), "the client computed for 90% of the time and is the"),
        (ClientTime(0.5, 0.1), "the client waited for a core for 10% of the time"),
    ],
)
def test_a_client_without_time_to_spare_says_that_it_is_the_bottleneck(
    client: ClientTime, beginning: str
) -> None:
    (sentence,) = find_limits(LOAD, make_measurement(1.0, client=client))

    assert sentence.startswith(beginning)


def test_a_client_with_time_to_spare_says_nothing() -> None:
    measurement = make_measurement(1.0, client=ClientTime(0.89, 0.09))

    assert find_limits(LOAD, measurement) == []


def test_a_client_that_sends_late_says_so() -> None:
    measurement = make_measurement(1.0)
    measurement.lateness.record_value(2_500_000)

    (sentence,) = find_limits(LOAD, measurement)

    assert sentence.startswith(
        "1 % of the requests left more than 2.5 ms late although a connection was free"
    )


def test_requests_that_waited_for_a_connection_are_told() -> None:
    measurement = make_measurement(1.0, n_sent=200, n_waited=3)

    assert find_limits(LOAD, measurement) == [
        "2% of the requests waited for a free connection: the server is slower than "
        "100 requests a second or stalled, or 16 connections are too few"
    ]


def test_the_table_shows_every_figure_and_every_error() -> None:
    measured = make_outcome(
        *(float(latency) for latency in range(1, 1001)),
        errors=Counter({"HTTP 503": 1200, "timed out": 1}),
        n_sent=2201,
    )

    assert tabulate(measured) == (
        "http://localhost:8080  points 0123456789ab\n"
        "open loop at 100 requests/s (asks whether answered or not), 16 connections, 2 s, 1 row a request\n"
        "\n"
        "requests/s               500\n"
        "p50               500.171 ms\n"
        "p90               900.202 ms\n"
        "p99               990.380 ms\n"
        "p99.9             999.293 ms\n"
        "max             1,000.341 ms\n"
        "errors                 1,201  (HTTP 503: 1,200, timed out: 1)"
    )


def test_a_run_without_an_answer_has_no_latency() -> None:
    summary = make_outcome(elapsed_s=0.0)

    assert summary["latency_ms"] == dict.fromkeys(["p50", "p90", "p99", "p99.9", "max"])
    assert summary["requests_per_second"] == 0.0
    assert "p50                     none" in tabulate(summary)


def test_two_runs_are_compared_figure_by_figure() -> None:
    change = compare(make_outcome(2.0, 4.0), make_outcome(1.0))

    assert change["requests_per_second"] == {"before": 1.0, "after": 0.5, "ratio": 0.5}
    assert change["n_errors"] == {"before": 0, "after": 0, "ratio": None}
    assert change["max_ms"]["ratio"] == pytest.approx(0.25, rel=1e-3)
    assert list(change) == [
        "requests_per_second",
        "n_errors",
        "p50_ms",
        "p90_ms",
        "p99_ms",
        "p99.9_ms",
        "max_ms",
    ]
    assert tabulate_change({"n_errors": change["n_errors"]}) == (
        "                            before         after  after/before\n"
        "n_errors                         0             0          none"
    )
