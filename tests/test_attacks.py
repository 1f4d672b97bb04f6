"""The attacks of `python -m bench attack`, small."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from bench.attacks import leak
from bench.attacks.malformed import judge, send_all
from bench.attacks.victim import Victim
from bench.load.address import Address
from bench.load.malformed import (
    CHUNKS,
    CODINGS,
    LENGTHS,
    SEEDS,
    SPLINTERS,
    Count,
    count_by_h11,
    count_by_llhttp,
)
from bench.measurements import attack
from tests.servers import running_server

SHIPPED = "models/student_performance.onnx"
NEEDS_NODE = pytest.mark.skipif(not shutil.which("node"), reason="needs Node")


def run(tmp_path: Path, name: str, *arguments: str) -> dict[str, Any]:
    """Return the figures of an attack, which stand in its file."""
    output = tmp_path / "attack.json"
    table = attack.main([name, *arguments, "--output", str(output)])

    assert table
    figures: dict[str, Any] = json.loads(output.read_text())[name]["figures"]
    return figures


def test_the_figures_of_other_attacks_stay_in_the_file(tmp_path: Path) -> None:
    output = tmp_path / "attack.json"
    output.write_text('{"another": 1}')

    run(tmp_path, "stop", "--number", "1")

    assert set(json.loads(output.read_text())) == {"another", "stop"}


@pytest.mark.parametrize("n_stops", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_a_stop_under_load_loses_nothing_and_says_nothing(
    tmp_path: Path, n_stops: int
) -> None:
    figures = run(tmp_path, "stop", "--number", str(n_stops))

    assert (figures["n_stops"], figures["n_lost"], figures["n_faults"]) == (
        n_stops,
        0,
        0,
    ), figures["counts"]
    assert figures["counts"]["answered 200, and told to go"] > 0
    assert figures["counts"]["readyz 503"] > 0


def test_clients_that_dribble_are_sent_away_and_no_good_one_notices(
    tmp_path: Path,
) -> None:
    figures = run(tmp_path, "dribble", "--number", "40", "--seconds", "1")

    for found in figures["runs"].values():
        assert found["good"]["kept"]["failures"] == {}
        assert found["good"]["new"]["failures"] == {}
        assert found["ends"].keys() <= {"closed", "ECONNRESET", "EPIPE"}


def test_predictions_leave_no_memory_behind(tmp_path: Path) -> None:
    figures = run(tmp_path, "leak", "--number", "50000")

    assert figures["counts"].keys() == leak.WAYS.keys()
    assert figures["n_predictions"] >= 50_000
    assert figures["grown_kib"] <= 1000


def test_a_server_that_keeps_what_it_predicts_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 bytes of each prediction show."""
    start = Victim.start

    def start_leaking(victim: Victim, *settings: str) -> Any:
        command = (victim.python, "-c", LEAKING, *settings)
        return start(replace(victim, before=command))

    monkeypatch.setattr(Victim, "start", start_leaking)

    figures = run(tmp_path, "leak", "--number", "50000")

    assert figures["grown_kib"] > 50_000 * 32 // 1024


LEAKING = """\
import runpy, sys
from server.batching import Batcher
kept, run = [], Batcher.run
def keep(batcher, rows, *more):
    kept.append(bytes(32 * len(rows)))
    return run(batcher, rows, *more)
Batcher.run = keep
sys.argv = sys.argv[3:]
runpy.run_module("server", run_name="__main__")
"""


@pytest.mark.slow
def test_no_single_client_costs_much(tmp_path: Path) -> None:
    figures = run(tmp_path, "single")

    assert {name: one["n_failed_looks"] for name, one in figures.items()} == (
        dict.fromkeys(figures, 0)
    )
    assert {
        name: one for name, one in figures.items() if one["added_rss_mib"] > 40
    } == {}


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="root alone takes a core from others")
def test_an_overloaded_server_answers_what_it_can(tmp_path: Path) -> None:
    figures = run(tmp_path, "overload", "--seconds", "3", "--number", "1")

    for load in figures["loads"].values():
        for one in load["times"].values():
            assert one["answered"] + one["503"] > 0
            assert one["added_rss_mib"] < 60


@pytest.mark.parametrize(
    "n_cases", [2000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_other_parsers_end_requests_where_ours_does(
    tmp_path: Path, n_cases: int
) -> None:
    figures = run(tmp_path, "malformed", "--number", str(n_cases))

    assert (figures["n_faults"], figures["n_otherwise"]) == (0, 0), figures["counts"]
    assert figures["added_rss_mib"] < 10


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with running_server(SHIPPED, "--head-seconds", "1") as served:
        yield Address.parse(served.url)


FRAGMENTS = (
    *SEEDS,
    *SPLINTERS,
    *CHUNKS,
    *(each + b"\r\n" for each in (*LENGTHS, *CODINGS)),
    *(b"POST /predict HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"),
)


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), min_size=1))
def test_whatever_is_put_together_is_read_alike(
    address: Address, fragments: list[bytes]
) -> None:
    case = b"".join(fragments) or b"\n"
    answers = uvloop.run(send_all(address, [case]))

    kinds = {kind for kind, _ in judge([case], answers, shutil.which("node") or "")}
    assert not [kind for kind in kinds if kind.startswith(("fault", "other"))]


@pytest.mark.parametrize(
    ("case", "count"),
    [
        (SEEDS[0], Count(1, 1)),
        (SEEDS[0][:-1], Count(0, 1)),
        (SEEDS[2], Count(2, 2)),
        (SEEDS[3], Count(2, 2)),
        (SEEDS[9], Count(1, 1)),
        (b"\r\n" + SEEDS[1].replace(b" /", b"  /"), Count(1, 1)),
        (b"what\r\n\r\n" + SEEDS[1], Count(0, 0)),
        (SEEDS[0].replace(b": 20", b": 20\t"), Count(1, 1)),
    ],
)
@pytest.mark.parametrize("parser", ["h11", pytest.param("llhttp", marks=NEEDS_NODE)])
def test_a_parser_counts_the_requests_it_finds(
    case: bytes, count: Count, parser: str
) -> None:
    found = count_by_h11(case)
    if parser == "llhttp":
        (found,) = count_by_llhttp("node", [case])  # type: ignore[assignment]

    assert found == count
