"""Asks scikit-learn: what a fitted pipeline says of rows, and whether it takes them."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from convert.errors import Unreadable, Unsupported, listed
from convert.fitted.overrides import refuse_overrides
from convert.fitted.plain import plain
from convert.fitted.probe import REJECTIONS
from convert.fitted.structure import fitted_names, reads_texts, split
from convert.libraries import library_errors
from server.signature import Value

Floats = npt.NDArray[np.float64]


N_NAMED = 4
"""Classes in one sentence."""


class Rejected(ValueError):
    """The pipeline raised on a row; the message is its own."""


class Answers(NamedTuple):
    """What scikit-learn or the graph says of some rows.

    Parameters
    ----------
    values
        Shape (n_rows, n_targets): predictions, or positions in the classes.
    probabilities
        Shape (n_rows, n_classes); None where there are none.
    """

    values: Floats
    probabilities: Floats | None = None

    def rows(self, chosen: Any) -> "Answers":
        probabilities = self.probabilities
        return Answers(
            self.values[chosen],
            None if probabilities is None else probabilities[chosen],
        )


class Oracle:
    """A fitted pipeline that is asked in frames, however it was fitted itself.

    Raises
    ------
    Refusal
        A part of the pipeline predicts in a way of its own.

    Attributes
    ----------
    classes
        Labels of a classifier, in its order; empty for a regressor.
    takes_texts
        Whether it was fitted on a list of texts.
    selects_by_name
        Whether the order of a frame's columns means nothing to the pipeline.
    """

    def __init__(self, pipeline: Any) -> None:
        refuse_overrides(pipeline)
        self.pipeline = pipeline
        steps, self.estimator = split(pipeline)
        self._is_frame = fitted_names(pipeline) is not None
        self.takes_texts = not self._is_frame and any(
            reads_texts(step) for _, step in steps[:1]
        )
        self.selects_by_name = _selects_by_name(steps)
        self.classes = _classes(pipeline)
        self._labels = {label: index for index, label in enumerate(self.classes)}
        self.has_probabilities = bool(self.classes) and _can(pipeline, "predict_proba")

    def learn_targets(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Find out how many targets a row has; return which rows the pipeline takes.

        Raises
        ------
        Unreadable
            The pipeline takes none of the rows.
        Unsupported
            It predicts a label that is none of its classes.
        """
        taken, answers = self.answer_taken(frame)
        if answers is None:
            raise Unreadable(
                "scikit-learn refuses every row of the sample: give rows that the "
                "pipeline can predict"
            )
        self.n_targets = answers.values.shape[1]
        return taken

    def answer(self, frame: pd.DataFrame) -> Answers:
        """Return predictions for all rows, without scikit-learn's warnings.

        Raises
        ------
        Rejected
            The pipeline does not take one of the rows.
        Unsupported
            It answers other rows than it was asked, or a label that is no class of it.
        """
        rows = self.as_fitted(frame)
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            try:
                found = np.asarray(self.pipeline.predict(rows))
                shares = (
                    np.asarray(self.pipeline.predict_proba(rows), float)
                    if self.has_probabilities
                    else None
                )
            except rejections() as error:
                raise Rejected(str(error)) from error
        self._check_lengths(len(frame), found, shares)
        if self.classes:
            labels = [self._place(label) for label in np.ravel(found)]
            return Answers(np.array(labels, float).reshape(len(frame), 1), shares)
        return Answers(found.astype(float).reshape(len(frame), -1))

    def _check_lengths(
        self, n_rows: int, found: "npt.NDArray[Any]", shares: Floats | None
    ) -> None:
        """Refuse a pipeline whose answers are not one a row.

        Raises
        ------
        Unsupported
            If there are more or fewer, or nothing in each.
        """
        is_whole = found.shape[:1] == (n_rows,) and found.size > 0
        if self.classes:
            is_whole = found.size == n_rows
        if not is_whole or (shares is not None and shares.shape[:1] != (n_rows,)):
            raise Unsupported(
                f"{type(self.estimator).__name__} answers {n_rows} rows with an array of "
                f"shape {found.shape}: its fitted state is not one that fitting leaves"
            )

    def _place(self, label: object) -> int:
        """Return where a label is in the classes.

        Raises
        ------
        Unsupported
            If it is none of them.
        """
        try:
            return self._labels[plain(label)]
        except KeyError:
            raise Unsupported(
                f"{type(self.estimator).__name__} predicts {plain(label)!r}, which is none of its "
                f"classes ({listed([*map(repr, self.classes)], N_NAMED)}), as with an "
                "objective of its own: fit it with an objective of its library"
            ) from None

    def answer_taken(self, frame: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], Any]:
        """Return which rows the pipeline takes, and its answers for these.

        The answers are None where it takes no row at all.
        """
        try:
            return np.full(len(frame), True), self.answer(frame)
        except Rejected:
            if len(frame) == 1:
                return np.array([False]), None
        middle = len(frame) // 2
        halves = [
            self.answer_taken(frame[:middle]),
            self.answer_taken(frame[middle:]),
        ]
        taken = np.concatenate([taken for taken, _ in halves])
        return taken, _joined([found for _, found in halves if found is not None])

    def as_fitted(self, frame: pd.DataFrame) -> Any:
        """Return a frame as the pipeline was fitted: an array, or a list of texts."""
        if self.takes_texts and frame.shape[1] == 1:
            return frame.iloc[:, 0]
        return frame if self._is_frame else frame.to_numpy()

    def transform(self, frame: pd.DataFrame) -> Floats:
        """Return what the last step is given, shape (n_rows, n_outputs)."""
        steps, _ = split(self.pipeline)
        outputs: Any = (
            Pipeline(steps).transform(self.as_fitted(frame)) if steps else frame
        )
        return np.asarray(
            outputs.toarray() if hasattr(outputs, "toarray") else outputs, float
        )


def _selects_by_name(steps: list[tuple[str, Any]]) -> bool:
    if not steps or type(steps[0][1]) is not ColumnTransformer:
        return False
    chosen = [columns for _, _, columns in steps[0][1].transformers_]
    return all(
        isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        for columns in chosen
    )


def _joined(parts: list[Answers]) -> Answers | None:
    if not parts:
        return None
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    return Answers(
        np.concatenate([part.values for part in parts]),
        np.concatenate(shares) if shares else None,
    )


def _classes(pipeline: Any) -> tuple[Value, ...]:
    classes = getattr(pipeline, "classes_", None)
    if classes is None:
        return ()
    if isinstance(classes, list) or np.ndim(classes) != 1:
        raise Unsupported(
            f"{type(split(pipeline)[1]).__name__} predicts several labels a row: fit "
            "and export one classifier for each label"
        )
    return tuple(plain(label) for label in classes)


def _can(estimator: Any, method: str) -> bool:
    """Whether the estimator has the method now: some have it by their parameters."""
    return callable(getattr(estimator, method, None))


def rejections() -> tuple[type[BaseException], ...]:
    """Return what scikit-learn raises on a row, and the boosting libraries."""
    return (*REJECTIONS, *library_errors())
