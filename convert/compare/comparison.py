"""What a comparison found, as it is written to JSON and read back by `train`."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import msgspec

from convert.compare.choice import Choice
from convert.errors import Invalid, Unreadable
from convert.inputs import check_input
from convert.training.estimates import FoldMean
from convert.training.groups import GroupError
from convert.training.regressors import CANDIDATES, Parameter

PROTOCOL = 1
"""Raised when a field changes its meaning or is taken away."""


class Conversion(msgspec.Struct, frozen=True):
    """A candidate as one ONNX file, proved and run.

    Parameters
    ----------
    latency_us
        Of one prediction for one row, within the process that serves: median
        of the quietest spell.
    discrepancy, tolerance
        Largest difference from scikit-learn, and above which it is refused.
    """

    n_bytes: int
    latency_us: float
    discrepancy: float
    tolerance: float


class Entry(msgspec.Struct, frozen=True):
    """One candidate, with the parameters that were best.

    Parameters
    ----------
    cross_validated
        By scikit-learn's names of the scores, over the folds of the training part.
    test
        The same scores on the rows that were held out, by a model fitted on the
        whole training part.
    predictions
        On the rows that were held out, in the order of `Comparison.actual`.
    conversion
        None if the model cannot be exported; `refusal` says why.
    """

    name: str
    title: str
    parameters: dict[str, Parameter]
    n_trials: int
    fit_seconds: float
    cross_validated: dict[str, FoldMean]
    test: dict[str, float]
    predictions: tuple[float, ...]
    conversion: Conversion | None = None
    refusal: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """A whole comparison.

    Parameters
    ----------
    actual
        The target in the rows that were held out.
    groups
        Errors of the choice, on training rows that its models had not seen.
    seconds
        That the run took.
    """

    table: str
    table_sha256: str
    target: str
    unit: str
    seed: int
    test_size: float
    n_train_rows: int
    n_test_rows: int
    n_folds: int
    n_repeats: int
    dropped: tuple[str, ...]
    seconds: float
    libraries: dict[str, str]
    entries: tuple[Entry, ...]
    choice: Choice
    actual: tuple[float, ...]
    groups: tuple[GroupError, ...]
    renamed: tuple[str, ...] = ()
    protocol: int = PROTOCOL

    def entry(self, name: str) -> Entry:
        """Return the entry of a candidate.

        Raises
        ------
        Invalid
            It did not take part.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise Invalid(
            f"{name!r} did not take part in the comparison: name one of "
            f"{', '.join(entry.name for entry in self.entries)}, or compare again"
        )


def write_json(comparison: Comparison) -> bytes:
    return msgspec.json.format(msgspec.json.encode(comparison)) + b"\n"


class _Envelope(msgspec.Struct):
    protocol: int


def read_json(path: Path) -> Comparison:
    """Read what `write_json` wrote.

    Raises
    ------
    Unreadable
        It is something else, a newer Pinion wrote it, or its parts do not go together.
    """
    check_input(path)
    content = path.read_bytes()
    try:
        protocol = msgspec.json.decode(content, type=_Envelope).protocol
        if protocol != PROTOCOL:
            raise Unreadable(
                f"{path} has protocol {protocol} and this Pinion reads {PROTOCOL}: "
                "compare again"
            )
        comparison = msgspec.json.decode(content, type=Comparison)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            f"{path} is not what compare --json writes ({error}): make it again"
        ) from None
    if found := next(_contradictions(comparison), ""):
        raise Unreadable(
            f"{path} was changed since compare --json wrote it ({found}): make it again"
        )
    return comparison


def _contradictions(comparison: Comparison) -> Iterator[str]:
    names = [entry.name for entry in comparison.entries]
    for name in (comparison.choice.name, comparison.choice.best):
        if names.count(name) != 1:
            yield f"it chose {name!r}, which is {names.count(name)} of its entries"
    for entry in comparison.entries:
        if entry.name not in CANDIDATES:
            yield f"it has an entry {entry.name!r}, which is no regressor of compare"
            return
        if unknown := sorted(entry.parameters.keys() - _parameters(entry.name)):
            yield f"{entry.name!r} has a parameter {unknown[0]!r}"
        if len(entry.predictions) != len(comparison.actual):
            yield (
                f"{entry.name!r} has {len(entry.predictions)} predictions for "
                f"{len(comparison.actual)} rows"
            )


def _parameters(name: str) -> set[str]:
    """Return what a candidate can be told; CatBoost lists only what it was."""
    regressor = CANDIDATES[name].make(0)
    named = inspect.signature(type(regressor)).parameters
    return {*regressor.get_params(), *named, "scale_categories"}
