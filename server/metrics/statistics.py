"""What is counted, in the shape of Triton's statistics extension.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from server.metrics.counters import Counters, Tally
from server.metrics.seen import Seen
from server.problems import UnknownModel


def statistics(
    counters: Counters, name: str | None = None, version: str | None = None
) -> bytes:
    """Return the document of a model, or of all where none is named, JSON.

    Raises
    ------
    UnknownModel
    """
    asked = [
        seen
        for model, seen in counters.seen.items()
        if name in (None, model) and version in (None, seen.signature.version)
    ]
    if not asked:
        found = ", ".join(
            f"{model} {seen.signature.version}" for model, seen in counters.seen.items()
        )
        wanted = f"{name!r}" + (f" of version {version!r}" if version else "")
        raise UnknownModel(f"There is no model {wanted}; the models are: {found}.")
    documents = [_statistics(seen, _tallies(counters, seen)) for seen in asked]
    return msgspec.json.encode({"model_stats": documents})


def _tallies(counters: Counters, seen: Seen) -> list[Tally]:
    name = seen.signature.name
    return [it for (_, model), it in counters.tallies.items() if model == name]


def _statistics(seen: Seen, tallies: Sequence[Tally]) -> dict[str, Any]:
    """Return what there is of one model.

    What is measured is the whole of a request and the run: all else of a request is
    its queue, where it waits, is read and is written.
    """
    seen.count()
    for tally in tallies:
        tally.count()
    n_runs = sum(seen.batches.counts)
    n_successes = sum(it.n_successes for it in tallies)
    failed_seconds = sum(it.failed_seconds for it in tallies)
    seconds = sum(it.latencies.total for it in tallies) - failed_seconds
    nothing = _duration(0, 0)
    return {
        "name": seen.signature.name,
        "version": seen.signature.version,
        "last_inference": int(seen.last * 1000),
        "inference_count": seen.n_rows,
        "execution_count": n_runs,
        "inference_stats": {
            "success": _duration(n_successes, seconds),
            "fail": _duration(sum(it.n_failures for it in tallies), failed_seconds),
            "queue": _duration(n_successes, max(0.0, seconds - seen.run_seconds)),
            "compute_input": _duration(n_successes, 0),
            "compute_infer": _duration(n_runs, seen.run_seconds),
            "compute_output": _duration(n_successes, 0),
            "cache_hit": nothing,
            "cache_miss": nothing,
        },
        "batch_stats": [],
    }


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
