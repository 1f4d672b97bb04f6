"""Says what in a signature cannot be true, whoever wrote it.

The types of its fields are checked when it is read; this is the rest of what the
server acts upon. The converter asks too, before it writes.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from server.signature import (
    MAX_IGNORED_BYTES,
    MAX_IGNORED_NAMES,
    MISSING_TEXT,
    Discrepancy,
    Distribution,
    Feature,
    GoldenRow,
    Interval,
    Provenance,
    Signature,
    Target,
    Value,
    is_boolean,
    is_text,
    show,
)

MODEL_NAME = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]{1,100}")
"""Of a path's segment in a URL, where dots alone stand for other paths."""

MAX_TOLERANCE_SHARE = 0.02
"""Largest tolerance, as a share of the largest prediction that it is for: a deployed
model with coefficients of 1e14 needs 0.016. Beyond it a wrong graph could hide."""

_RUNTIME = re.compile(r"\d{1,3}\.\d{1,3}")
_VERSION = re.compile(r"[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}|")
_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|")


def contradictions(signature: Signature) -> Iterator[str]:
    """Yield a sentence for each thing that cannot be true."""
    if not MODEL_NAME.fullmatch(signature.name):
        yield (
            f"the model's name is {signature.name!r}; in URLs it can have letters, "
            "digits, _, - and ., 100 at most"
        )
    if not _VERSION.fullmatch(signature.version):
        yield f"the version is {signature.version!r}, not 12 hexadecimal digits"
    if not _CREATED.fullmatch(signature.created):
        yield f"it was created {signature.created!r}, which is no date in UTC"
    if not _RUNTIME.fullmatch(signature.runtime):
        yield f"the onnxruntime that it needs is {signature.runtime!r}, not as 1.21"
    yield from _of_features(signature.features)
    yield from _of_ignored(signature)
    yield from _of_targets(signature.targets)
    yield from _of_provenance(signature.provenance)
    if signature.targets:
        yield from _of_golden_rows(signature)


def largest_tolerance(
    targets: Sequence[Target], golden_rows: Iterable[GoldenRow]
) -> float:
    """Return the largest tolerance that still proves something by these rows."""
    if targets[0].kind == "classification":
        return MAX_TOLERANCE_SHARE  # of a probability
    sizes = (abs(value) for row in golden_rows for value in row.predictions)  # type: ignore[arg-type]
    return MAX_TOLERANCE_SHARE * max(sizes, default=0.0)


def _of_features(features: Sequence[Feature]) -> Iterator[str]:
    if not features:
        yield "there is no feature"
    yield from _repeated("features", [feature.name for feature in features])
    yield from _repeated("inputs", [feature.input for feature in features])
    for feature in features:
        for contradiction in _of_feature(feature):
            yield f"feature {feature.name!r}: {contradiction}"


def _of_ignored(signature: Signature) -> Iterator[str]:
    ignored = signature.ignored
    if len(ignored) > MAX_IGNORED_NAMES:
        yield f"it ignores {len(ignored)} columns, and {MAX_IGNORED_NAMES} at most"
        return
    n_bytes = sum(len(name.encode()) for name in ignored)
    if n_bytes > MAX_IGNORED_BYTES:
        yield f"the columns that it ignores have names of {n_bytes} bytes together"
    yield from _repeated("ignored columns", ignored)
    for feature in signature.features:
        if feature.name in ignored:
            yield f"it reads {feature.name!r}, and ignores it"


def _of_feature(feature: Feature) -> Iterator[str]:
    yield from _of_categories(feature)
    is_number = feature.kind in ("number", "integer")
    if feature.observed and not is_number:
        yield f"it has an observed range and is a {feature.kind}"
    yield from _of_ranges(feature)
    if feature.distribution is not None:
        known = feature.categories or (False, True) * (feature.kind == "boolean")
        yield from _of_distribution(feature.distribution, known, is_number)
    for word in ("imputed", "typical"):
        value: Value | None = getattr(feature, word)
        if value is not None and not _fits(feature, value):
            yield f"its {word} value {value!r} is not a {_kind(feature)}"


