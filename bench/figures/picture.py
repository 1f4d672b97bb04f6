"""Pictures of results: the percentile curve of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from bench.errors import Refusal
from bench.figures.outcome import Outcome

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise Refusal(
        "a picture needs matplotlib: pip install -r requirements-dev.txt"
    ) from error

TICKS = (0, 50, 90, 99, 99.9, 99.99, 99.999)


def draw_percentiles(runs: Sequence[Outcome], path: Path) -> None:
    """Draw latency over percentile, each further nine as wide as the last."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes: Any = figure.subplots()
    for run in runs:
        percentiles, latencies_ms = _curve(run)
        axes.plot(
            [1 / (1 - percentile / 100) for percentile in percentiles],
            latencies_ms,
            drawstyle="steps-post",
            label=_label(run),
        )
    axes.set_xscale("log")
    axes.set_xticks(
        [1 / (1 - tick / 100) for tick in TICKS], map("{:g} %".format, TICKS)
    )
    axes.minorticks_off()
    axes.set_xlim(1, max(line.get_xdata()[-1] for line in axes.lines))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of requests at least as fast")
    axes.set_ylabel("latency, ms")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper left", frameon=False)
    figure.savefig(path, dpi=150)


def _curve(run: Outcome) -> tuple[list[float], list[float]]:
    latency = HdrHistogram.decode(run["histogram_ns"])
    n_requests = latency.get_total_count()
    if not n_requests:
        raise Refusal("no request was answered, so there is no curve to draw")
    last = 100 - 50 / n_requests  # 100 % itself would lie infinitely far to the right
    steps = [
        (min(item.percentile, last), item.value_iterated_to / 1e6)
        for item in latency.get_recorded_iterator()
    ]
    return [step[0] for step in steps], [step[1] for step in steps]


def _label(run: Outcome) -> str:
    loop = "closed loop" if run["rate"] is None else f"{run['rate']:g} requests/s due"
    return f"{run['url']} on {run['date']}: {loop}, {run['connections']} connections"
