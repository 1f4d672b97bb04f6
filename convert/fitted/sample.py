"""Reads the sample that a pipeline is exported with, and keeps what the pipeline reads."""

import hashlib
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from convert.errors import Refusal, Unreadable, listed, suggest
from convert.fitted.columns import encoded_columns
from convert.fitted.oracle import Oracle, Rejected, rejections
from convert.fitted.structure import fitted_columns, fitted_names, members_of, split
from convert.inputs import PARQUET, check_input
from convert.tables.parquet import Parquet, read_parquet, refuse_column
from convert.tables.table import check_name, read_table, rename_columns

MAX_ASKED_ROWS = 20
"""Rows that the pipeline predicts to find out which columns it reads."""

MAX_CONFIRMING_ROWS = 1000
"""That it predicts, from all over the sample, before a column counts as not read."""


@dataclass(frozen=True)
class Sample:
    """Rows that a pipeline takes.

    Parameters
    ----------
    frame
        The columns that the pipeline reads, in the order that it was fitted on.
    others
        The columns that it was not fitted on.
    sha256
        Of the file's bytes, 64 hexadecimal digits; empty for rows in memory.
    columns
        Names of all columns that the table had; of those that were left out only what
        the pipeline was not fitted on, because it might read the others.
    """

    path: Path
    frame: pd.DataFrame
    others: pd.DataFrame
    sha256: str
    columns: tuple[str, ...]

    def truth(self, targets: Sequence[str]) -> pd.DataFrame | None:
        """Return the columns of the targets; None where the sample has no others.

        Raises
        ------
        Refusal
            It has others, and one of these is not among them.
        """
        names = [str(name) for name in self.others]
        if not targets or not names:
            return None
        for target in targets:
            check_name(self.path, target, names)
        return self.others[list(targets)]


def read_sample(
    path: Path,
    pipeline: Any,
    targets: Sequence[str],
    *,
    encoding: str = "utf-8",
    missing: Iterable[str] = (),
    rename: Sequence[str] = (),
    drop: Iterable[str] = (),
) -> Sample:
    """Read a CSV or Parquet file, and take from it what belongs to a pipeline.

    Parameters
    ----------
    targets
        Names of what is predicted: no columns that the pipeline reads.

    Raises
    ------
    Unreadable
        It cannot be read, lacks a column, or its rows are not those of the pipeline.
    Unsupported
        A part of the pipeline predicts in a way of its own.
    """
    read = partial(
        read_table,
        path,
        encoding=encoding,
        missing=missing,
        rename=rename,
        drop=drop,
    )
    is_parquet = path.suffix.lower() in PARQUET
    table, unknown = (
        _read_parquet(path, rename, drop) if is_parquet else (read().frame, {})
    )
    names = fitted_names(pipeline) or _positions(path, pipeline, table, targets)
    for target in targets:
        if target in names:
            raise Unreadable(
                f"the target {target!r} is a column that the pipeline reads: name what "
                "it predicts"
            )
    known = [name for name in names if name in table and name not in unknown]
    texts = _numbers_for_texts(pipeline, table[known])
    if texts and is_parquet:
        raise Unreadable(
            f"column {texts[0]!r} of {path} holds numbers and the pipeline was fitted on "
            "texts there: write them as texts"
        )
    if not is_parquet and (texts := [*texts, *_labels(pipeline, table, targets)]):
        table = read(categories=texts).frame
    asked = table.drop(columns=[name for name in unknown if name in table])
    frame = _readable(path, Oracle(pipeline), asked, names, unknown)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    others = table[[name for name in table if name not in names]]
    left_out = [name for name in drop if name not in names]
    return Sample(path, frame, others, sha256, (*map(str, table), *left_out))


def take_sample(pipeline: Any, table: pd.DataFrame, targets: Sequence[str]) -> Sample:
    """Take from rows in memory what belongs to a pipeline.

    Parameters
    ----------
    table
        Its columns have texts for names.

    Raises
    ------
    Unreadable
        It lacks a column, or its rows are not those of the pipeline.
    Unsupported
        A part of the pipeline predicts in a way of its own.
    """
    path = Path("X")
    if table.empty:
        raise Unreadable("X has no row: give a few that the pipeline can predict")
    names = fitted_names(pipeline) or _positions(path, pipeline, table, targets)
    frame = _readable(path, Oracle(pipeline), table, names, {})
    others = table[[name for name in table if name not in names]]
    return Sample(path, frame, others, "", tuple(map(str, table)))


def _read_parquet(path: Path, rename: Sequence[str], drop: Iterable[str]) -> Parquet:
    check_input(path)
    frame, unknown = read_parquet(path)
    names = rename_columns(path, list(frame.columns), rename)
    renamed = dict(zip(frame.columns, names, strict=True))
    frame.columns = pd.Index(names)
    for name in drop:
        check_name(path, name, names)
    unknown = {renamed[name]: kind for name, kind in unknown.items()}
    return Parquet(frame.drop(columns=list(drop)), unknown)


def _numbers_for_texts(pipeline: Any, frame: pd.DataFrame) -> list[str]:
    """Return the columns of numbers for which the encoders know only texts.

    A CSV file does not say that a post code is a name.
    """
    return [
        name
        for name, categories in encoded_columns(pipeline, frame).items()
        if name in frame  # an encoder's own column may be absent
        and pd.api.types.is_numeric_dtype(frame[name])
        and categories
        and all(isinstance(category, str) for category in categories)
    ]


