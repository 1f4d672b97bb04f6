"""Makes what scipy and scikit-learn write of their own that is no estimator."""

from typing import Any

import numpy as np

from convert.errors import Refusal, Unreadable
from convert.saved.written import Made, Name

FLAGS = (
    *("maxprint", "_has_sorted_indices", "_has_canonical_format"),
    *("has_sorted_indices", "has_canonical_format"),
)
CHECKS = {"dtype", "ensure_all_finite", "force_all_finite"}
"""What gradient boosting sets of `check_array`, which it keeps as a partial."""

Array = np.ndarray[Any, Any]


def compressed(made: Made) -> Any:
    """Make a `csr_matrix`; its products read wherever its indices say.

    Raises
    ------
    Unreadable
        If it is not written as scipy writes a sparse matrix, or its indices are not
        those of its shape.
    """
    from scipy import sparse

    match made:
        case Made(
            arguments=(),
            states=[
                {
                    "_shape": (int(rows), int(columns)),
                    "data": np.ndarray() as data,
                    "indices": np.ndarray() as indices,
                    "indptr": np.ndarray() as starts,
                    **rest,
                }
            ],
        ) if rows >= 0 and columns >= 0 and rest.keys() <= set(FLAGS):
            _check_compressed(rows, columns, data, indices, starts)
            return sparse.csr_matrix((data, indices, starts), (rows, columns))
    raise Unreadable("is not written as scipy writes a sparse matrix")


def _check_compressed(
    rows: int, columns: int, data: Array, indices: Array, starts: Array
) -> None:
    for numbers in (indices, starts):
        if numbers.dtype.kind != "i" or numbers.ndim != 1:
            raise Unreadable("is a sparse matrix whose indices are no whole numbers")
    if data.dtype.kind not in "biuf" or data.shape != indices.shape:
        raise Unreadable("is a sparse matrix that has not one index for each value")
    steps = np.diff(starts)
    if len(starts) != rows + 1 or starts[0] or starts[-1] != len(data):
        raise Unreadable(f"is a sparse matrix of {rows} rows and has not as many")
    if (steps < 0).any() or not _are_below(indices, columns):
        raise Unreadable("is a sparse matrix with indices outside of its shape")


def _are_below(numbers: Array, limit: int) -> bool:
    return not len(numbers) or bool(0 <= numbers.min() <= numbers.max() < limit)


def spline(made: Made) -> Any:
    """Make a `BSpline` by its constructor, which checks knots against coefficients.

    Raises
    ------
    Unreadable
        If it is not written as scipy writes a spline.
    """
    from scipy.interpolate import BSpline

    match made:
        case Made(arguments=(), states=[dict() as state]):
            pass
        case _:
            raise _no_spline()
    match {name.lstrip("_"): value for name, value in state.items()}:  # scipy 1.17 on
        case {
            "t": np.ndarray() as knots,
            "c": np.ndarray() as coefficients,
            "k": int(degree),
            "extrapolate": bool() | "periodic" as extrapolate,
            "axis": 0,
        }:
            return BSpline(knots, coefficients, degree, extrapolate)
    raise _no_spline()


def _no_spline() -> Refusal:
    return Unreadable("is not written as scipy writes a spline")


def bunch(made: Made) -> Any:
    """Make scikit-learn's dict of attributes; its state is for nothing.

    Raises
    ------
    Unreadable
        If it is made with arguments, or a key is no text.
    """
    from sklearn.utils import Bunch

    if made.arguments or any(not isinstance(key, str) for key, _ in made.pairs):
        raise Unreadable("is not written as scikit-learn writes a Bunch")
    found = Bunch.__new__(Bunch)
    for key, value in made.pairs:
        dict.__setitem__(found, key, value)
    return found


def check_array(made: Made) -> Any:
    """Make the one partial that is honest: of gradient boosting's own check.

    Raises
    ------
    Unreadable
        If it calls anything else, or with keywords that are not in `CHECKS`.
    """
    import functools

    from sklearn.utils.validation import check_array as check

    named = Name("sklearn.utils.validation", "check_array")
    match made:
        case Made(
            arguments=(Name() as first,),
            states=[(Name() as second, (), dict() as how, None)],
        ):
            if str(first) == str(second) == str(named) and how.keys() <= CHECKS:
                return functools.partial(check, **how)
    raise Unreadable("is a functools.partial, which calls what it holds")


def triplet(made: Made) -> Any:
    """Make what an IterativeImputer keeps of each round.

    Raises
    ------
    Unreadable
        If it is not written as scikit-learn writes a round of imputing.
    """
    from sklearn.impute._iterative import _ImputerTriplet

    match made.arguments:
        case (int() | np.integer(), np.ndarray(), estimator) if hasattr(
            estimator, "fit"
        ):
            return _ImputerTriplet(*made.arguments)
    raise Unreadable("is not written as scikit-learn writes a round of imputing")


def loss(made: Made) -> Any:
    """Make a compiled loss: its class is called with a number, or with nothing.

    Raises
    ------
    Unreadable
        If its class is no name, or is called with anything but one number or nothing.
    """
    import importlib

    match made:
        case Made(maker=Name(module=module, name=name), arguments=numbers):
            pass
        case _:
            raise _no_loss()
    if len(numbers) > 1 or any(type(number) not in (int, float) for number in numbers):
        raise _no_loss()
    if module == "_loss":  # as scikit-learn 1.4 and 1.5 call it
        module = "sklearn._loss._loss"
    return getattr(importlib.import_module(module), name)(*numbers)


def loss_of_many(made: Made) -> Any:
    """Make a compiled loss that Cython pickles in its own way, with nothing in it.

    Raises
    ------
    Unreadable
        If there is something in it, or the function is not the one of its class.
    """
    match made.arguments:
        case (Name() as cls, int(), () | None):
            if str(made.maker) == f"{cls.module}.__pyx_unpickle_{cls.name}":
                return loss(Made(cls))
    raise _no_loss()


def _no_loss() -> Refusal:
    return Unreadable("is not written as scikit-learn writes a loss")
