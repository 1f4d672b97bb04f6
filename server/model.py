"""One model file: its session, its signature, and the one way to predict."""

import math
import re
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from server.batch import Column, mark_of_missing
from server.model_file.content import (
    ANOTHER_FILE,
    EVERYBODY,
    MAX_BYTES,
    Admission,
    NotModelFile,
    read_content,
    read_signature,
)
from server.runtime.library import NoLibrary, version
from server.runtime.session import RuntimeFault, RunTooLong, Session, Tensor
from server.runtime.watchdog import SETTING, WATCHDOG
from server.signature import (
    Feature,
    GoldenRow,
    Signature,
    UntrustedOrigin,
    Value,
    is_text,
)

REMEDY = "export it again with python -m convert"

NO_MEMORY = "there is too little memory for it; give the process more"

NEWER_ONNX = re.compile(
    r"Unsupported model IR version: \d+|Opset \d+ is under development"
)
"""What onnxruntime says of a format that came after it."""

N_TIMED_RUNS = 5
MAX_TIMED_SECONDS = 0.05
"""How often and how long a single row is timed at the start, whichever ends first."""

MAX_PADDED_CHARACTERS = 500_000
"""Rows of one run times the longest of their texts. A model of text pads each row to as
many words as the longest has: 1,000 rows of which one has 40 kB took 640 MB."""


class UnservableModel(ValueError):
    """The file is not a model that this server can serve; the message says why."""