def _of_ranges(of: Feature | Target) -> Iterator[str]:
    observed = of.observed or (None, None)
    bounds = (of.minimum, of.maximum)
    for word, (low, high) in (("range", bounds), ("observed range", observed)):
        if not all(bound is None or _is_finite(bound) for bound in (low, high)):
            yield f"its {word} is not finite"
        elif low is not None and high is not None and low > high:
            yield f"its {word} goes from {show(low)} down to {show(high)}"


def _of_distribution(
    spread: Distribution, known: Sequence[Value], is_number: bool
) -> Iterator[str]:
    n_bins = len(spread.values or known) if known else len(spread.edges) + 1
    if len(spread.counts) != n_bins:
        yield f"its distribution has {len(spread.counts)} counts for {n_bins} bins"
    if min(spread.n_missing, *spread.counts, 0) < 0:
        yield "a count of its distribution is below zero"
    n_other = spread.n_rows - spread.n_missing - sum(spread.counts)
    if n_other < 0 or (n_other and not known):
        yield f"its distribution is of {spread.n_rows} rows, and counts others"
    if spread.edges and not is_number:
        yield "its distribution has edges, and it is no number"
    if not all(map(_is_finite, spread.edges)) or any(
        low >= high for low, high in pairwise(spread.edges)
    ):
        yield "the edges of its distribution do not ascend"
    yield from _repeated("counted values", spread.values)
    if not set(spread.values) <= set(known):
        yield "its distribution counts a value that it does not have"


def _of_categories(feature: Feature) -> Iterator[str]:
    categories = feature.categories
    if feature.kind == "category" and not categories:
        yield "it is a category and has none"
    if feature.kind in ("number", "integer", "text") and categories:
        yield f"it has categories and is a {feature.kind}"
    yield from _repeated("categories", categories)
    if MISSING_TEXT in categories:
        yield "a category is U+FDD0, which stands for a missing value"
    for category in categories:
        if not _fits(feature, category):
            yield f"its category {category!r} is not a {_kind(feature)} as others are"


def _of_targets(targets: Sequence[Target]) -> Iterator[str]:
    if not targets:
        yield "there is no target"
    yield from _repeated("targets", [target.name for target in targets])
    if len(targets) > 1 and any(t.kind == "classification" for t in targets):
        yield "there are several targets, which only a regression can have"
    for target in targets:
        for contradiction in _of_target(target):
            yield f"target {target.name!r}: {contradiction}"


def _of_target(target: Target) -> Iterator[str]:
    if (target.kind == "classification") != bool(target.classes):
        yield f"it is a {target.kind} with {len(target.classes)} classes"
    # as they are the names of the probabilities in an answer
    yield from _repeated("classes", [_name(label) for label in target.classes])
    if target.baseline is not None and not _is_finite(target.baseline):
        yield f"its baseline is {target.baseline}"
    yield from _of_ranges(target)
    if target.distribution is not None:
        is_number = target.kind == "regression"
        yield from _of_distribution(target.distribution, target.classes, is_number)
    known = (target.minimum, target.maximum, target.observed, target.interval)
    if target.kind == "classification" and any(each is not None for each in known):
        yield "it has labels, and a range or an interval as numbers have"
    if target.interval is not None:
        yield from _of_interval(target.interval)


def _of_interval(interval: Interval) -> Iterator[str]:
    if not (_is_finite(interval.half_width) and interval.half_width >= 0):
        yield f"the half width of its interval is {interval.half_width}"
    if not 0 < interval.coverage < 1:
        yield f"its interval covers a share of {interval.coverage}"
    if interval.n_rows < 1:
        yield f"its interval was measured on {interval.n_rows} rows"
    share, n_rows = interval.measured_coverage, interval.n_measured_rows
    if n_rows < 0 or (share is None) != (n_rows == 0):
        yield f"a measured coverage of {share} is of {n_rows} rows"
    if share is not None and not 0 <= share <= 1:
        yield f"its measured coverage is {share}"


