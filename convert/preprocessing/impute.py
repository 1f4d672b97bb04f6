"""SimpleImputer and MissingIndicator."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.impute import MissingIndicator, SimpleImputer

from convert.graph import Graph
from convert.preprocessing.blocks import (
    Column,
    Frame,
    Matrix,
    concatenate,
    take,
)
from convert.preprocessing.elementwise import row, scalar
from convert.preprocessing.missing import is_missing, keeps_empty
from convert.preprocessing.registry import Step, lowers, refuse
from server.signature import MISSING_TEXT


@lowers(SimpleImputer)
def lower_imputer(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    imputer = step.transformer
    kept = kept_columns(imputer)
    statistics = [_number(step, imputer.statistics_[position]) for position in kept]
    present = take(matrix, kept, graph)
    mask = missing_mask(present.tensor, imputer.missing_values, graph)
    values = row(graph, np.asarray(statistics, np.float64))
    filled = graph.add("Where", mask, values, present.tensor)
    return with_indicator(imputer, present._replace(tensor=filled), matrix, graph)


@lowers(MissingIndicator)
def lower_indicator(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    indicator = step.transformer
    chosen = take(matrix, [int(p) for p in indicator.features_], graph)
    mask = missing_mask(chosen.tensor, indicator.missing_values, graph)
    return chosen._replace(tensor=graph.add("Cast", mask, to=TensorProto.DOUBLE))


def _number(step: Step, value: Any) -> float:
    if isinstance(value, str):
        raise refuse(step, "it fills a column of numbers with text; use a number")
    return float(value)


def with_indicator(
    imputer: Any, filled: Matrix, matrix: Matrix, graph: Graph
) -> Matrix:
    """Append the columns of ``add_indicator``, if the imputer has them."""
    indicator = getattr(imputer, "indicator_", None)
    if indicator is None or len(indicator.features_) == 0:
        return filled
    step = Step("indicator", indicator, None)
    return concatenate([filled, lower_indicator(step, matrix, graph)], graph)


def missing_mask(x: str, marker: Any, graph: Graph) -> str:
    if is_missing(marker):
        return graph.add("IsNaN", x)
    return graph.add("Equal", x, scalar(graph, float(marker)))


def kept_columns(imputer: Any) -> list[int]:
    """Return the columns that had a value when the imputer was fitted."""
    return [
        position
        for position, value in enumerate(imputer.statistics_)
        if keeps_empty(imputer) or not is_missing(value)
    ]


def impute_frame(step: Step, frame: Frame, graph: Graph) -> Frame:
    """Fill columns of text (and numbers among them), each with its own value."""
    imputer = step.transformer
    filled = [
        _fill(step, frame.columns[p], imputer.statistics_[p], graph)
        for p in kept_columns(imputer)
    ]
    if getattr(imputer, "indicator_", None) is not None:
        filled += [
            _indicate(frame.columns[p], imputer.missing_values, graph)
            for p in imputer.indicator_.features_
        ]
    return Frame(tuple(filled))


def _fill(step: Step, column: Column, value: Any, graph: Graph) -> Column:
    mask = _column_mask(column, step.transformer.missing_values, graph)
    fill = str(value) if column.text else _number(step, value)
    constant = _constant(column, fill, graph)
    return column._replace(tensor=graph.add("Where", mask, constant, column.tensor))


def _indicate(column: Column, marker: Any, graph: Graph) -> Column:
    mask = _column_mask(column, marker, graph)
    number = graph.add("Cast", mask, to=TensorProto.DOUBLE)
    return column._replace(tensor=number, text=False)


def _column_mask(column: Column, marker: Any, graph: Graph) -> str:
    if not column.text:
        return missing_mask(column.tensor, marker, graph)
    token = MISSING_TEXT if is_missing(marker) else marker
    return graph.add("Equal", column.tensor, _constant(column, token, graph))


def _constant(column: Column, value: str | float, graph: Graph) -> str:
    return graph.constant([[value]], object if column.text else np.float64)
