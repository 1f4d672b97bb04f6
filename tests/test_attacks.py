"""The attacks of `python -m bench attack`, small."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.measurements import attack


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
