"""What is said of a model in words: how good it is, how sure, and within which bounds."""

import math
from collections.abc import Iterable

from server.signature import LARGEST_SAID, Feature, Interval, Provenance, Target

STEADY_ROWS = 100
"""Residuals from which on the scatter of the coverage is 3 % or less."""


def scatter(interval: Interval) -> float:
    """Return by how much the true coverage differs between samples, one deviation.

    With n residuals, and the k-th smallest taken, it is distributed as Beta(k,
    n + 1 − k) (Vovk 2012, https://arxiv.org/abs/1209.2673, proposition 2a).
    """
    n = interval.n_rows
    k = math.ceil((n + 1) * interval.coverage)
    return math.sqrt(k * (n + 1 - k) / (n + 2)) / (n + 1)


def proof(
    provenance: Provenance, beyond: str = "nothing would have been written"
) -> str:
    """Say in one sentence how far the graph is from scikit-learn.

    Parameters
    ----------
    beyond
        What a command does, or did, with a graph that is further away.
    """
    found = provenance.discrepancy
    if found is None:
        return "The graph was not compared with scikit-learn."
    ambiguous = (
        f" {found.n_ambiguous} rows on which scikit-learn itself has no one answer (two "
        "neighbours equally near, two classes equally probable) are not counted."
        if found.n_ambiguous
        else ""
    )
    return (
        f"On {found.n_rows:,} rows of the table and {found.n_edge_rows} made-up edge rows, "
        f"each in a batch and alone, the graph and scikit-learn differ by at most "
        f"{found.largest:.1e}; above {found.tolerance:.0e} {beyond}."
        f"{ambiguous}"
    )


def doubt(provenance: Provenance) -> str:
    """Say that a model is worse than none, where it is; nothing of any other."""
    if not provenance.scores.get("r2_score", 1) < 0:
        return ""
    return (
        "R² is below 0: for these rows their mean would have been a better prediction "
        "than the model's. Look for what the columns lack before you use it."
    )


def say_interval(target: Target) -> str:
    """Say how far off a prediction is, and how sure that is; nothing where not known."""
    interval = target.interval
    if interval is None:
        return ""
    few = (
        f" With so few rows that share itself scatters by ±{scatter(interval):.0%} (one "
        f"standard deviation): give {STEADY_ROWS} or more."
        if interval.n_rows < STEADY_ROWS
        else ""
    )
    said = (
        f"The true {target.name} lies within ±{interval.half_width:.4g}"
        f"{_unit('_error', target.unit)} of the prediction in {interval.coverage:.0%} of "
        "rows"
    )
    if interval.measured_coverage is not None:
        return (
            f"{said}, by cross-validation over the {interval.n_rows:,} rows that were "
            f"fitted; of the {interval.n_measured_rows:,} rows that were held out "
            f"{interval.measured_coverage:.1%} do. That is measured, not guaranteed.{few}"
        )
    return (
        f"{said} like the {interval.n_rows:,} that this was measured on; that holds for "
        f"new rows if the model was not fitted on these.{few}"
    )


def _unit(score: str, unit: str) -> str:
    return f" {unit}" if unit and score.endswith("_error") else ""


def say_range(feature: Feature) -> str:
    """Say of what kind a value is, within which hard bounds, and what was seen."""
    return join(
        [
            join([feature.kind, say_bounds(feature), feature.unit], " "),
            say_seen(feature),
        ],
        "; ",
    )


def say_bounds(of: Feature | Target) -> str:
    bounds = (("from", of.minimum), ("to", of.maximum))
    return " ".join(
        f"{word} {int(one) if float(one).is_integer() else one}"
        for word, one in bounds
        if one is not None and abs(one) < LARGEST_SAID
    )


def say_seen(of: Feature | Target) -> str:
    return "seen {:g} to {:g}".format(*of.observed) if of.observed else ""


def join(parts: Iterable[str], separator: str) -> str:
    """Join the parts that are not empty."""
    return separator.join(part for part in parts if part)
