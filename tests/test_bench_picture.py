from pathlib import Path

import pytest

from bench.errors import Refusal
from bench.figures.picture import draw_percentiles
from bench.load.generator import make_histogram


def make_run(*latencies_ms: int) -> dict[str, object]:
    histogram = make_histogram()
    for latency_ms in latencies_ms:
        histogram.record_value(latency_ms * 1_000_000)
    return {
        "url": "http://localhost:8080",
        "date": "2026-11-21",
        "rate": None,
        "connections": 16,
        "histogram_ns": histogram.encode().decode(),
    }


@pytest.mark.parametrize("latencies_ms", [[1], [1, 1, 1], range(1, 10_000)])
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_few_and_many_latencies_make_a_curve(
    latencies_ms: list[int], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"curve{suffix}"

    draw_percentiles([make_run(*latencies_ms), make_run(2, 3)], path)

    beginning = {".svg": b"<?xml", ".png": b"\x89PNG"}[suffix]
    assert path.read_bytes().startswith(beginning)


def test_a_run_without_an_answer_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no request was answered"):
        draw_percentiles([make_run()], tmp_path / "curve.svg")
