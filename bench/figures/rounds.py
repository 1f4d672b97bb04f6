"""Interleaved rounds: what disturbs the machine disturbs every subject alike."""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

Figures = Mapping[str, float]
Subjects = Mapping[str, Callable[[], Figures]]
"""By name, what measures it once, in a fresh program."""

Spread = dict[str, Any]
"""`median`, `min`, `max` and the `values` of all rounds."""


def run_rounds(
    subjects: Subjects, n_rounds: int, n_discarded: int = 1
) -> dict[str, dict[str, Spread]]:
    """Measure each subject once a round; return the spread of each figure.

    Rounds that are discarded come first: they compile byte code and fill the file
    cache.
    """
    values: dict[str, dict[str, list[float]]] = {
        name: defaultdict(list) for name in subjects
    }
    for number in range(1 - n_discarded, n_rounds + 1):
        for name, measure_once in subjects.items():
            round_ = f"round {number} of {n_rounds}" if number > 0 else "warm-up"
            show(f"{round_}: {name}")
            figures = measure_once()
            for figure, value in figures.items() if number > 0 else ():
                values[name][figure].append(value)
    return {
        name: {figure: spread(each) for figure, each in figures.items()}
        for name, figures in values.items()
    }


def spread(values: list[float]) -> Spread:
    return {
        "median": round(median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "values": [round(value, 3) for value in values],
    }


def text_spread(spread: Spread) -> str:
    """Return the median with the smallest and largest round."""
    return f"{spread['median']:.1f} ({spread['min']:.1f}–{spread['max']:.1f})"


def show(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text)
    os.replace(unfinished, path)