class OutOfReach(UnservableModel):
    """The system does not give the file, or the memory for it; later it may."""


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a model file of at most `max_bytes`.

    Raises
    ------
    UnservableModel
        If it is missing, cannot be read, is too large or another kind of file.
    """
    try:
        return read_content(path, max_bytes)
    except NotModelFile as error:
        raise UnservableModel(f"{error}; {error.remedy}") from error
    except OSError as error:
        remedy = ANOTHER_FILE
        if isinstance(error, PermissionError):
            remedy = "let everybody read it"
        raise OutOfReach(f"{error.strerror}; {remedy}") from error


class Model:
    """A loaded model.

    Parameters
    ----------
    session
        Of the graph; the model owns it from now on.
    signature
        What the graph's file says of itself.

    Attributes
    ----------
    run_ms
        Wall time of the fastest single row once the graph is warm, in milliseconds.
    """

    def __init__(self, session: Session, signature: Signature) -> None:
        self.session = session
        self.signature = signature
        self.run_ms = 0.0
        self.output_names = tuple(port.name for port in session.outputs)
        self._classifies = signature.targets[0].kind == "classification"
        main: tuple[str, ...] = ("prediction",)
        if self._classifies:
            main = ("label_index", *self._present("probabilities"))
        self._main_outputs = main
        kinds = [feature.kind for feature in signature.features]
        self._texts = [place for place, kind in enumerate(kinds) if kind == "text"]

    @classmethod
    def load(cls, path: Path, admission: Admission = EVERYBODY) -> "Model":
        """Return the model in the file `path`, after its golden rows were replayed.

        Raises
        ------
        UnservableModel
            The file is missing or damaged, has no readable signature, or does not
            reproduce its golden rows.
        """
        try:
            content = read_file(path, admission.max_bytes)
            return cls.from_content(content, str(path), admission.trusted_keys)
        except UnservableModel as error:
            raise type(error)(f"{path}: {error}") from error
        except MemoryError as error:
            raise OutOfReach(f"{path}: {NO_MEMORY}") from error

    @classmethod
    def from_content(
        cls,
        content: bytes,
        named: str = "a model",
        trusted_keys: frozenset[bytes] | None = None,
    ) -> "Model":
        """Return the model in the bytes of a file, after the same proof.

        Parameters
        ----------
        named
            What it is called where something takes too long.
        trusted_keys
            Public keys, of which one must have signed the file; None asks for no owner.

        Raises
        ------
        UnservableModel
        NoLibrary
        """
        try:
            signature = read_signature(content, trusted_keys)
        except UntrustedOrigin as error:
            raise UnservableModel(str(error)) from error
        except ValueError as error:
            raise UnservableModel(f"{error}; {REMEDY}") from error
        try:
            return cls._proven(content, signature, named)
        except RunTooLong as error:
            raise UnservableModel(
                f"its golden rows take longer than {WATCHDOG.seconds} s; serve a "
                f"smaller model, or choose more with {SETTING}"
            ) from error
        except (RuntimeFault, ValueError) as error:
            if "bad_alloc" in str(error):
                raise OutOfReach(NO_MEMORY) from error
            if (found := version()) and _is_older(found, signature.runtime):
                raise UnservableModel(
                    f"this file needs onnxruntime {signature.runtime} or newer, found "
                    f"{found}: install requirements-inference.txt"
                ) from error
            if isinstance(error, NoLibrary):
                raise
            if newer := NEWER_ONNX.search(str(error)):
                raise UnservableModel(
                    f"onnxruntime {found} is older than this file ({newer[0]}): install a "
                    "newer one"
                ) from error
            sentence = " ".join(
                str(error).split()
            )  # the runtime says more than one line
            raise UnservableModel(f"{sentence}; {REMEDY}") from error

    @classmethod
    def _proven(cls, content: bytes, signature: Signature, named: str) -> "Model":
        session = Session(content, named)
        try:
            _check_inputs(session, signature)
            _check_outputs(session, signature)
            model = cls(session, signature)
            model._replay()
            model._measure()
        except BaseException:
            session.close()
            raise
        return model

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str] = ()
    ) -> list[Tensor]:
        """Run the graph once.

        Parameters
        ----------
        columns
            One a feature, in signature order, each with `n_rows` values: strings
            where `is_text`, numbers elsewhere; missing values already marked.
        extra_outputs
            Wanted behind the main ones, which are (prediction) for regression and
            (label_index, probabilities where there are any) for classification.

        Raises
        ------
        RuntimeFault
            If the session refuses to run, or an output has another number of rows than
            were fed.
        """
        if self._texts and n_rows > 1 and self._is_wide(columns, n_rows):
            return self._in_halves(columns, n_rows, extra_outputs)
        outputs = (*self._main_outputs, *extra_outputs)
        tensors = self.session.predict(outputs, columns, n_rows)
        for name, tensor in zip(outputs, tensors, strict=True):
            if tensor.shape[0] != n_rows:
                found = tensor.shape[0]
                raise RuntimeFault(
                    f"{name} has {found} rows for {n_rows} that were fed"
                )
        return tensors

    def predictions(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Return one JSON value a row: a number, a label, or an object of targets.

        A label whose probabilities overflowed is NaN, as a number that did.

        Raises
        ------
        RuntimeFault
            If a label_index is below zero, or not below the number of classes.
        """
        targets = self.signature.targets
        values: Sequence[Any] = tensors[0].values
        if self._classifies:
            classes = targets[0].classes
            if not all(0 <= index < len(classes) for index in values):
                raise RuntimeFault(f"label_index is not below {len(classes)}")
            labels: list[Any] = [classes[int(index)] for index in values]
            shares = tensors[1].values if len(self._main_outputs) > 1 else ()
            if not all(map(math.isfinite, shares)):
                _strike_out(labels, shares)
            return labels
        if len(targets) == 1:
            return list(values)
        names = [target.name for target in targets]
        return [
            dict(zip(names, values[start : start + len(names)], strict=True))
            for start in range(0, len(values), len(names))
        ]

    def close(self) -> None:
        self.session.close()

    def _is_wide(self, columns: Sequence[Column], n_rows: int) -> bool:
        longest = max(max(map(len, columns[place])) for place in self._texts)
        return longest * n_rows > MAX_PADDED_CHARACTERS

    def _in_halves(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str]
    ) -> list[Tensor]:
        """Run a long text with few others: rows never depend on each other."""
        middle = n_rows // 2
        parts = [
            self.predict([column[rows] for column in columns], n, extra_outputs)
            for rows, n in (
                (slice(None, middle), middle),
                (slice(middle, None), n_rows - middle),
            )
        ]
        return [
            Tensor([*first.values, *second.values], (n_rows, *first.shape[1:]))
            for first, second in zip(*parts, strict=True)
        ]

    def _present(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.output_names)

    def _replay(self) -> None:
        """Compare the graph with scikit-learn's answers; it warms the session up.

        Raises
        ------
        RunTooLong
        """
        golden_rows, started = self.signature.golden_rows, WATCHDOG.now
        for golden in golden_rows:
            if WATCHDOG.is_over(started):
                raise RunTooLong("all golden rows together are over time")
            tensors = self.predict(self._golden_columns([golden]), 1)
            self._compare([golden], tensors)
        twice = golden_rows * 2  # more than one row even if there is one
        self._compare(twice, self.predict(self._golden_columns(twice), len(twice)))

    def _measure(self) -> None:
        """Time a golden row: the first run of all may take a hundred times as long."""
        columns = self._golden_columns(self.signature.golden_rows[:1])
        times = [time.perf_counter()]
        while len(times) <= N_TIMED_RUNS and times[-1] - times[0] < MAX_TIMED_SECONDS:
            self.predict(columns, 1)
            times.append(time.perf_counter())
        self.run_ms = min(end - start for start, end in pairwise(times)) * 1000

    def _golden_columns(self, golden_rows: Sequence[GoldenRow]) -> list[Column]:
        return [
            [_marked(feature, golden.row.get(feature.name)) for golden in golden_rows]
            for feature in self.signature.features
        ]

    def _compare(
        self, golden_rows: Sequence[GoldenRow], tensors: Sequence[Tensor]
    ) -> None:
        found = [_flat(value) for value in self.predictions(tensors)]
        for golden, values in zip(golden_rows, found, strict=True):
            if self._classifies:
                is_same = list(golden.predictions) == values
            else:
                is_same = self._reproduces(golden.predictions, values)
            if not is_same:
                raise UnservableModel(
                    f"a golden row gives {values}, scikit-learn gave "
                    f"{list(golden.predictions)}"
                )
        expected = [value for golden in golden_rows for value in golden.probabilities]
        if expected and not self._reproduces(expected, tensors[1].values):
            raise UnservableModel(
                "the probabilities of the golden rows are not scikit-learn's"
            )

    def _reproduces(self, expected: Sequence[Any], found: Iterable[float]) -> bool:
        tolerance = self.signature.golden_tolerance
        pairs = zip(expected, found, strict=True)
        return all(abs(want - got) <= tolerance for want, got in pairs)


