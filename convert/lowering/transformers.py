"""Lowers a fitted preprocessor: everything before the final estimator.

Columns come in, one tensor each; a float64 matrix comes out, equal to what
scikit-learn's ``transform`` gives for a float64 frame. Branches on categories
become tables; numbers are computed in double, in scikit-learn's order.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from convert.errors import Unsupported
from convert.fitted.arithmetic import beside_arithmetic
from convert.fitted.domains import encodes
from convert.fitted.own import (
    foreign_steps,
    is_own,
    is_selector,
    is_vectorizer,
    passes,
    unwrap,
)
from convert.fitted.probe import REJECTIONS
from convert.fitted.structure import inner_steps, names_of, reads_texts
from convert.graph.blocks import (
    Block,
    Column,
    Frame,
    Matrix,
    affine,
    as_frame,
    as_matrix,
    join,
    select,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.preprocessing.feature_selection import lower_selector
from convert.lowering.registry import BLOCK_LOWERINGS, LOWERINGS, Lowering, lowers_block
from convert.lowering.step import Step, path, refuse
from convert.lowering.tabulate import NotTabular, tabulate


def lower(
    graph: Graph, transformer: Any, columns: Sequence[Column], sample: pd.DataFrame
) -> Matrix:
    """Add a fitted preprocessor to the graph.

    Parameters
    ----------
    transformer
        Fitted; a pipeline without its estimator, a transformer, or "passthrough".
    columns
        From `add_inputs`; of the columns that were fitted on, those that are read.
    sample
        Rows that the transformer takes, columns by name.

    Raises
    ------
    Refusal
        A step has no exact form in ONNX; the message names it and a way out.
    """
    frame, rows = _fitted_order(transformer, columns, sample)
    block = _lower_step(graph, Step("", transformer, rows), frame)
    return as_matrix(graph, block)


def lower_matrix(
    graph: Graph, transformer: Any, matrix: Tensor, n_columns: int
) -> tuple[Tensor, int]:
    """Add a fitted transformer over a float64 matrix inside the graph.

    For the preprocessing that an estimator holds itself, as the pipelines of a
    vote do. Returns the resulting matrix and its number of columns.

    Raises
    ------
    Unsupported
        A step has no exact form in ONNX.
    """
    owners = tuple(frozenset({position}) for position in range(n_columns))
    step = Step("", transformer, np.zeros((1, n_columns)))
    lowered = as_matrix(graph, _lower_step(graph, step, Matrix(matrix, owners)))
    return lowered.tensor, lowered.n_columns


def _fitted_order(
    transformer: Any, columns: Sequence[Column], sample: pd.DataFrame
) -> tuple[Frame, Any]:
    """Return the columns and the sample as the transformer was fitted on them.

    Raises
    ------
    Unsupported
        If the sample has no row, or a column holds dates.
    """
    if sample.empty:
        raise Unsupported(
            "the sample has no row: give a few that the pipeline can predict"
        )
    _check_dates(columns, sample)
    names = names_of(transformer)
    if names is None and len(columns) == 1 and reads_texts(transformer):
        return Frame(tuple(columns)), sample[columns[0].name]
    if names is None:
        rows = sample[[column.name for column in columns]]
        return Frame(tuple(columns)), rows.to_numpy()
    by_name = {column.name: column for column in columns}
    absent = Column("", Tensor(""), False, frozenset())
    ordered = [by_name.get(name, absent._replace(name=name)) for name in names]
    return Frame(tuple(ordered)), sample.reindex(columns=names)


def _check_dates(columns: Sequence[Column], sample: pd.DataFrame) -> None:
    for column in columns:
        if sample[column.name].dtype.kind in "mM":
            raise Unsupported(
                f"column {column.name!r} holds dates, which ONNX does not know: "
                f"derive numbers (year, month, days since a day) before the pipeline"
            )


def _lower_step(graph: Graph, step: Step, block: Block) -> Block:
    """Lower a step of any kind, or hand on what it does not change."""
    transformer = unwrap(step.transformer)
    step = step._replace(transformer=transformer)
    if passes(transformer):
        return block
    lowering = BLOCK_LOWERINGS.find(type(transformer))
    if lowering is not None:
        return lowering(graph, step, block)
    # told by what comes in, or by what it learnt, and then whatever the class
    if _has_text(block) or encodes(transformer) or _is_looked_up(step, block):
        return tabulate(graph, step, as_frame(graph, block))
    return _lowering(step)(graph, step, as_matrix(graph, block))


def _lowering(step: Step) -> Lowering:
    # told by its method: scikit-learn has many, and other people's are welcome
    if is_selector(step.transformer):
        return lower_selector
    found = LOWERINGS.find(type(step.transformer))
    if found is None:
        raise refuse(
            step,
            f"{_unknown(step)}; replace it with one of scikit-learn's scalers, "
            f"imputers or encoders, or compute its columns before the pipeline",
        )
    return found


@lowers_block("sklearn.Pipeline", "imblearn.Pipeline")
def _lower_steps(graph: Graph, step: Step, block: Block) -> Block:
    steps = inner_steps(step.transformer)
    sample = step.sample
    if steps and _wants_table(block, steps):
        n_tabulated, block = _tabulate_longest(graph, step, steps, block)
        if n_tabulated:
            sample = _outcome(step._replace(transformer=Pipeline(steps[:n_tabulated])))
        steps = steps[n_tabulated:]
    for name, transformer in steps:
        inner = Step(path(step, name), transformer, sample)
        block = _lower_step(graph, inner, block)
        sample = _outcome(inner)
    return block


def _wants_table(block: Block, steps: Sequence[tuple[str, Any]]) -> bool:
    first = unwrap(steps[0][1])
    if isinstance(first, ColumnTransformer | FeatureUnion) or is_vectorizer(first):
        return False
    prefix = Pipeline(list(steps))
    is_looked_up = _is_looked_up(Step("", prefix, None), block)
    return _has_text(block) or encodes(prefix) or is_looked_up


def _is_looked_up(step: Step, block: Block) -> bool:
    """Tell whether somebody's encoder reads nothing but categories, as numbers."""
    is_foreign = next(foreign_steps(step.transformer), None) is not None
    return (
        is_foreign
        and isinstance(block, Frame)
        and all(column.values for column in block.columns)
    )


