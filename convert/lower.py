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
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from convert.graph import Graph
from convert.preprocessing.blocks import (
    Block,
    Column,
    Frame,
    Matrix,
    as_frame,
    as_matrix,
    join,
    select,
)
from convert.preprocessing.choose import is_selector, lower_selector
from convert.preprocessing.domains import encodes
from convert.preprocessing.elementwise import affine
from convert.preprocessing.impute import impute_frame
from convert.preprocessing.own import foreign_steps, is_sampler, passes, unwrap
from convert.preprocessing.probe import REJECTIONS
from convert.preprocessing.registry import Step, lowering_of, path, refuse
from convert.preprocessing.text import is_vectorizer, lower_text
from convert.refusal import Refusal
from convert.tabulate import NotTabular, tabulate


def lower(
    transformer: Any, columns: Sequence[Column], graph: Graph, sample: pd.DataFrame
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
    block = _lower_step(Step("", transformer, rows), frame, graph)
    return as_matrix(block, graph)


def lower_matrix(
    transformer: Any, graph: Graph, matrix: str, n_columns: int
) -> tuple[str, int]:
    """Add a fitted transformer over a float64 matrix inside the graph.

    For the preprocessing that an estimator holds itself, as the pipelines of a
    vote do. Returns the resulting matrix and its number of columns.
    """
    owners = tuple(frozenset({position}) for position in range(n_columns))
    step = Step("", transformer, np.zeros((1, n_columns)))
    lowered = as_matrix(_lower_step(step, Matrix(matrix, owners), graph), graph)
    return lowered.tensor, lowered.n_columns


def _fitted_order(
    transformer: Any, columns: Sequence[Column], sample: pd.DataFrame
) -> tuple[Frame, Any]:
    """Return the columns and the sample as the transformer was fitted on them."""
    if sample.empty:
        raise Refusal("the sample has no row: give a few that the pipeline can predict")
    _check_dates(columns, sample)
    names = names_of(transformer)
    if names is None and len(columns) == 1 and reads_texts(transformer):
        return Frame(tuple(columns)), sample[columns[0].name]
    if names is None:
        rows = sample[[column.name for column in columns]]
        return Frame(tuple(columns)), rows.to_numpy()
    by_name = {column.name: column for column in columns}
    absent = Column("", "", False, frozenset())
    ordered = [by_name.get(name, absent._replace(name=name)) for name in names]
    return Frame(tuple(ordered)), sample.reindex(columns=names)


def _check_dates(columns: Sequence[Column], sample: pd.DataFrame) -> None:
    for column in columns:
        if sample[column.name].dtype.kind in "mM":
            raise Refusal(
                f"column {column.name!r} holds dates, which ONNX does not know: "
                f"derive numbers (year, month, days since a day) before the pipeline"
            )


def names_of(transformer: Any) -> list[str] | None:
    """Return the columns of the frame that was fitted on; None for an array."""
    names = getattr(unwrap(transformer), "feature_names_in_", None)
    if names is not None:
        return list(names)
    inner = [step for _, step in inner_steps(transformer)]
    return names_of(inner[0]) if inner else None


def reads_texts(transformer: Any) -> bool:
    inner = [step for _, step in inner_steps(transformer)]
    return is_vectorizer(unwrap(transformer)) or any(map(reads_texts, inner[:1]))


def inner_steps(transformer: Any) -> list[tuple[str, Any]]:
    """Return the named parts of a pipeline or union that do something."""
    transformer = unwrap(transformer)
    if isinstance(transformer, Pipeline):
        return [
            (name, step)
            for name, step in transformer.steps
            if not passes(step) and not is_sampler(step)
        ]
    if isinstance(transformer, FeatureUnion):
        return [item for item in transformer.transformer_list if item[1] != "drop"]
    return []


def _lower_step(step: Step, block: Block, graph: Graph) -> Block:
    transformer = unwrap(step.transformer)
    step = step._replace(transformer=transformer)
    if passes(transformer):
        return block
    if isinstance(transformer, Pipeline):
        return _lower_steps(step, block, graph)
    if type(transformer) is ColumnTransformer:
        return _lower_columns(step, block, graph)
    if type(transformer) is FeatureUnion:
        return _lower_union(step, block, graph)
    return _lower_leaf(step, block, graph)


def _lower_steps(step: Step, block: Block, graph: Graph) -> Block:
    steps = inner_steps(step.transformer)
    sample = step.sample
    if steps and _wants_table(block, steps):
        n_tabulated, block = _tabulate_longest(step, steps, block, graph)
        if n_tabulated:
            sample = _outcome(step._replace(transformer=Pipeline(steps[:n_tabulated])))
        steps = steps[n_tabulated:]
    for name, transformer in steps:
        inner = Step(path(step, name), transformer, sample)
        block = _lower_step(inner, block, graph)
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
    step: Step, steps: Sequence[tuple[str, Any]], block: Block, graph: Graph
) -> tuple[int, Block]:
    """Tabulate as many of the first steps together as act column by column.

    One step alone is left to `_lower_leaf`.
    """
    frame = as_frame(block, graph)
    for n_steps in range(len(steps), 1, -1):
        prefix = step._replace(transformer=Pipeline(list(steps[:n_steps])))
        try:
            return n_steps, tabulate(prefix, frame, graph)
        except NotTabular:
            continue
    return 0, block


