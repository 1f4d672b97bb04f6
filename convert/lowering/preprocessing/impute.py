"""SimpleImputer and MissingIndicator."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.fitted.missing import is_missing, keeps_empty
from convert.graph.arithmetic import row
from convert.graph.blocks import (
    Block,
    Column,
    Frame,
    Matrix,
    as_frame,
    as_matrix,
    join,
    select,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.registry import lowers, lowers_block
from convert.lowering.step import Step, refuse
from server.signature import MISSING_TEXT


def impute_matrix(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Fill the gaps of numbers, and append their indicator.

    Raises
    ------
    Unsupported
        It fills a column of numbers with text.
    """
    imputer = step.transformer
    kept = kept_columns(imputer)
    statistics = [_number(step, imputer.statistics_[position]) for position in kept]
    present = select(graph, matrix, kept)
    mask = missing_mask(graph, present.tensor, imputer.missing_values)
    values = row(graph, np.asarray(statistics, np.float64))
    filled = graph.add("Where", mask, values, present.tensor)
    return with_indicator(graph, imputer, present._replace(tensor=filled), matrix)


@lowers("sklearn.MissingIndicator")
def lower_indicator(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    indicator = step.transformer
    chosen = select(graph, matrix, [int(p) for p in indicator.features_])
    mask = missing_mask(graph, chosen.tensor, indicator.missing_values)
    return chosen._replace(tensor=graph.add("Cast", mask, to=TensorProto.DOUBLE))


def _number(step: Step, value: Any) -> float:
    if isinstance(value, str):
        raise refuse(step, "it fills a column of numbers with text; use a number")
    return float(value)


def with_indicator(
    graph: Graph, imputer: Any, filled: Matrix, matrix: Matrix
) -> Matrix:
    """Append the columns of ``add_indicator``, if the imputer has them."""
    indicator = getattr(imputer, "indicator_", None)
    if indicator is None or len(indicator.features_) == 0:
        return filled
    step = Step("indicator", indicator, None)
    return join(graph, [filled, lower_indicator(graph, step, matrix)])


def missing_mask(graph: Graph, x: Tensor, marker: Any) -> Tensor:
    if is_missing(marker):
        return graph.add("IsNaN", x)
    return graph.add("Equal", x, graph.constant(float(marker)))


def kept_columns(imputer: Any) -> list[int]:
    """Return the columns that had a value when the imputer was fitted."""
    return [
        position
        for position, value in enumerate(imputer.statistics_)
        if keeps_empty(imputer) or not is_missing(value)
    ]


@lowers_block("sklearn.SimpleImputer")
def lower_imputer(graph: Graph, step: Step, block: Block) -> Block:
    """Fill the gaps of columns of any kind.

    Raises
    ------
    Unsupported
        It fills a column of numbers with text.
    """
    if isinstance(block, Frame) and block.has_text:
        return _impute_frame(graph, step, as_frame(graph, block))
    return impute_matrix(graph, step, as_matrix(graph, block))


def _impute_frame(graph: Graph, step: Step, frame: Frame) -> Frame:
    """Fill columns of text (and numbers among them), each with its own value."""
    imputer = step.transformer
    filled = [
        _fill(graph, step, frame.columns[p], imputer.statistics_[p])
        for p in kept_columns(imputer)
    ]
    if getattr(imputer, "indicator_", None) is not None:
        filled += [
            _indicate(graph, frame.columns[p], imputer.missing_values)
            for p in imputer.indicator_.features_
        ]
    return Frame(tuple(filled))


def _fill(graph: Graph, step: Step, column: Column, value: Any) -> Column:
    mask = _column_mask(graph, column, step.transformer.missing_values)
    fill = str(value) if column.text else _number(step, value)
    constant = _constant(graph, column, fill)
    return column._replace(tensor=graph.add("Where", mask, constant, column.tensor))


def _indicate(graph: Graph, column: Column, marker: Any) -> Column:
    mask = _column_mask(graph, column, marker)
    number = graph.add("Cast", mask, to=TensorProto.DOUBLE)
    return column._replace(tensor=number, text=False)


def _column_mask(graph: Graph, column: Column, marker: Any) -> Tensor:
    if not column.text:
        return missing_mask(graph, column.tensor, marker)
    token = MISSING_TEXT if is_missing(marker) else marker
    return graph.add("Equal", column.tensor, _constant(graph, column, token))


def _constant(graph: Graph, column: Column, value: str | float) -> Tensor:
    return graph.constant([[value]], object if column.text else np.float64)
