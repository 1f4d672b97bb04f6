"""The one way to a model file: describe, lower, prove, and only then write."""

import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from itertools import zip_longest
from typing import Any

import msgspec
import pandas as pd
from onnx import ModelProto, TensorProto

from convert.errors import Differs, Invalid, Refusal, Unsupported
from convert.fitted.distributions import of_predictions
from convert.fitted.features import describe, title_of
from convert.fitted.ignored import ignored_columns
from convert.fitted.oracle import Oracle
from convert.fitted.structure import split
from convert.graph.blocks import add_inputs
from convert.graph.builder import OLDEST_RUNTIME, Graph, Tensor
from convert.lowering.contributions import add_contributions, read_weights
from convert.lowering.estimators import emit
from convert.lowering.fold import Folded, add_folded, fold
from convert.lowering.outputs import Outputs
from convert.lowering.pipeline import lower_pipeline, lower_steps
from convert.model_file import ModelFile, serialized, write_model_file
from convert.proof.discrepancy import Proof
from convert.proof.golden import golden_tolerance, make_golden_rows
from convert.tables.description import Description, TargetDescription
from server import __version__, signature
from server.model import Model, UnservableModel
from server.model_file.contradictions import MODEL_NAME
from server.signature import (
    Discrepancy,
    Distribution,
    Feature,
    Interval,
    Provenance,
    Signature,
    Target,
)

LIBRARIES = ("onnx", "scikit-learn")
"""What wrote the graph and what fitted it. numpy and pandas carry the numbers to them:
with their versions in it, the same table and scikit-learn gave another file on a Python
for which other releases of these two are pinned."""

BOOSTERS = {"catboost", "lightgbm", "xgboost"}

MAX_LOWERED_ROWS = 200
"""Rows that go through scikit-learn at each step of the lowering."""


def export(
    pipeline: Any,
    training: pd.DataFrame,
    table: pd.DataFrame,
    targets: Sequence[str],
    description: Description,
    provenance: Provenance,
    intervals: Sequence[Interval | None] = (),
    observed: Sequence[tuple[float, float]] = (),
    columns: Iterable[str] = (),
) -> ModelFile:
    """Turn a fitted pipeline into a proved model file.

    Parameters
    ----------
    pipeline
        Fitted.
    training
        Rows that the pipeline was fitted on, without the target: they give
        observed ranges, typical values, distributions and the baseline.
    table
        Rows on which the graph must agree with scikit-learn.
    targets
        Names of what is predicted, in the pipeline's order.
    description
        Its `name` is needed; everything else is for people.
    intervals, observed
        Of the target's true values, one a target, where they are known.
    columns
        Names of all that a record of the table has, whether the pipeline reads it or not.

    Raises
    ------
    Refusal
        The pipeline cannot be expressed, or the graph differs from it.
    """
    name, created = _checked_name(description.name), _created()
    oracle = Oracle(pipeline)
    training = training[oracle.learn_targets(training)]
    _check_targets(oracle, targets, description.target, observed)
    features = describe(oracle, training, description)
    model, baseline = _lower(oracle, features, training)
    graph = serialized(model)
    proof = Proof(oracle, graph, features, table)
    discrepancy = _measure(proof)
    golden_rows = make_golden_rows(proof, features, training)
    described = _targets(
        oracle,
        targets,
        description.target,
        baseline,
        intervals,
        observed,
        of_predictions(oracle, training),
    )
    written = Signature(
        protocol=signature.PROTOCOL,
        name=name,
        version=hashlib.sha256(graph).hexdigest()[:12],
        features=features,
        targets=described,
        title=description.title or title_of(description.name),
        description=description.description,
        estimator=type(oracle.estimator).__name__,
        created=created,
        provenance=msgspec.structs.replace(
            provenance, libraries=_libraries(oracle), discrepancy=discrepancy
        ),
        golden_rows=golden_rows,
        golden_tolerance=golden_tolerance(proof, described, golden_rows),
        runtime=OLDEST_RUNTIME,
        ignored=ignored_columns(columns, features),
    )
    return _checked(write_model_file(model, written))


def _checked(content: bytes) -> ModelFile:
    """Refuse to write what the server would refuse to serve.

    Raises
    ------
    Refusal
        If the server finds an unservable model.
    """
    try:
        model = Model.from_content(content)
    except UnservableModel as error:
        raise Refusal(
            f"{error}: nothing was written; change the description or the sample, or "
            "report the pipeline"
        ) from error
    model.close()
    return ModelFile(content, model.signature)


def _measure(proof: Proof) -> Discrepancy:
    try:
        return proof.measure()
    except Differs as error:
        raise Differs(
            f"{error}: nothing was written; please report the pipeline with this row",
            error.row,
        ) from error


