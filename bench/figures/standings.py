"""The contest's result as a Markdown table and as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.subjects.program import PSS

CONNECTIONS = (1, 16, 64)
SINGLE = {
    "cpu_us_16": "CPU per request, µs",
    "predictions_per_credit_16": "predictions per CPU credit",
    "ready_ms": "start to first answer, ms",
    "pss_mib": "PSS, MiB",
    "private_mib": "private, MiB",
}
"""Columns of one figure, as median (smallest–largest round)."""

TRIPLE = {
    "requests_per_second": "requests/s",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
}
"""Columns of medians at 1, 16 and 64 connections."""

PANELS = ("cpu_us_16", "pss_mib", "ready_ms")

Result = Mapping[str, Any]


def rank(result: Result) -> list[str]:
    """Return the contenders, the cheapest request first, those that serve none last."""

    def cost(name: str) -> float:
        cpu_us = result["figures"][name].get("cpu_us_16")
        return float(cpu_us["median"]) if cpu_us else float("inf")

    return sorted(result["figures"], key=cost)


def tabulate_standings(result: Result) -> str:
    """Return a Markdown table and a sentence on what is measured."""
    titles = [
        "",
        *SINGLE.values(),
        *(f"{title} at {_joined(CONNECTIONS)}" for title in TRIPLE.values()),
    ]
    rows = [_row(titles), "|---" + "|---:" * (len(titles) - 1) + "|"]
    for name in rank(result):
        figures = result["figures"][name]
        rows.append(
            _row(
                [
                    result["labels"][name],
                    *(_spread(figures.get(column)) for column in SINGLE),
                    *(_medians(figures, column) for column in TRIPLE),
                ]
            )
        )
    return "\n".join([*rows, "", f"{PSS}."])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _joined(values: Any) -> str:
    return " / ".join(str(value) for value in values)


def _spread(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return ""
    low, high = _number(figure["min"]), _number(figure["max"])
    return f"{_number(figure['median'])} ({low}–{high})"


def _medians(figures: Mapping[str, Mapping[str, float]], column: str) -> str:
    names = [f"{column}_{connections}" for connections in CONNECTIONS]
    if names[0] not in figures:
        return ""
    return _joined(_number(figures[name]["median"]) for name in names)


def _number(value: float) -> str:
    """Return three digits: more than the spread allows would be noise."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def draw_standings(result: Result, path: Path) -> None:
    """Draw a bar a contender for its costs, on logarithmic axes."""
    names = rank(result)[::-1]
    labels = [result["labels"][name] for name in names]
    figure = Figure(figsize=(11, 1 + 0.35 * len(names)), layout="constrained")
    panels: Any = figure.subplots(1, len(PANELS), sharey=True)
    for axes, column in zip(panels, PANELS, strict=True):
        spreads = [result["figures"][name].get(column) for name in names]
        medians = [spread["median"] if spread else 0 for spread in spreads]
        colors = ["#1b7f5c" if name == "pinion" else "#9aa5b1" for name in names]
        bars = axes.barh(labels, medians, color=colors)
        axes.bar_label(bars, [_number(m) if m else "" for m in medians], padding=2)
        axes.set_xscale("log")
        axes.set_xlim(min(filter(None, medians)) / 2, max(medians) * 4)
        axes.set_title(f"{SINGLE[column]} (log scale)", fontsize=10)
        axes.xaxis.set_visible(False)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    figure.savefig(path)
