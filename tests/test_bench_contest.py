import sys
from pathlib import Path

import pytest

from bench.load.requests import make_bodies
from bench.measurements.contest import Contest, choose
from bench.subjects.answer import KnownRequest
from bench.subjects.contender import Contender, read_contenders
from bench.subjects.program import choose_cores
from tests.standin import SIGNATURE

MEMORY = ["pss_mib", "private_mib", "resident_mib"]


def make_contest() -> Contest:
    # within a second it computes longer than a tick of 10 ms, beside whatever else
    arena = Contest(Path("none.onnx"), Path("none.pkl"), choose_cores()[0], seconds=1.0)
    arena.question = KnownRequest.take(SIGNATURE)
    arena.bodies = make_bodies(SIGNATURE, n_rows=1)
    return arena


def make_contender(behaviour: str = "") -> Contender:
    command = ["env", f"STANDIN={behaviour}", sys.executable, "-m", "uvicorn"]
    command += ["tests.standin:app", "--port={port}", "--no-access-log"]
    return Contender("standin", "Stand-in", (), tuple(command))


def test_a_server_is_measured_at_each_number_of_connections() -> None:
    figures = make_contest().measure(make_contender())

    assert list(figures) == [
        "ready_ms",
        *(
            f"{name}_{connections}"
            for connections in (1, 16, 64)
            for name in (
                "requests_per_second",
                "p50_ms",
                "p99_ms",
                "cpu_us",
                "predictions_per_credit",
            )
        ),
        *MEMORY,
    ]
    assert all(value > 0 for value in figures.values())
    assert figures["predictions_per_credit_16"] * figures["cpu_us_16"] == (
        pytest.approx(60e6)
    )


def test_a_program_that_serves_nothing_has_a_start_and_memory_only() -> None:
    code = "import sys; print('ready', flush=True); sys.stdin.read()"
    contender = Contender("bare", "Bare", (), (sys.executable, "-c", code))

    figures = make_contest().measure(contender)

    assert list(figures) == ["ready_ms", *MEMORY]


def test_a_contender_with_errors_has_no_figures_and_a_reason() -> None:
    arena = make_contest()

    figures = arena.enter(make_contender("fail"))

    assert figures == {}
    assert list(arena.failures) == ["standin"]
    assert arena.failures["standin"].startswith(
        "standin failed at a concurrency of 1: {'HTTP 503'"
    )


def test_a_contender_that_serves_the_pipeline_needs_the_table() -> None:
    arena = make_contest()
    entrants = read_contenders(["flask_pickle", "fastapi_sklearn"])

    contenders = choose(arena, entrants, has_pipeline=False)

    sentence = "it serves scikit-learn and needs the table: give --table"
    assert contenders == []
    assert arena.failures == {"flask_pickle": sentence, "fastapi_sklearn": sentence}