def _strike_out(labels: list[Any], shares: Sequence[float]) -> None:
    """Put NaN in the place of labels of which a probability is not finite."""
    n_classes = len(shares) // len(labels)
    for position in range(len(labels)):
        start = position * n_classes
        if not all(map(math.isfinite, shares[start : start + n_classes])):
            labels[position] = math.nan


def _is_older(version: str, other: str) -> bool:
    """Compare two versions by their first two numbers."""
    first, second = (text.split(".")[:2] for text in (version, other))
    return list(map(int, first)) < list(map(int, second))


def _check_inputs(session: Session, signature: Signature) -> None:
    """Refuse a graph that does not read what its signature says.

    Raises
    ------
    UnservableModel
        If the graph's inputs have other names or dtypes, or another order, than the
        features.
    """
    found = [(port.name, port.dtype) for port in session.inputs]
    expected = [
        (feature.input, "string" if is_text(feature) else "float64")
        for feature in signature.features
    ]
    if found != expected:
        raise UnservableModel(
            f"the graph reads {_listed(found)}; its signature says {_listed(expected)}"
        )


def _listed(inputs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name!r} ({dtype})" for name, dtype in inputs)


def _check_outputs(session: Session, signature: Signature) -> None:
    """Refuse a graph whose outputs are not those that its signature promises.

    Raises
    ------
    UnservableModel
        If the main output is missing, an output has another dtype or width, the
        contributions have no baseline, or only one of the graph and the golden rows has
        probabilities.
    """
    targets = signature.targets
    expected = {
        "prediction": ("float64", len(targets)),
        "contributions": ("float64", len(signature.features)),
        "label_index": ("int64", 1),
        "probabilities": ("float64", len(targets[0].classes)),
    }
    ports = {port.name: port for port in session.outputs}
    main = "label_index" if targets[0].kind == "classification" else "prediction"
    if main not in ports:
        raise UnservableModel(f"the graph has no output {main!r}")
    for name in ports.keys() & expected.keys():
        port, (dtype, n_columns) = ports[name], expected[name]
        if (port.dtype, port.shape[1:]) != (dtype, (n_columns,)):
            raise UnservableModel(
                f"the output {name!r} is declared {port.dtype} {port.shape}; expected "
                f"{dtype} (any number of rows, {n_columns})"
            )
    if "contributions" in ports and targets[0].baseline is None:
        raise UnservableModel("the graph has contributions, its signature no baseline")
    if any(
        bool(golden.probabilities) != ("probabilities" in ports)
        for golden in signature.golden_rows
    ):
        raise UnservableModel(
            "the graph or the golden rows have probabilities and the other has none"
        )


def _marked(feature: Feature, value: Value | None) -> Value:
    return mark_of_missing(feature) if value is None else value


def _flat(prediction: Any) -> list[Any]:
    return list(prediction.values()) if isinstance(prediction, dict) else [prediction]
