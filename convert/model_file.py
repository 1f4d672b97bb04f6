"""A model file: a graph, its signature, and the seal over both."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from onnx import ModelProto, helper

from convert.errors import Unreadable
from convert.report.beside import card_path, has_card, write_model
from convert.report.files import check_output
from convert.tables.rows import frame_of
from convert.training.card import write_card
from server import __version__
from server.batch import Columns
from server.contracts.predict.rows import RowReader
from server.model import Model
from server.model_file.seal import BLANK, seal
from server.problems import Problem
from server.signature import INFINITE, METADATA_KEY, Feature, Signature, write

MAX_FAULTS = 5
"""That are named where rows are refused."""


@dataclass(frozen=True, repr=False)
class ModelFile:
    """A proved model.

    Parameters
    ----------
    content
        The bytes of its file.
    signature
        What stands in them of what the model accepts, returns and was measured to do.
    """

    content: bytes
    signature: Signature

    def save(self, path: str | Path) -> Path:
        """Write the file, beside and then renamed, and return its path.

        A card that lies beside it is written again with it.

        Raises
        ------
        Refusal
            The name does not end in .onnx, or nothing can be written there.
        """
        output = Path(path)
        check_output(output, ".onnx")
        card = card_path(output)
        beside = {card: self.card().encode()} if has_card(card) else {}
        write_model(output, self.content, beside)
        return output

    def predict(self, X: Any) -> "npt.NDArray[Any]":
        """Return what the server answers for rows, through its own runtime.

        Parameters
        ----------
        X
            Rows as for `convert.to_onnx`; columns that the model does not read are left
            out of the question.

        Returns
        -------
        Numbers (n_rows,) or (n_rows, n_targets), or labels (n_rows,).

        Raises
        ------
        Unreadable
            The server would refuse a value, which is named with its row.
        """
        features = self.signature.features
        frame = frame_of(X, [feature.name for feature in features])
        model = Model.from_content(self.content)
        try:
            batch = RowReader(self.signature, len(frame)).read(
                _columns(frame, features)
            )
            columns = Columns(features).of(batch.rows)
            predictions = model.predictions(model.predict(columns, len(frame)))
        except Problem as problem:
            faults = [f"{fault.pointer}: {fault.detail}" for fault in problem.faults]
            raise Unreadable(
                " ".join([problem.detail, *faults[:MAX_FAULTS]])
            ) from problem
        finally:
            model.close()
        if len(self.signature.targets) > 1:
            predictions = [list(each.values()) for each in predictions]
        return np.array(predictions)

    def card(self) -> str:
        """Return the model card, in Markdown."""
        return write_card(self.signature, len(self.content))

    def __repr__(self) -> str:
        signature = self.signature
        names = ", ".join(feature.name for feature in signature.features)
        targets = ", ".join(target.name for target in signature.targets)
        return (
            f"ModelFile({signature.name!r}: {signature.estimator}, {names} → {targets}, "
            f"{len(self.content):,} bytes)"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what goes in, what comes out, how good it is."""
        signature = self.signature
        targets = ", ".join(target.name for target in signature.targets)
        rows = [
            *((feature.name, feature.kind) for feature in signature.features),
            (f"→ {targets}", signature.targets[0].kind),
            *(
                (name, f"{score:.4g}")
                for name, score in signature.provenance.scores.items()
            ),
        ]
        cells = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(said)}</td></tr>"
            for name, said in rows
        )
        heading = (
            f"{signature.name}: {signature.estimator}, {len(self.content):,} bytes"
        )
        return f"<table><caption>{escape(heading)}</caption>{cells}</table>"


def _columns(frame: pd.DataFrame, features: Sequence[Feature]) -> bytes:
    """Return the body of a request: a list for each feature, null where it is missing."""
    columns = {f.name: _values(frame[f.name]) for f in features if f.name in frame}
    return msgspec.json.encode({"columns": columns})


def _values(column: "pd.Series[Any]") -> list[Any]:
    values = column.astype(object).where(column.notna(), None).tolist()
    if column.isin([np.inf, -np.inf]).any():
        return [INFINITE if value in (np.inf, -np.inf) else value for value in values]
    return values


def write_model_file(model: ModelProto, signature: Signature) -> bytes:
    """Return the bytes of the file; the same ones for the same arguments."""
    blank = msgspec.structs.replace(signature, sha256=BLANK)
    helper.set_model_props(model, {METADATA_KEY: write(blank)})
    model.producer_version = __version__
    return seal(serialized(model))


def serialized(model: ModelProto) -> bytes:
    return bytes(model.SerializeToString(deterministic=True))
