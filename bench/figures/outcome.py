"""What a run of the load generator says: JSON, a table, and its own limits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from bench.errors import Refusal
from bench.load.generator import Load, Measurement

Outcome = Mapping[str, Any]
"""The JSON of one run."""

PERCENTILES = (50, 90, 99, 99.9)
BUSY_SHARE = 0.9
CROWDED_SHARE = 0.1
LATE_MS = 1.0


def summarize(load: Load, measurement: Measurement) -> dict[str, Any]:
    """Return what was sent and what came back as JSON values, latencies in ms."""
    client = measurement.client
    return {
        "url": str(load.address),
        "loop": "closed" if load.rate is None else "open",
        "connections": load.connections,
        "rate": load.rate,
        "duration_s": round(measurement.elapsed_s, 3),
        "warm_up_s": load.warm_up_s,
        "timeout_s": load.timeout_s,
        "is_interrupted": measurement.is_interrupted,
        "n_requests": measurement.n_sent,
        "requests_per_second": round(measurement.requests_per_second, 1),
        "latency_ms": summarize_latency(measurement.latency),
        "n_errors": measurement.n_errors,
        "errors": dict(sorted(measurement.errors.items())),
        "client": {
            "cpu_share": round(client.cpu_share, 3),
            "waiting_share": round(client.waiting_share, 3),
            "late_ms_p99": read_ms(measurement.lateness, 99),
            "n_waited_for_connection": measurement.n_waited,
        },
        "limits": find_limits(load, measurement),
        "histogram_ns": measurement.latency.encode().decode(),
    }


def summarize_latency(latency: HdrHistogram) -> dict[str, float | None]:
    """Return percentiles in milliseconds, or None where nothing was recorded."""
    if not latency.get_total_count():
        return {name_percentile(p): None for p in (*PERCENTILES, 100)}
    return {name_percentile(p): read_ms(latency, p) for p in (*PERCENTILES, 100)}


def name_percentile(percentile: float) -> str:
    return "max" if percentile == 100 else f"p{percentile:g}"


def read_ms(latency: HdrHistogram, percentile: float) -> float:
    """Return a percentile in milliseconds."""
    latency_ns: int = latency.get_value_at_percentile(percentile)
    return round(latency_ns / 1e6, 4)


def find_limits(load: Load, measurement: Measurement) -> list[str]:
    """Return sentences on where the client, not the server, made the figures."""
    limits = []
    client = measurement.client
    if measurement.is_interrupted:
        limits.append(
            f"interrupted after {measurement.elapsed_s:.1f} of {load.duration_s:g} s"
        )
    if client.cpu_share >= BUSY_SHARE:
        limits.append(
            f"the client computed for {client.cpu_share:.0%} of the time and is the "
            "bottleneck: the server can do more than these figures say"
        )
    if client.waiting_share >= CROWDED_SHARE:
        limits.append(
            f"the client waited for a core for {client.waiting_share:.0%} of the time, "
            "and the latencies contain that: give it a core of its own (taskset), on a "
            "machine that does nothing else"
        )
    late_ms = read_ms(measurement.lateness, 99)
    if late_ms > LATE_MS:
        limits.append(
            f"1 % of the requests left more than {late_ms:.1f} ms late although a "
            "connection was free: the client is the bottleneck, so lower --rate or "
            "give it a core of its own (taskset)"
        )
    if measurement.n_waited > 0.01 * measurement.n_sent:
        share = measurement.n_waited / measurement.n_sent
        limits.append(
            f"{share:.0%} of the requests waited for a free connection: the server is "
            f"slower than {load.rate:g} requests a second or stalled, or "
            f"{load.connections} connections are too few"
        )
    return limits


def tabulate(outcome: Outcome) -> str:
    """Return one run as text."""
    rate = outcome["rate"]
    lines = [
        f"{outcome['url']}  {outcome['model']} {outcome['model_version']}",
        f"{_say_loop(rate)}, {_count(outcome['connections'], 'connection')}, "
        f"{outcome['duration_s']:g} s, "
        f"{_count(outcome['rows_per_request'], 'row')} a request",
        "",
        f"requests/s  {outcome['requests_per_second']:>16,.0f}",
        *(
            f"{name:<10}  {_text_ms(value):>16}"
            for name, value in outcome["latency_ms"].items()
        ),
        f"errors      {outcome['n_errors']:>16,}{_text_errors(outcome['errors'])}",
    ]
    if outcome["limits"]:
        lines += ["", *(f"note: {limit}" for limit in outcome["limits"])]
    return "\n".join(lines)


def _say_loop(rate: float | None) -> str:
    if rate is None:
        return "closed loop (asks again when answered)"
    return f"open loop at {rate:g} requests/s (asks whether answered or not)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text_ms(value: float | None) -> str:
    return "none" if value is None else f"{value:,.3f} ms"


def _text_errors(errors: Mapping[str, int]) -> str:
    if not errors:
        return ""
    return "  (" + ", ".join(f"{kind}: {n:,}" for kind, n in errors.items()) + ")"


def read(path: Path) -> Outcome:
    """Return the run that `--json` wrote to `path`.

    Raises
    ------
    Refusal
        If it cannot be read as JSON, or is no run of the bench.
    """
    try:
        outcome: Outcome = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Refusal(f"{path} cannot be read as a run's JSON: {error}") from error
    if not isinstance(outcome, dict) or "histogram_ns" not in outcome:
        raise Refusal(
            f"{path} is no run of the bench: write one with "
            "python -m bench URL --json > FILE"
        )
    return outcome


def compare(before: Outcome, after: Outcome) -> dict[str, dict[str, Any]]:
    """Return each figure of both runs, and after / before."""
    figures = {}
    for name in ("requests_per_second", "n_errors"):
        figures[name] = _compare_figure(before[name], after[name])
    for name in before["latency_ms"]:
        figures[f"{name}_ms"] = _compare_figure(
            before["latency_ms"][name], after["latency_ms"].get(name)
        )
    return figures


def _compare_figure(before: float | None, after: float | None) -> dict[str, Any]:
    ratio = round(after / before, 3) if before and after is not None else None
    return {"before": before, "after": after, "ratio": ratio}


def tabulate_change(change: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what `compare` found as text."""
    lines = [f"{'':<20}{'before':>14}{'after':>14}{'after/before':>14}"]
    for name, figures in change.items():
        cells = "".join(f"{_text_figure(value):>14}" for value in figures.values())
        lines.append(f"{name:<20}{cells}")
    return "\n".join(lines)


def _text_figure(value: float | None) -> str:
    return "none" if value is None else f"{value:,g}"