def _of_provenance(provenance: Provenance) -> Iterator[str]:
    if not _SHA256.fullmatch(provenance.dataset_sha256):
        yield "the dataset's SHA-256 is not 64 hexadecimal digits"
    for name in ("n_rows", "n_train_rows", "n_test_rows"):
        if getattr(provenance, name) < 0:
            yield f"its {name} is {getattr(provenance, name)}"
    for name, score in provenance.scores.items():
        if not _is_finite(score):
            yield f"its {name} is {score}"
    if provenance.discrepancy is not None:
        yield from _of_discrepancy(provenance.discrepancy)


def _of_discrepancy(discrepancy: Discrepancy) -> Iterator[str]:
    for name in discrepancy.__struct_fields__:
        number: float = getattr(discrepancy, name)
        if not (_is_finite(number) and number >= 0):
            yield f"the {name} of its discrepancy is {number}"


def _of_golden_rows(signature: Signature) -> Iterator[str]:
    targets, golden_rows = signature.targets, signature.golden_rows
    if not golden_rows:
        yield "there are no golden rows, so nothing proves it"
    features = {feature.name: feature for feature in signature.features}
    for number, golden in enumerate(golden_rows, 1):
        found = (*_of_row(golden.row, features), *_of_predictions(golden, targets))
        yield from (f"golden row {number}: {contradiction}" for contradiction in found)
        if found:
            return
    tolerance = signature.golden_tolerance
    limit = largest_tolerance(targets, golden_rows)
    if not 0 <= tolerance <= limit:
        yield (
            f"the tolerance of its golden rows is {tolerance:.3g}, and they prove "
            f"something from 0 to {limit:.3g}"
        )


def _of_row(
    row: dict[str, Value | None], features: dict[str, Feature]
) -> Iterator[str]:
    for name in row.keys() - features.keys():
        yield f"there is no feature {name!r}"
    for name, feature in features.items():
        value = row.get(name)
        if value is None:
            if feature.required:
                yield f"{name!r} is missing and required"
        elif not _fits(feature, value):
            yield f"{name!r} is {value!r}, not a {_kind(feature)}"


def _of_predictions(golden: GoldenRow, targets: Sequence[Target]) -> Iterator[str]:
    predictions, n_classes = golden.predictions, len(targets[0].classes)
    if len(predictions) != len(targets):
        yield f"{len(predictions)} predictions for {len(targets)} targets"
    for value in predictions:
        if n_classes and value not in targets[0].classes:
            yield f"its prediction {value!r} is not one of the classes"
        if not n_classes and not _is_number(value):
            yield f"its prediction {value!r} is not a number"
    if golden.probabilities and len(golden.probabilities) != n_classes:
        yield f"{len(golden.probabilities)} probabilities for {n_classes} classes"
    for share in golden.probabilities:
        if not -MAX_TOLERANCE_SHARE <= share <= 1 + MAX_TOLERANCE_SHARE:
            yield f"{share} is no probability"


def _repeated(word: str, values: Sequence[Any]) -> Iterator[str]:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            yield f"two of its {word} are {value!r}"
            return
        seen.add(value)


def _fits(feature: Feature, value: Value) -> bool:
    if is_text(feature):
        return isinstance(value, str) and value != MISSING_TEXT
    return isinstance(value, bool) if is_boolean(feature) else _is_number(value)


def _kind(feature: Feature) -> str:
    if is_text(feature):
        return "text"
    return "boolean" if is_boolean(feature) else "number"


def _name(label: Value) -> str:
    return label if isinstance(label, str) else show(label)


def _is_number(value: Value) -> bool:
    return (
        isinstance(value, int | float) and type(value) is not bool and _is_finite(value)
    )


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond a double
        return False
