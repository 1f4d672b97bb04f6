"""One model file: its session, its signature, and the one way to predict."""

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from server import signature as signatures
from server.rows import Column
from server.runtime import RuntimeFault, Session, Tensor
from server.signature import Feature, GoldenRow, Signature, Value, is_text


class UnservableModel(ValueError):
    """The file is not a model that this server can serve; the message says why."""


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
        Wall time of the fastest of the golden rows' single runs, in milliseconds.
    """

    def __init__(self, session: Session, signature: Signature) -> None:
        self.session = session
        self.signature = signature
        self.run_ms = 0.0
        self.output_names = tuple(port.name for port in session.outputs)
        main: tuple[str, ...] = ("prediction",)
        if signature.targets[0].kind == "classification":
            main = ("label_index", *self._present("probabilities"))
        self._main_outputs = main

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Return the model in the file `path`, after its golden rows were replayed.

        Raises
        ------
        UnservableModel
            The file is missing or damaged, has no readable signature, or does not
            reproduce its golden rows.
        """
        try:
            session = Session(path.read_bytes())
        except OSError as error:
            raise UnservableModel(
                f"{path}: {error.strerror}; name a model file that python -m convert made"
            ) from error
        except RuntimeFault as error:
            raise UnservableModel(
                f"{path}: not a whole model file ({error}); export it again "
                "with python -m convert"
            ) from error
        try:
            return cls._proven(session)
        except (RuntimeFault, ValueError) as error:
            session.close()
            raise UnservableModel(
                f"{path}: {error}; export it again with python -m convert"
            ) from error

    @classmethod
    def _proven(cls, session: Session) -> "Model":
        text = session.metadata(signatures.METADATA_KEY)
        if text is None:
            raise UnservableModel("the file carries no signature")
        signature = signatures.read(text)
        inputs = [port.name for port in session.inputs]
        expected = [feature.input for feature in signature.features]
        if inputs != expected:
            raise UnservableModel(
                f"the graph reads {inputs}, its signature says {expected}"
            )
        _check_outputs(session, signature)
        model = cls(session, signature)
        model._replay()
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
        """
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
        """Return one JSON value a row: a number, a label, or an object of targets."""
        targets = self.signature.targets
        values: Sequence[Any] = tensors[0].values
        if targets[0].kind == "classification":
            classes = targets[0].classes
            if not all(0 <= index < len(classes) for index in values):
                raise RuntimeFault(f"label_index is not below {len(classes)}")
            return [classes[int(index)] for index in values]
        if len(targets) == 1:
            return list(values)
        names = [target.name for target in targets]
        return [
            dict(zip(names, values[start : start + len(names)], strict=True))
            for start in range(0, len(values), len(names))
        ]

    def close(self) -> None:
        self.session.close()

    def _present(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.output_names)

    def _replay(self) -> None:
        """Compare the graph with scikit-learn's answers; it warms the session up."""
        golden_rows = self.signature.golden_rows
        if not golden_rows:
            raise UnservableModel("the file has no golden rows, so nothing proves it")
        durations_ms = []
        for golden in golden_rows:
            columns = self._golden_columns([golden])
            start = time.perf_counter()
            tensors = self.predict(columns, 1)
            durations_ms.append((time.perf_counter() - start) * 1000)
            self._compare([golden], tensors)
        self.run_ms = min(durations_ms)
        twice = golden_rows * 2  # more than one row even if there is one
        self._compare(twice, self.predict(self._golden_columns(twice), len(twice)))

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
            expected_values = golden.predictions
            if len(expected_values) != len(values) or not self._reproduces(
                expected_values, values
            ):
                raise UnservableModel(
                    f"a golden row gives {values}, scikit-learn gave "
                    f"{list(golden.predictions)}"
                )
        expected = [value for golden in golden_rows for value in golden.probabilities]
        if expected and not self._reproduces(expected, tensors[1].values):
            raise UnservableModel(
                "the probabilities of the golden rows are not scikit-learn's"
            )

    def _reproduces(self, expected: Sequence[Value], found: Iterable[Any]) -> bool:
        tolerance = self.signature.golden_tolerance
        return all(
            math.isclose(want, got, rel_tol=0.0, abs_tol=tolerance)
            if isinstance(want, float) and isinstance(got, float)
            else want == got
            for want, got in zip(expected, found, strict=True)
        )


def _check_outputs(session: Session, signature: Signature) -> None:
    """Refuse a graph whose outputs are not those that its signature promises."""
    targets = signature.targets
    if not targets:
        raise UnservableModel("the signature has no target")
    n_classes = len(targets[0].classes)
    classifies = targets[0].kind == "classification"
    n_columns = {
        "prediction": len(targets),
        "contributions": len(signature.features),
        "label_index": 1,
        "probabilities": n_classes,
    }
    shapes = {port.name: port.shape for port in session.outputs}
    main = "label_index" if classifies else "prediction"
    if main not in shapes:
        raise UnservableModel(f"the graph has no output {main!r}")
    for name in shapes.keys() & n_columns.keys():
        if shapes[name][1:] != (n_columns[name],):
            raise UnservableModel(
                f"the output {name!r} is declared {shapes[name]}; expected "
                f"(any number of rows, {n_columns[name]})"
            )


def _marked(feature: Feature, value: Value | None) -> Value:
    if value is not None:
        return value
    return signatures.MISSING_TEXT if is_text(feature) else math.nan


def _flat(prediction: Any) -> list[Any]:
    return list(prediction.values()) if isinstance(prediction, dict) else [prediction]