def _has_text(block: Block) -> bool:
    return isinstance(block, Frame) and block.has_text


def _tabulate_longest(
    graph: Graph, step: Step, steps: Sequence[tuple[str, Any]], block: Block
) -> tuple[int, Block]:
    """Tabulate as many of the first steps together as act column by column.

    One step alone is left to `_lower_step`.
    """
    frame = as_frame(graph, block)
    for n_steps in range(len(steps), 1, -1):
        prefix = step._replace(transformer=Pipeline(list(steps[:n_steps])))
        try:
            return n_steps, tabulate(graph, prefix, frame)
        except NotTabular:
            continue
    return 0, block


def _outcome(step: Step) -> Any:
    """Return what scikit-learn makes of the sample at this step.

    Raises
    ------
    Unsupported
        If the step does not take the sample.
    """
    if passes(step.transformer):
        return step.sample
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return step.transformer.transform(step.sample)
    except REJECTIONS as error:
        raise Unsupported(
            f"step {step.name!r} does not take the sample: {error}; give rows that "
            f"the pipeline can predict"
        ) from error


@lowers_block("sklearn.ColumnTransformer")
def _lower_columns(graph: Graph, step: Step, block: Block) -> Block:
    union = step.transformer
    weights = union.transformer_weights or {}
    parts = []
    for name, transformer, columns in union.transformers_:
        positions = list(union._transformer_to_input_indices[name])
        if not positions or (isinstance(transformer, str) and transformer == "drop"):
            continue
        sample = _select_sample(union, step.sample, positions, np.isscalar(columns))
        inner = Step(path(step, name), transformer, sample)
        part = _lower_step(graph, inner, select(graph, block, positions))
        parts.append(_weigh(graph, part, weights.get(name)))
    return join(graph, parts)


def _select_sample(
    union: ColumnTransformer, sample: Any, positions: list[int], one: bool
) -> Any:
    chosen: Any = positions[0] if one else positions
    if not isinstance(sample, pd.DataFrame):
        return sample[:, chosen]
    if not hasattr(union, "feature_names_in_"):
        return sample.iloc[:, chosen]
    names = [union.feature_names_in_[position] for position in positions]
    return sample[names[0] if one else names]


@lowers_block("sklearn.FeatureUnion")
def _lower_union(graph: Graph, step: Step, block: Block) -> Block:
    weights = step.transformer.transformer_weights or {}
    parts = []
    for name, transformer in inner_steps(step.transformer):
        inner = Step(path(step, name), transformer, step.sample)
        part = _lower_step(graph, inner, block)
        parts.append(_weigh(graph, part, weights.get(name)))
    return join(graph, parts)


def _weigh(graph: Graph, block: Block, weight: float | None) -> Block:
    if weight is None:
        return block
    matrix = as_matrix(graph, block)
    return affine(graph, matrix, ("Mul", [weight]))


def _unknown(step: Step) -> str:
    if is_own(step.transformer):
        return "there is no exact form of it here"
    said = beside_arithmetic(
        step.transformer, list(getattr(step.sample, "columns", ()))
    )
    if said is None:
        return "it is not scikit-learn's, and there is no exact form of it here"
    return f"it is not scikit-learn's and {said}, so that no sample shows all it does"
