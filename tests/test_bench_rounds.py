from collections.abc import Callable
from pathlib import Path

from bench.figures.rounds import Figures, run_rounds, spread, text_spread, write_json

SPREAD = {"median": 2.0, "min": 1.0, "max": 9.0, "values": [9.0, 1.0, 2.0]}


def test_rounds_are_interleaved_and_the_first_is_thrown_away() -> None:
    order = []
    values = iter([100.0, 100.0, 9.0, 1.0, 1.0, 1.0, 2.0, 1.0])

    def subject(name: str) -> Callable[[], Figures]:
        def measure_once() -> Figures:
            order.append(name)
            return {"ready_ms": next(values)}

        return measure_once

    figures = run_rounds({"a": subject("a"), "b": subject("b")}, 3)

    assert order == ["a", "b"] * 4
    assert figures["a"] == {"ready_ms": SPREAD}
    assert figures["b"]["ready_ms"]["values"] == [1.0, 1.0, 1.0]


def test_a_spread_is_shown_as_its_median_and_range() -> None:
    assert spread([9.0, 1.0, 2.0]) == SPREAD
    assert text_spread(SPREAD) == "2.0 (1.0–9.0)"


def test_a_result_replaces_the_last_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "results" / "startup.json"

    write_json(path, {"label": "µs"})
    write_json(path, {"label": "ms"})

    assert path.read_text() == '{\n  "label": "ms"\n}\n'
    assert list(path.parent.iterdir()) == [path]