def _labels(pipeline: Any, table: pd.DataFrame, targets: Sequence[str]) -> list[str]:
    """Return the targets with numbers in them whose classes are texts, such as 01."""
    classes = np.ravel(getattr(pipeline, "classes_", ()))
    if not len(classes) or not all(isinstance(each, str) for each in classes):
        return []
    return [
        name
        for name in targets
        if name in table and pd.api.types.is_numeric_dtype(table[name])
    ]


def _positions(
    path: Path, pipeline: Any, table: pd.DataFrame, targets: Sequence[str]
) -> list[str]:
    """Return the columns for a pipeline that was fitted on an array, by position.

    Raises
    ------
    Unreadable
        If there are more or fewer columns, beside the targets, than the array had.
    """
    names = [str(name) for name in table if name not in targets]
    steps, estimator = split(pipeline)
    first = steps[0][1] if steps else estimator
    n_columns = fitted_columns(first)
    if n_columns is None and Oracle(pipeline).takes_texts:
        n_columns = 1
    if n_columns is not None and n_columns != len(names):
        raise Unreadable(
            f"the pipeline was fitted on an array of {n_columns} columns and {path} has "
            f"{len(names)}, {listed(map(repr, names))}: leave the others out, and name "
            "the target with --target"
        )
    return names


def _readable(
    path: Path,
    oracle: Oracle,
    table: pd.DataFrame,
    names: Sequence[str],
    unknown: Mapping[str, str],
) -> pd.DataFrame:
    """Return the columns that the pipeline cannot do without.

    Raises
    ------
    Unreadable
        If the pipeline takes none of the first `MAX_ASKED_ROWS` rows: for want of a
        column, or for the reason that it says itself.
    """
    absent = [name for name in names if name not in table]
    frame = table[[name for name in names if name in table]]
    answers = _answers(oracle, frame.head(MAX_ASKED_ROWS))
    if isinstance(answers, str):
        for absent_name in absent:
            if absent_name in unknown:
                raise refuse_column(absent_name, unknown[absent_name])
        if absent:
            first, *more = map(repr, absent)
            nor = f" (nor {listed(more)})" if more else ""
            raise Unreadable(
                f"{path} has no column {first}{nor}, which the pipeline was fitted on: "
                f"{suggest(absent[0], map(str, table))}"
            )
        if _fault_on_zeros(oracle.pipeline) == answers:
            raise _refuse_estimator(oracle.pipeline, answers)
        raise Unreadable(
            f"the pipeline takes no row of {path} ({answers}): give it columns of the "
            "kind that were fitted (a Parquet file keeps their dtypes)"
        )
    for name in list(frame):
        without = frame.drop(columns=name)
        if _fits(oracle, without) and all(
            _answers_alike(oracle, frame.iloc[rows], without.iloc[rows])
            for rows in (
                slice(MAX_ASKED_ROWS),  # most columns show here that they are read
                slice(None, None, len(frame) // MAX_CONFIRMING_ROWS + 1),
            )
        ):
            frame = without
    return frame


def _answers_alike(oracle: Oracle, frame: pd.DataFrame, without: pd.DataFrame) -> bool:
    """Whether the pipeline predicts the same without a column, and predicts at all."""
    answers = _answers(oracle, without)
    if isinstance(answers, str):
        return False
    return np.array_equal(answers, _answers(oracle, frame), equal_nan=True)


def _fault_on_zeros(pipeline: Any) -> str:
    """Return what the estimator raises on a row of zeros, where that is a defect of it.

    An estimator that another version of its library wrote may take no row at all.
    """
    _, estimator = split(pipeline)
    n_columns = fitted_columns(estimator)
    if n_columns is None:
        return ""
    with warnings.catch_warnings(action="ignore"):
        try:
            estimator.predict(np.zeros((1, n_columns)))
        except (AttributeError, TypeError) as error:
            return " ".join(str(error).split())
        except rejections():
            return ""  # of these numbers, perhaps
    return ""


def _refuse_estimator(pipeline: Any, said: str) -> Refusal:
    _, estimator = split(pipeline)
    kind, library = type(estimator).__name__, type(estimator).__module__.split(".")[0]
    here = f"{library} {getattr(sys.modules[library], '__version__', '')}".strip()
    return Unreadable(
        f"{kind} takes no row at all beside {here} ({said}), and was perhaps fitted with "
        f"another version: install the {library} that saved it here, or fit the pipeline "
        f"again with {here}"
    )


def _fits(oracle: Oracle, frame: pd.DataFrame) -> bool:
    """Whether the estimator would be given as many columns as it was fitted on.

    LightGBM writes to the standard error itself where they are fewer.
    """
    steps, estimator = split(oracle.pipeline)
    if type(estimator) is TransformedTargetRegressor and not steps:
        return _fits(Oracle(estimator.regressor_), frame)
    n_columns = getattr(estimator, "n_features_in_", None)
    if not n_columns or members_of(estimator):
        return True  # it may read some of them only
    if not steps:
        return bool(frame.shape[1] == n_columns)
    rows = oracle.as_fitted(frame.head(MAX_ASKED_ROWS))
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        try:
            given = Pipeline(steps).transform(rows)
        except rejections():
            return True  # perhaps one row only: each is asked
    return bool(np.shape(given)[1:] == (n_columns,))


def _answers(oracle: Oracle, rows: pd.DataFrame) -> Any:
    """Return what the pipeline predicts for these rows, or why it does not."""
    if rows.shape[1] == 0:
        return "it has none of the columns"
    taken, answers = oracle.answer_taken(rows)
    if answers is not None:
        return np.concatenate([taken[:, None], answers.values], axis=None)
    try:
        oracle.answer(rows.head(1))
    except Rejected as error:
        return " ".join(str(error).split())
    return "it refuses each of them"