def _lower(
    oracle: Oracle, features: tuple[Feature, ...], training: pd.DataFrame
) -> tuple[ModelProto, float | None]:
    """Return the graph, and the average prediction that its contributions add to."""
    graph = Graph()
    folded = _fold(oracle, features, training)
    if folded is not None:
        prediction, contributions = add_folded(graph, folded, features)
        _output(graph, "prediction", prediction, 1)
        _output(graph, "contributions", contributions, len(features))
        return graph.model(), folded.baseline
    columns = add_inputs(graph, features)
    rows = training.head(MAX_LOWERED_ROWS)
    weights = read_weights(oracle, training)
    if weights is not None:
        parts = split(oracle.pipeline)
        estimator, matrix = lower_steps(graph, *parts, columns, rows)
        outputs = emit(graph, estimator, matrix.tensor, matrix.n_columns)
        shares = add_contributions(graph, matrix, weights, len(features))
    else:
        outputs = lower_pipeline(graph, oracle.pipeline, columns, rows)
    _add_outputs(graph, outputs, oracle)
    if weights is None:
        return graph.model(), None
    _output(graph, "contributions", shares, len(features))
    return graph.model(), weights.baseline


def _fold(
    oracle: Oracle, features: tuple[Feature, ...], training: pd.DataFrame
) -> Folded | None:
    steps, _ = split(oracle.pipeline)
    if oracle.classes or not steps or any(f.kind == "text" for f in features):
        return None
    return fold(oracle, features, training)


def _add_outputs(graph: Graph, outputs: Outputs, oracle: Oracle) -> None:
    if not oracle.classes:
        if outputs.prediction is None:
            raise Unsupported(f"{type(oracle.estimator).__name__} predicts no number")
        _output(graph, "prediction", outputs.prediction, oracle.n_targets)
        return
    if outputs.label_index is None:
        raise Unsupported(f"{type(oracle.estimator).__name__} predicts no label")
    graph.output("label_index", outputs.label_index, TensorProto.INT64, ["n_rows", 1])
    if outputs.probabilities is not None and oracle.has_probabilities:
        _output(graph, "probabilities", outputs.probabilities, len(oracle.classes))


def _output(graph: Graph, name: str, tensor: Tensor, n_columns: int) -> None:
    graph.output(name, tensor, TensorProto.DOUBLE, ["n_rows", n_columns])


def _targets(
    oracle: Oracle,
    names: Sequence[str],
    said: TargetDescription,
    baseline: float | None,
    intervals: Sequence[Interval | None],
    observed: Sequence[tuple[float, float]],
    distributions: Sequence[Distribution],
) -> tuple[Target, ...]:
    """Return one target a name; a description is of the only one."""
    return tuple(
        Target(
            name=name,
            kind="classification" if oracle.classes else "regression",
            classes=oracle.classes,
            baseline=baseline,
            interval=interval,
            minimum=said.minimum,
            maximum=said.maximum,
            observed=seen,
            distribution=spread,
            title=said.title or title_of(name),
            unit=said.unit,
            description=said.description,
        )
        for name, interval, seen, spread in zip_longest(
            names, intervals, observed, distributions
        )
    )


def _check_targets(
    oracle: Oracle,
    names: Sequence[str],
    said: TargetDescription,
    observed: Sequence[tuple[float, float]],
) -> None:
    """Refuse names or a description that cannot be of what is predicted.

    Raises
    ------
    Invalid
        If there are more or fewer names than targets, or the description is of one
        target of several, gives labels bounds, or bounds that a row does not keep.
    """
    if len(names) != oracle.n_targets:
        raise Invalid(
            f"the pipeline predicts {oracle.n_targets} targets and {len(names)} are "
            f"named ({', '.join(names)}): name each with --target, in its order"
        )
    if len(names) > 1 and said != TargetDescription():
        raise Invalid(
            f"the description has a [target] and the pipeline predicts {len(names)} "
            f"({', '.join(names)}): remove it, it would be of one only"
        )
    if oracle.classes and (said.minimum, said.maximum) != (None, None):
        raise Invalid(
            "the description gives the target bounds and the pipeline predicts labels: "
            "remove minimum and maximum from its [target]"
        )
    for low, high in observed:
        below = said.minimum is not None and low < said.minimum
        if below or (said.maximum is not None and high > said.maximum):
            raise Invalid(
                f"{names[0]!r} is {low if below else high:g} in a row, "
                f"{'below the minimum' if below else 'above the maximum'} in the "
                "description: correct the rows or the description"
            )


def _libraries(oracle: Oracle) -> dict[str, str]:
    """Return the versions of what shaped the file."""
    versions = {"pinion": __version__}
    versions |= {name: metadata.version(name) for name in LIBRARIES}
    module = type(oracle.estimator).__module__.partition(".")[0]
    if module in BOOSTERS:  # its distribution may be called xgboost-cpu
        versions[module] = sys.modules[module].__version__
    return versions


def _checked_name(name: str) -> str:
    if not MODEL_NAME.fullmatch(name):
        raise Invalid(
            f"the model's name is {name!r}; in URLs it can have letters, digits, _, - "
            "and ., 100 at most: rename the output or give a name in the description"
        )
    return name


def _created() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return ""
    if not epoch.isdecimal():
        raise Invalid(f"SOURCE_DATE_EPOCH is {epoch!r}: it counts seconds since 1970")
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
