"""LightGBM, read from its own model text: everything in double.

onnxmltools rounds columns and thresholds to float32, up to 3.5 points wrong on
large numbers, and drops the leaf models of linear_tree without a word.
"""

from typing import Any

import numpy as np

from convert.errors import Refusal, Unsupported
from convert.graph.arithmetic import argmax, complement, sigmoid, softmax
from convert.graph.builder import Graph, Tensor
from convert.graph.tree_ensemble import (
    LESS_OR_EQUAL,
    MEMBER,
    Ints,
    Tree,
    ensemble,
    tree,
)
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits

IS_CATEGORY, DEFAULT_LEFT = 1, 2
"""Bits of `decision_type`; the two above them are the rule for missing values."""
NO_MISSING, ZERO_IS_MISSING, NAN_IS_MISSING = 0, 1, 2
ZERO = np.float64(np.float32(1e-35))

IDENTITY = {
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
}
EXPONENTIAL = {"poisson", "gamma", "tweedie"}

Section = dict[str, str]


@emits("lightgbm.LGBMRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit link(Σ leaves): the identity, exp, sigmoid or sign(s) · s² by the objective.

    Ke et al. (2017), LightGBM, NeurIPS; LightGBM's document, "Parameters".

    Raises
    ------
    Unsupported
        The objective has no emitter, or the trees have linear models in their leaves.
    """
    header, trees = _sections(estimator)
    raw = _raw(graph, header, trees, matrix, n_columns)
    objective, *settings = header.get("objective", "custom").split()
    if objective == "regression" and "sqrt" in settings:
        size = graph.add("Mul", raw, raw)
        return Outputs(graph.add("Mul", graph.add("Sign", raw), size))
    if objective in IDENTITY:
        return Outputs(raw)
    if objective in EXPONENTIAL:
        return Outputs(graph.add("Exp", raw))
    if objective == "cross_entropy":
        return Outputs(sigmoid(graph, raw))
    raise _no_objective(estimator, objective)


@emits("lightgbm.LGBMClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit sigmoid(slope · Σ leaves), or the softmax of a sum for each class.

    Ke et al. (2017), LightGBM, NeurIPS; LightGBM's document, "Parameters".

    Raises
    ------
    Unsupported
        The objective has no emitter, or the trees have linear models in their leaves.
    """
    header, trees = _sections(estimator)
    raw = _raw(graph, header, trees, matrix, n_columns)
    objective, *settings = header.get("objective", "custom").split()
    options = dict(setting.partition(":")[::2] for setting in settings)
    slope = graph.constant(float(options.get("sigmoid", "1")))
    match objective:
        case "binary" | "cross_entropy":
            positive = sigmoid(graph, graph.add("Mul", raw, slope))
            probabilities = complement(graph, positive)
        case "multiclass":
            probabilities = softmax(graph, raw)
        case "multiclassova":
            probabilities = sigmoid(graph, graph.add("Mul", raw, slope))
        case _:
            raise _no_objective(estimator, objective)
    return Outputs(None, probabilities, argmax(graph, probabilities), raw)


def _no_objective(estimator: Any, objective: str) -> Refusal:
    return Unsupported(
        f"{type(estimator).__name__} has objective={objective!r}, which has no emitter: "
        "use regression, poisson, binary or multiclass"
    )


def _sections(estimator: Any) -> tuple[Section, list[Section]]:
    """Return the header and the trees that `predict` uses."""
    text = estimator.booster_.model_to_string(num_iteration=None)
    body = text.partition("\nend of trees")[0]
    header, *trees = (_section(part) for part in body.split("\nTree="))
    return header, trees


def _section(text: str) -> Section:
    return dict(line.partition("=")[::2] for line in text.splitlines())


def _raw(
    graph: Graph,
    header: Section,
    sections: list[Section],
    matrix: Tensor,
    n_columns: int,
) -> Tensor:
    if any(section.get("is_linear", "0") != "0" for section in sections):
        raise Unsupported(
            "LightGBM was fitted with linear_tree=True, whose leaves ONNX cannot hold: "
            "fit it with linear_tree=False"
        )
    trees = [_tree(section) for section in sections]
    n_groups = int(header["num_tree_per_iteration"])
    groups = [index % n_groups for index in range(len(trees))]
    prepared = _prepared(graph, sections, trees, matrix, n_columns)
    total = ensemble(graph, prepared, trees, groups)
    if "average_output" not in header:
        return total
    return graph.add("Div", total, graph.constant(len(trees) // n_groups))


def _tree(section: Section) -> Tree:
    leaf_values = _floats(section, "leaf_value")
    if int(section["num_leaves"]) == 1:
        return tree([0], [0.0], [-1], [-1], [False], leaf_values)
    rules = _integers(section, "decision_type")
    n_nodes, n_leaves = len(rules), len(leaf_values)
    thresholds = _floats(section, "threshold")
    is_category = rules & IS_CATEGORY > 0
    left, right = (
        np.append(np.where(child < 0, n_nodes + ~child, child), [-1] * n_leaves)
        for child in (
            _integers(section, "left_child"),
            _integers(section, "right_child"),
        )
    )
    goes_left = np.where(
        rules >> 2 & 3 == NO_MISSING, thresholds >= 0.0, rules & DEFAULT_LEFT > 0
    )
    return tree(
        feature=np.append(_integers(section, "split_feature"), [0] * n_leaves),
        threshold=np.append(np.where(is_category, 0.0, thresholds), [0.0] * n_leaves),
        left=left,
        right=right,
        missing_left=np.append(goes_left & ~is_category, [False] * n_leaves),
        value=np.append([0.0] * n_nodes, leaf_values),
        mode=np.append(
            np.where(is_category, MEMBER, LESS_OR_EQUAL), [LESS_OR_EQUAL] * n_leaves
        ),
        members={
            int(node): _category_set(section, int(thresholds[node]))
            for node in np.flatnonzero(is_category)
        },
    )


def _category_set(section: Section, index: int) -> list[int]:
    bounds = _integers(section, "cat_boundaries")
    words = _integers(section, "cat_threshold")[bounds[index] : bounds[index + 1]]
    return [
        32 * position + bit
        for position, word in enumerate(words.tolist())
        for bit in range(32)
        if word >> bit & 1
    ]


def _prepared(
    graph: Graph,
    sections: list[Section],
    trees: list[Tree],
    matrix: Tensor,
    n_columns: int,
) -> Tensor:
    """Make zero missing, and category codes whole, in the columns where it counts."""
    is_category = np.zeros((1, n_columns), np.bool_)
    drops_zero = np.zeros((1, n_columns), np.bool_)
    for section, one in zip(sections, trees, strict=True):
        if "decision_type" in section:
            rules = _integers(section, "decision_type")
            by_zero = (rules >> 2 & 3 == ZERO_IS_MISSING) & (rules & IS_CATEGORY == 0)
            drops_zero[0, one.feature[: len(rules)][by_zero]] = True
            is_category[0, one.feature[list(one.members)]] = True
    if is_category.any():
        # towards zero, as a C cast: -0.5 is category 0
        whole = graph.add("Floor", graph.add("Abs", matrix))
        signed = graph.add("Mul", graph.add("Sign", matrix), whole)
        matrix = graph.add("Where", graph.constant(is_category, bool), signed, matrix)
    near_zero = any(
        (np.abs(one.threshold[one.left >= 0]) <= ZERO).any() for one in trees
    )
    if not drops_zero.any() and not near_zero:
        return matrix
    # LightGBM reads a dense row as a sparse one: nothing smaller than ZERO is kept
    is_zero = graph.add("LessOrEqual", graph.add("Abs", matrix), graph.constant(ZERO))
    zeros = graph.constant(np.where(drops_zero, np.nan, 0.0))
    return graph.add("Where", is_zero, zeros, matrix)


def _floats(section: Section, name: str) -> Any:
    return np.array(section[name].split(), np.float64)


def _integers(section: Section, name: str) -> Ints:
    return np.array(section[name].split(), np.int64)
