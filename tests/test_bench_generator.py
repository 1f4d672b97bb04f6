import socketserver
import threading
from typing import Any

import pytest

from bench.load.address import Address
from bench.load.generator import Load, Measurement, measure
from bench.load.requests import encode
from tests.standin import STALL_S, serve

BODY = b'{"reading score": 72.0, "lunch": "standard"}'
HALF_STALL_NS = int(STALL_S * 0.5e9)


def make_load(url: str, **changes: Any) -> Load:
    address = Address.parse(url)
    plan = {"connections": 4, "duration_s": 1.0, "timeout_s": 5.0} | changes
    return Load(address, encode(address, "/predict", [BODY]), **plan)


def count_slower(measurement: Measurement, than_ns: int) -> int:
    return sum(
        item.count_at_value_iterated_to
        for item in measurement.latency.get_recorded_iterator()
        if item.value_iterated_to >= than_ns
    )


def test_open_loop_counts_the_stall_for_every_request_that_was_due_in_it() -> None:
    with serve("stall") as (url, _):
        measurement = measure(make_load(url, rate=500.0, duration_s=2.0))

    # 500 requests a second for 0.6 s are 300; those of its first half wait for
    # the other half at least
    assert count_slower(measurement, HALF_STALL_NS) >= 149
    assert measurement.latency.get_value_at_percentile(90) >= HALF_STALL_NS
    assert measurement.errors == {}
    assert measurement.n_sent == measurement.latency.get_total_count() == 1000


def test_closed_loop_hides_the_stall_from_all_but_one_request_a_connection() -> None:
    with serve("stall") as (url, _):
        measurement = measure(make_load(url, duration_s=2.0))

    assert 1 <= count_slower(measurement, HALF_STALL_NS) <= 4
    assert measurement.errors == {}


def test_answers_that_are_no_success_are_errors_and_not_latencies() -> None:
    with serve("fail") as (url, _):
        measurement = measure(make_load(url))

    assert measurement.errors == {"HTTP 503": measurement.n_sent // 4}
    assert measurement.n_errors > 0
    assert (
        measurement.latency.get_total_count()
        == measurement.n_sent - measurement.n_errors
    )


def test_requests_without_an_answer_are_errors_and_count_as_long_as_they_waited() -> (
    None
):
    with serve("hang") as (url, _):
        measurement = measure(make_load(url, duration_s=0.5, timeout_s=0.2))

    assert measurement.errors == {"timed out": measurement.n_sent}
    assert count_slower(measurement, 190_000_000) == measurement.n_sent
    assert measurement.n_answers == 0


def test_requests_that_were_due_and_never_sent_are_errors() -> None:
    with serve("hang") as (url, _):
        measurement = measure(make_load(url, rate=1000.0, duration_s=0.1, timeout_s=1))

    assert measurement.errors == {"timed out": 4, "never sent": 96}
    assert measurement.latency.get_total_count() == 100


def test_a_server_that_dies_under_load_is_an_error_of_each_connection() -> None:
    with serve() as (url, program):
        killer = threading.Timer(1.0, program.kill)
        killer.start()
        measurement = measure(make_load(url, duration_s=2.0, warm_up_s=0.5))
        killer.join()

    assert measurement.n_answers > 0
    assert measurement.errors["connection refused"] >= 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "connection closed by server"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            "connection closed by server",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "answer is not HTTP"),
    ],
)
def test_answers_that_break_off_or_are_not_http_are_errors(
    answer: bytes, kind: str
) -> None:
    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if self.request.recv(65536):
                self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        port = server.server_address[1]
        measurement = measure(make_load(f"http://127.0.0.1:{port}", duration_s=0.3))
        server.shutdown()

    assert measurement.errors == {kind: measurement.n_sent}
    assert measurement.n_sent > 0


def test_a_server_that_closes_after_each_answer_is_connected_to_again() -> None:
    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if self.request.recv(65536):
                self.request.sendall(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        port = server.server_address[1]
        load = make_load(f"http://127.0.0.1:{port}", rate=100.0, duration_s=0.5)
        measurement = measure(load)
        server.shutdown()

    assert measurement.errors == {}
    assert measurement.latency.get_total_count() == measurement.n_sent == 50


def test_a_request_larger_than_the_socket_buffer_arrives_whole() -> None:
    with serve() as (url, _):
        address = Address.parse(url)
        rows = b"[" + b",".join([BODY] * 100_000) + b"]"
        requests = encode(address, "/predict", [rows])
        measurement = measure(Load(address, requests, 2, duration_s=0.5))

    assert measurement.errors == {}
    assert measurement.latency.get_total_count() == measurement.n_sent > 0


def test_requests_of_the_warm_up_are_not_in_the_figures() -> None:
    with serve() as (url, _):
        load = make_load(url, rate=200.0, duration_s=0.5, warm_up_s=0.5)
        measurement = measure(load)

    assert measurement.n_sent == 200
    assert measurement.latency.get_total_count() == 100
