"""What is counted, in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from server import __version__
from server.metrics.counters import Counters, Tally
from server.metrics.drift import Categories, Column, Numbers
from server.metrics.histogram import Histogram
from server.metrics.process import process_metrics
from server.metrics.seen import Seen

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One line; `end` is what its name has behind that of its family."""

    labels: Labels
    value: float
    end: str = ""


class Family(NamedTuple):
    """The lines of one name."""

    name: str
    kind: str
    sentence: str
    samples: Sequence[Sample]


def exposition(counters: Counters, gauges: Mapping[str, tuple[float, str]]) -> bytes:
    """Return all that is counted.

    Parameters
    ----------
    gauges
        By name: what is known elsewhere, and what it is in a sentence.
    """
    for seen in counters.seen.values():
        seen.count()
    for tally in counters.tallies.values():
        tally.count()
    lines: list[str] = []
    for family in _families(counters, gauges):
        lines.append(f"# HELP {family.name} {family.sentence}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += (_line(family.name, sample) for sample in family.samples)
    return "\n".join([*lines, ""]).encode()


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(
        f'{label}="{value.translate(ESCAPES)}"'
        for label, value in sample.labels.items()
    )
    value = sample.value
    shown = repr(int(value)) if value == int(value) else repr(value)
    return f"{name}{sample.end}{{{labels}}} {shown}".replace("{}", "", 1)


def _families(
    counters: Counters, gauges: Mapping[str, tuple[float, str]]
) -> Iterator[Family]:
    yield Family(
        "pinion_info",
        "gauge",
        "The version of the server.",
        [Sample({"version": __version__}, 1)],
    )
    yield from _of_requests(counters)
    for name, (value, sentence) in gauges.items():
        yield Family(name, "gauge", sentence, [Sample({}, value)])
    yield from _of_models([*counters.seen.values()])
    for name, kind, value in process_metrics():
        yield Family(name, kind, "Of the process.", [Sample({}, value)])


def _of_requests(counters: Counters) -> Iterator[Family]:
    tallies = [
        ({"path": path, "model": model}, tally)
        for (path, model), tally in counters.tallies.items()
    ]
    yield Family(
        "pinion_requests_total",
        "counter",
        "Requests that were answered, by route, model and status; 499 had left.",
        [sample for labels, tally in tallies for sample in _statuses(labels, tally)],
    )
    yield Family(
        "pinion_request_duration_seconds",
        "histogram",
        "From the head of a request to its answer.",
        [
            sample
            for labels, tally in tallies
            for sample in _buckets(labels, tally.latencies)
        ],
    )
    yield Family(
        "pinion_rejected_total",
        "counter",
        "Requests that were refused, by the problem.",
        [
            Sample({"reason": slug}, n)
            for slug, n in sorted(counters.n_rejected.items())
        ],
    )
    yield Family(
        "pinion_requests_in_flight",
        "gauge",
        "Requests that are being answered, this one included.",
        [Sample({}, counters.n_in_flight)],
    )


def _of_models(models: Sequence[Seen]) -> Iterator[Family]:
    named = [
        ({"model": it.signature.name, "version": it.signature.version}, it)
        for it in models
    ]
    yield Family(
        "pinion_model_info",
        "gauge",
        "The models that are served.",
        [
            Sample({**labels, "estimator": it.signature.estimator}, 1)
            for labels, it in named
        ],
    )
    yield Family(
        "pinion_rows_total",
        "counter",
        "Rows that were predicted.",
        [Sample(labels, it.n_rows) for labels, it in named],
    )
    yield Family(
        "pinion_batch_rows",
        "histogram",
        "Rows that shared a run of the model.",
        [s for labels, it in named for s in _buckets(labels, it.batches)],
    )
    yield Family(
        "pinion_run_seconds_total",
        "counter",
        "What the runs of the model took.",
        [Sample(labels, it.run_seconds) for labels, it in named],
    )
    yield from _of_drift(named)


def _of_drift(named: Sequence[tuple[Labels, Seen]]) -> Iterator[Family]:
    drifts = [(labels, it.signature, it.drift) for labels, it in named if it.drift]
    yield Family(
        "pinion_drift_rows_total",
        "counter",
        "Rows that the counts of features and predictions stand for.",
        [Sample(labels, drift.n_rows) for labels, _, drift in drifts],
    )
    yield Family(
        "pinion_drift_window_rows",
        "gauge",
        "Rows that the stability indices stand for.",
        [Sample(labels, drift.n_window_rows) for labels, _, drift in drifts],
    )
    yield from _of_features(
        [
            ({**labels, "feature": feature.name}, column)
            for labels, signature, drift in drifts
            for feature, column in zip(signature.features, drift.features, strict=True)
        ]
    )
    yield from _of_predictions(
        [
            ({**labels, "target": target.name}, column)
            for labels, signature, drift in drifts
            for target, column in zip(signature.targets, drift.targets, strict=True)
        ]
    )


def _of_features(features: Sequence[tuple[Labels, Column]]) -> Iterator[Family]:
    yield Family(
        "pinion_feature_missing_total",
        "counter",
        "Rows without a value.",
        [Sample(labels, column.n_missing) for labels, column in features],
    )
    yield Family(
        "pinion_feature_unknown_total",
        "counter",
        "Rows with a category that training had not.",
        [
            Sample(labels, column.n_unknown)
            for labels, column in features
            if isinstance(column, Categories)
        ],
    )
    yield Family(
        "pinion_feature_outside_total",
        "counter",
        "Rows with a number outside of what training had.",
        [*_outside(features)],
    )
    yield Family(
        "pinion_feature_psi",
        "gauge",
        "Population stability index of a feature against training.",
        [*_indices(features)],
    )


def _of_predictions(targets: Sequence[tuple[Labels, Column]]) -> Iterator[Family]:
    yield Family(
        "pinion_prediction_outside_total",
        "counter",
        "Predictions outside of the true values that training had.",
        [*_outside(targets)],
    )
    yield Family(
        "pinion_prediction_psi",
        "gauge",
        "Population stability index of the predictions against those for training.",
        [*_indices(targets)],
    )


def _statuses(labels: Labels, tally: Tally) -> Iterator[Sample]:
    for status, n in sorted(tally.n_of_status.items()):
        yield Sample({**labels, "status": str(status)}, n)


def _buckets(labels: Labels, histogram: Histogram) -> Iterator[Sample]:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    up_to = list(accumulate(histogram.counts))
    for bound, n in zip(bounds, up_to, strict=True):
        yield Sample({**labels, "le": bound}, n, "_bucket")
    yield Sample(labels, histogram.total, "_sum")
    yield Sample(labels, up_to[-1], "_count")


def _outside(columns: Sequence[tuple[Labels, Column]]) -> Iterator[Sample]:
    for labels, column in columns:
        if isinstance(column, Numbers) and column.observed:
            yield Sample(labels, column.n_outside)


def _indices(columns: Sequence[tuple[Labels, Column]]) -> Iterator[Sample]:
    for labels, column in columns:
        index = column.stability_index()
        if index is not None:
            yield Sample(labels, index)
