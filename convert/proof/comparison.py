"""Compares a model file with the pipeline that it was made from."""

from typing import Any

import onnx
import pandas as pd

from convert.errors import Differs, Invalid
from convert.fitted.columns import open_columns
from convert.fitted.frame import Row, make_frame
from convert.fitted.oracle import Oracle
from convert.fitted.own import name_of
from convert.proof.discrepancy import Proof
from server.signature import Discrepancy, Signature


def compare_with_pipeline(
    content: bytes,
    signature: Signature,
    pipeline: Any,
    frame: pd.DataFrame,
    where: str,
) -> Discrepancy:
    """Return how far the graph in a file is from a pipeline.

    Parameters
    ----------
    content, signature
        Of the file.
    frame
        Rows that the pipeline takes, with the columns that it reads.
    where
        The file's name, for a sentence.

    Raises
    ------
    Differs
        They differ on a row.
    Invalid
        They read other columns.
    Refusal
        A part of the pipeline predicts in a way of its own, or the rows
        cannot be compared.
    """
    names = [feature.name for feature in signature.features]
    if names != list(frame):
        raise Invalid(
            f"{where} reads {names} and the pipeline {list(frame)}: it was made from "
            "another one"
        )
    graph = onnx.load_from_string(content).SerializeToString()
    compared = Proof(Oracle(pipeline), graph, signature.features, frame)
    try:
        return compared.measure()
    except Differs as error:
        why = _why(compared, error.row)
        said = f"{error}: {where} {why}; export it again"
        raise Differs(said, error.row) from error


def _why(compared: Proof, row: pd.Series) -> str:
    """Say why a graph and a pipeline differ on a row, as far as can be found out."""
    cells = row.astype(object).where(row.notna(), None)
    values: Row = {str(name): value for name, value in cells.items()}
    for feature in compared.features:
        value = values[feature.name]
        if value is None or feature.unknown == "reject" or value in feature.categories:
            continue
        usual = make_frame(
            [{**values, feature.name: feature.typical}], compared.table.frame
        )
        if compared.agrees(usual).all():
            return (
                f"takes {value!r} of {feature.name!r} for unknown, and the pipeline "
                "knows it"
            )
    names = [feature.name for feature in compared.features]
    for name, step in open_columns(compared.oracle.pipeline, names).items():
        return (
            f"was made from another pipeline, or {name_of(step)}, which reads {name!r} "
            f"and is not scikit-learn's, has an answer here that nobody asked it for"
        )
    return "was made from another pipeline"
