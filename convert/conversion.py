"""From a fitted pipeline and rows for it to a proved model file, and back."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from convert.errors import Invalid, Unreadable
from convert.export import export
from convert.fitted.oracle import Oracle
from convert.fitted.plain import is_same_label, plain
from convert.fitted.sample import Sample, take_sample
from convert.fitted.structure import fitted_names
from convert.model_file import ModelFile
from convert.proof.comparison import compare_with_pipeline
from convert.proof.replay import open_model
from convert.tables.description import Description, check_names, read_description
from convert.tables.rows import frame_of
from convert.training.intervals import calibrate, observe
from convert.training.scores import score_classification, score_regression
from server.signature import Discrepancy, Interval, Provenance


def to_onnx(
    pipeline: Any,
    X: Any,
    y: Any = None,
    *,
    target: str | Sequence[str] | None = None,
    name: str = "model",
    description: Description | str | Path | None = None,
) -> ModelFile:
    """Turn a fitted pipeline into a model file that was compared with it.

    Parameters
    ----------
    pipeline
        Fitted; a pipeline, an estimator alone, or a search around either.
    X
        Rows that it predicts, best those that it was fitted on: a frame of pandas or
        polars, an array (n_rows, n_columns), or a list of dicts. They give the ranges,
        typical values and categories that the file names.
    y
        What is true of these rows, (n_rows,) or (n_rows, n_targets): it gives scores
        and, for numbers, an interval. Rows that the pipeline was not fitted on give
        honest ones.
    target
        Names of what is predicted; those of `y`, or of columns of X that the pipeline
        does not read.
    name
        Of the model in URLs.
    description
        Titles, units and bounds, or the path of a TOML file with them.

    Raises
    ------
    Invalid
        `y` has another number of columns than targets are named.
    Refusal
        A part of the pipeline has no exact form in ONNX, the graph differs from it on a
        row, or X or y is not of the pipeline.

    Examples
    --------
    >>> model = to_onnx(pipeline, X_train, name="price")  # doctest: +SKIP
    >>> model.save("models/price.onnx")  # doctest: +SKIP
    """
    targets = [target] if isinstance(target, str) else list(target or ())
    sample = take_sample(pipeline, frame_of(X, fitted_names(pipeline)), targets)
    if y is not None:
        truth = _truth(y, len(sample.frame))
        targets = targets or _names_of(y) or _names(Oracle(pipeline), sample.frame)
        if len(targets) != truth.shape[1]:
            raise Invalid(
                f"y has {truth.shape[1]} columns and {len(targets)} targets are named "
                f"({', '.join(targets)}): name each"
            )
        truth.columns = pd.Index(targets)
        sample = replace(sample, others=truth)
    if not isinstance(description, Description):
        description = (
            read_description(Path(description)) if description else Description()
        )
    check_names(description, map(str, sample.frame))
    named = msgspec.structs.replace(description, name=description.name or name)
    return convert(pipeline, sample, targets, named)


def load(path: str | Path) -> ModelFile:
    """Read a model file back, as the server does: its golden rows are replayed.

    Raises
    ------
    Refusal
        It is not a model file, or does not reproduce its golden rows.
    """
    return ModelFile(*open_model(Path(path)))


def verify(model: ModelFile | str | Path, pipeline: Any, X: Any) -> Discrepancy:
    """Compare a model file with the pipeline that it was made from.

    Parameters
    ----------
    X
        Rows as for `to_onnx`; made-up edge rows are compared too.

    Returns
    -------
    How far they are apart, which is no more than the file allows.

    Raises
    ------
    Refusal
        They differ, and on which row; or the pipeline reads other columns.
    """
    read = model if isinstance(model, ModelFile) else load(model)
    sample = take_sample(pipeline, frame_of(X, fitted_names(pipeline)), [])
    where = "the model" if isinstance(model, ModelFile) else str(model)
    return compare_with_pipeline(
        read.content, read.signature, pipeline, sample.frame, where
    )


def _truth(y: Any, n_rows: int) -> pd.DataFrame:
    """Return what is true as a frame, one column a target.

    Raises
    ------
    Unreadable
        If `y` has not as many rows as X.
    """
    if hasattr(y, "to_pandas"):
        y = y.to_pandas()
    truth = pd.DataFrame(
        y if isinstance(y, pd.DataFrame | pd.Series) else np.asarray(y)
    )
    if len(truth) != n_rows:
        raise Unreadable(f"X has {n_rows} rows and y has {len(truth)}: give as many")
    return truth.reset_index(drop=True)


def _names_of(y: Any) -> list[str]:
    """Return the names that the targets have themselves, if they have any."""
    if hasattr(y, "columns"):
        return [str(name) for name in y.columns]
    name = getattr(y, "name", None)
    return [] if name is None else [str(name)]


def convert(
    pipeline: Any, sample: Sample, targets: Sequence[str], description: Description
) -> ModelFile:
    """Export a fitted pipeline with what a sample tells about it."""
    oracle = Oracle(pipeline)
    measured = _measure(oracle, sample, sample.truth(targets))
    provenance = Provenance(
        dataset=sample.path.name if sample.sha256 else "",
        dataset_sha256=sample.sha256,
        n_rows=len(sample.frame),
        n_test_rows=measured.n_rows,
        distributions="the rows of the sample",
        split="the labelled rows of the sample" if measured.scores else "",
        scores=measured.scores,
    )
    return export(
        pipeline,
        sample.frame,
        sample.frame,
        targets or _names(oracle, sample.frame),
        description,
        provenance,
        measured.intervals,
        measured.observed,
        sample.columns,
    )


class _Measured(NamedTuple):
    """What labelled rows tell of a pipeline; intervals and ranges one a target."""

    scores: dict[str, float]
    n_rows: int = 0
    intervals: tuple[Interval | None, ...] = ()
    observed: tuple[tuple[float, float], ...] = ()


def _measure(oracle: Oracle, sample: Sample, truth: pd.DataFrame | None) -> _Measured:
    """Compare predictions with the truth, in the rows that have one."""
    if truth is None:
        return _Measured({})
    rows = truth.notna().all(axis=1).to_numpy()
    taken, answers = oracle.answer_taken(sample.frame[rows])
    if answers is None:
        return _Measured({})
    truth = truth[rows][taken]
    if truth.shape[1] != (1 if oracle.classes else answers.values.shape[1]):
        return _Measured({})  # the export says how many targets there are
    if oracle.classes:
        expected = [plain(value) for value in truth.iloc[:, 0]]
        _check_labels(sample, expected, oracle.classes)
        labels = [oracle.classes[int(index)] for index in answers.values[:, 0]]
        return _Measured(score_classification(expected, labels), len(truth))
    numbers = _numbers(sample, truth)
    scores = score_regression(numbers, answers.values)
    intervals = tuple(map(calibrate, numbers.T, answers.values.T))
    return _Measured(scores, len(truth), intervals, tuple(map(observe, numbers.T)))


def _check_labels(sample: Sample, truth: Sequence[Any], classes: Sequence[Any]) -> None:
    for value in dict.fromkeys(truth):
        if not any(is_same_label(value, label) for label in classes):
            raise Invalid(
                f"the target of {sample.path} holds {value!r}, and the classifier knows "
                f"{', '.join(map(repr, classes[:10]))}: name the column that it predicts "
                "with --target"
            )


def _numbers(sample: Sample, truth: pd.DataFrame) -> "np.ndarray":
    for name in truth:
        if not pd.api.types.is_numeric_dtype(truth[name]):
            raise Invalid(
                f"the target {name!r} of {sample.path} holds {truth[name].iloc[0]!r} and "
                "the pipeline predicts numbers: name the column that it predicts"
            )
        if not np.isfinite(truth[name].to_numpy(float)).all():
            raise Invalid(
                f"the target {name!r} of {sample.path} holds infinity: leave such cells "
                "empty"
            )
    return truth.to_numpy(float)


def _names(oracle: Oracle, frame: pd.DataFrame) -> list[str]:
    """Return names for targets that the user has not named."""
    oracle.learn_targets(frame)
    if oracle.n_targets == 1:
        return ["label" if oracle.classes else "prediction"]
    return [f"prediction_{number}" for number in range(1, oracle.n_targets + 1)]
