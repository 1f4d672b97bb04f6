"""What a comparison found, as it is written to JSON and read back by `train`."""

from pathlib import Path

import msgspec

from convert.compare.choice import Choice
from convert.compare.scores import Estimate
from convert.files import check_input
from convert.groups import GroupError
from convert.refusal import Refusal
from convert.regressors import Parameter

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
    cross_validated: dict[str, Estimate]
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
        """Return the entry of a candidate that took part."""
        (found,) = [entry for entry in self.entries if entry.name == name]
        return found


def write_json(comparison: Comparison) -> bytes:
    return msgspec.json.format(msgspec.json.encode(comparison)) + b"\n"


def read_json(path: Path) -> Comparison:
    """Read what `write_json` wrote.

    Raises
    ------
    Refusal
        It is something else.
    """
    check_input(path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Comparison)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            f"{path} is not what compare --json writes ({error}): make it again"
        ) from None
