"""The one way to a model file: describe, lower, prove, and only then write."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
import pandas as pd
from onnx import ModelProto, TensorProto, helper
from sklearn.pipeline import Pipeline

from convert.describe import describe, humanise
from convert.description import Description, TargetDescription
from convert.discrepancy import measure_discrepancy
from convert.fold import add_folded, fold
from convert.golden import make_golden_rows
from convert.graph import Graph
from convert.refusal import Refusal
from server import signature
from server.signature import Feature, Provenance, Signature, Target

LIBRARIES = ("numpy", "onnx", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Export:
    """A proved model: the bytes of its file, and the signature inside them."""

    content: bytes
    signature: Signature


def export(
    pipeline: Pipeline,
    training: pd.DataFrame,
    table: pd.DataFrame,
    target: str,
    description: Description,
    provenance: Provenance,
) -> Export:
    """Turn a fitted pipeline into a proved model file.

    Parameters
    ----------
    training
        Rows that the pipeline was fitted on, without the target: they give
        observed ranges, typical values and the baseline.
    table
        Rows on which the graph must agree with scikit-learn.
    description
        Its `name` is needed; everything else is for people.

    Raises
    ------
    Refusal
        The pipeline cannot be expressed, or the graph differs from it.
    """
    features = describe(pipeline, training, description)
    model, baseline = _lower(pipeline, features, training)
    graph = _serialized(model)
    discrepancy = measure_discrepancy(pipeline, graph, features, table)
    written = Signature(
        protocol=signature.PROTOCOL,
        name=_checked_name(description.name),
        version=hashlib.sha256(graph).hexdigest()[:12],
        features=features,
        targets=(_target(target, description.target, baseline),),
        title=description.title or humanise(description.name),
        description=description.description,
        estimator=type(pipeline[-1]).__name__,
        created=_created(),
        provenance=msgspec.structs.replace(
            provenance, libraries=_versions(), discrepancy=discrepancy
        ),
        golden_rows=make_golden_rows(pipeline, features, training),
        golden_tolerance=discrepancy.tolerance,
    )
    helper.set_model_props(model, {signature.METADATA_KEY: signature.write(written)})
    return Export(_serialized(model), written)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or, if one cannot be written, none."""
    temporary = {
        path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents
    }
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(content)
        for path in contents:
            os.replace(temporary[path], path)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def _lower(
    pipeline: Pipeline, features: tuple[Feature, ...], training: pd.DataFrame
) -> tuple[ModelProto, float]:
    folded = fold(pipeline, features, training)
    if folded is None:
        raise Refusal(
            f"{type(pipeline[-1]).__name__} behind this preprocessor is not a sum of "
            "one effect a column: only such linear models can be exported so far"
        )
    graph = Graph()
    prediction, contributions = add_folded(graph, folded, features)
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
    graph.output(
        "contributions", contributions, TensorProto.DOUBLE, ["n_rows", len(features)]
    )
    return graph.model(), folded.baseline


def _target(name: str, said: TargetDescription, baseline: float) -> Target:
    return Target(
        name=name,
        baseline=baseline,
        title=said.title or humanise(name),
        unit=said.unit,
        description=said.description,
    )


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in LIBRARIES}


def _serialized(model: ModelProto) -> bytes:
    return bytes(model.SerializeToString(deterministic=True))


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise Refusal(
            f"the model's name is {name!r}; in URLs it can have letters, digits, _, - "
            "and . only: rename the output or give a name in the description"
        )
    return name


def _created() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return ""
    if not epoch.isdecimal():
        raise Refusal(f"SOURCE_DATE_EPOCH is {epoch!r}: it counts seconds since 1970")
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