def _outcome(step: Step) -> Any:
    """Return what scikit-learn makes of the sample at this step."""
    if passes(step.transformer):
        return step.sample
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return step.transformer.transform(step.sample)
    except REJECTIONS as error:
        raise Refusal(
            f"step {step.name!r} does not take the sample: {error}; give rows that "
            f"the pipeline can predict"
        ) from error


def _lower_columns(step: Step, block: Block, graph: Graph) -> Block:
    union = step.transformer
    weights = union.transformer_weights or {}
    parts = []
    for name, transformer, columns in union.transformers_:
        positions = list(union._transformer_to_input_indices[name])
        if not positions or (isinstance(transformer, str) and transformer == "drop"):
            continue
        sample = _select_sample(union, step.sample, positions, np.isscalar(columns))
        inner = Step(path(step, name), transformer, sample)
        part = _lower_step(inner, select(block, positions, graph), graph)
        parts.append(_weigh(part, weights.get(name), graph))
    return join(parts, graph)


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


def _lower_union(step: Step, block: Block, graph: Graph) -> Block:
    weights = step.transformer.transformer_weights or {}
    parts = []
    for name, transformer in inner_steps(step.transformer):
        inner = Step(path(step, name), transformer, step.sample)
        part = _lower_step(inner, block, graph)
        parts.append(_weigh(part, weights.get(name), graph))
    return join(parts, graph)


def _weigh(block: Block, weight: float | None, graph: Graph) -> Block:
    if weight is None:
        return block
    matrix = as_matrix(block, graph)
    return affine(matrix, graph, ("Mul", [weight]))


def _lower_leaf(step: Step, block: Block, graph: Graph) -> Block:
    transformer = step.transformer
    if is_vectorizer(transformer):
        return lower_text(step, block, graph)
    if _has_text(block) and type(transformer) is SimpleImputer:
        return impute_frame(step, as_frame(block, graph), graph)
    if _has_text(block) or encodes(transformer) or _is_looked_up(step, block):
        return tabulate(step, as_frame(block, graph), graph)
    if is_selector(transformer):
        return lower_selector(step, as_matrix(block, graph), graph)
    lowering = lowering_of(transformer)
    if lowering is None:
        raise refuse(
            step,
            "there is no exact form of it here; replace it with one of "
            "scikit-learn's scalers, imputers or encoders, or compute its columns "
            "before the pipeline",
        )
    return lowering(step, as_matrix(block, graph), graph)
