"""XGBoost, read from its own JSON: float32 throughout, and added in its order.

onnxmltools knows neither dart nor gblinear, and the operator that it writes was
given up in ai.onnx.ml 5.
"""

import json
from typing import Any

import numpy as np
from onnx import TensorProto

from convert.errors import Refusal, Unsupported
from convert.graph.arithmetic import (
    above,
    argmax,
    complement,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.graph.tree_ensemble import LESS, MEMBER, Floats, Tree, ensemble, tree
from convert.lowering.estimators.forest import as_float32
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits

IDENTITY = {
    "reg:absoluteerror",
    "reg:linear",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
}
EXPONENTIAL = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"}
LOGISTIC = {"reg:logistic", "binary:logistic"}
MULTICLASS = {"multi:softprob", "multi:softmax"}


@emits("xgboost.XGBRegressor", "xgboost.XGBRFRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit link(base_score + Σ leaves), the identity, exp or sigmoid by the objective.

    Chen and Guestrin (2016), XGBoost, KDD; XGBoost's document, "Learning task
    parameters" for the objectives and "JSON model schema" for the trees.

    Raises
    ------
    Unsupported
        The objective has no emitter, or the trees have vectors in their leaves.
    """
    learner = _learner(estimator)
    objective = learner["objective"]["name"]
    raw = _margin(graph, estimator, learner, matrix)
    if objective in IDENTITY:
        return Outputs(raw)
    if objective in EXPONENTIAL:
        return Outputs(graph.add("Exp", raw))
    if objective in LOGISTIC:
        return Outputs(sigmoid(graph, raw))
    raise _no_objective(estimator, objective)


@emits("xgboost.XGBClassifier", "xgboost.XGBRFClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit sigmoid or softmax of base_score + Σ leaves.

    Chen and Guestrin (2016), XGBoost, KDD; XGBoost's document, "Learning task
    parameters".

    Raises
    ------
    Unsupported
        The objective has no emitter, or the trees have vectors in their leaves.
    """
    learner = _learner(estimator)
    objective = learner["objective"]["name"]
    raw = _margin(graph, estimator, learner, matrix)
    if objective in MULTICLASS:
        return Outputs(None, softmax(graph, raw), argmax(graph, raw))
    if objective not in LOGISTIC or _n_groups(learner) > 1:
        raise _no_objective(estimator, objective)
    positive = sigmoid(graph, raw)
    # XGBoost compares its float32 probability, which is 1/2 for margins near 0
    label = above(graph, as_float32(graph, positive), 0.5)
    return Outputs(None, complement(graph, positive), label)


def _learner(estimator: Any) -> dict[str, Any]:
    learner: dict[str, Any] = json.loads(estimator.get_booster().save_raw("json"))
    return learner["learner"]  # type: ignore[no-any-return]


def _no_objective(estimator: Any, objective: str) -> Refusal:
    return Unsupported(
        f"{type(estimator).__name__} has objective={objective!r}, which has no emitter: "
        "use reg:squarederror, count:poisson, binary:logistic or multi:softprob"
    )


def _margin(
    graph: Graph, estimator: Any, learner: dict[str, Any], matrix: Tensor
) -> Tensor:
    rounded = graph.add("Cast", matrix, to=TensorProto.FLOAT)
    missing = np.float32(np.nan if estimator.missing is None else estimator.missing)
    if not np.isnan(missing):
        is_missing = graph.add("Equal", rounded, graph.constant(missing, np.float32))
        rounded = graph.add(
            "Where", is_missing, graph.constant(np.nan, np.float32), rounded
        )
    booster = learner["gradient_booster"]
    base = _base(learner)
    if booster["name"] == "gblinear":
        # its predictor takes the first group's for all of them
        total = _linear(graph, booster, len(base), rounded)
        return graph.add("Add", total, graph.constant(base[0]))
    trees, groups = _trees(estimator, booster)
    n_columns = int(learner["learner_model_param"]["num_feature"])
    whole = _floored(graph, rounded, trees, n_columns)
    # the base comes first, as leaves of trees that are nothing else
    bases = [tree([0], [0.0], [-1], [-1], [False], [score]) for score in base]
    groups = [*range(len(base)), *groups]
    total = ensemble(graph, whole, [*bases, *trees], groups, np.float32)
    return graph.add("Cast", total, to=TensorProto.DOUBLE)


def _n_groups(learner: dict[str, Any]) -> int:
    sizes = learner["learner_model_param"]
    return max(1, int(sizes["num_class"]), int(sizes.get("num_target", 1)))


def _base(learner: dict[str, Any]) -> Floats:
    """base_score as a raw score; it is saved after the link."""
    text = learner["learner_model_param"]["base_score"].strip("[]")
    score = np.array([float(part) for part in text.split(",")], np.float32)
    base: Floats = np.resize(score.astype(np.float64), _n_groups(learner))
    objective = learner["objective"]["name"]
    if objective in LOGISTIC:
        base = -np.log(1.0 / base - 1.0)
    elif objective in EXPONENTIAL:
        base = np.log(base)
    return base


def _linear(
    graph: Graph, booster: dict[str, Any], n_groups: int, matrix: Tensor
) -> Tensor:
    """Weights of each column, then the bias; a missing value adds nothing."""
    weights = np.array(booster["model"]["weights"], np.float32).astype(np.float64)
    weights = weights.reshape(-1, n_groups)
    is_missing = graph.add("IsNaN", matrix)
    present = graph.add("Where", is_missing, graph.constant(0, np.float32), matrix)
    wide = graph.add("Cast", present, to=TensorProto.DOUBLE)
    product = graph.add("MatMul", wide, graph.constant(weights[:-1]))
    return graph.add("Add", product, graph.constant(weights[-1]))


def _trees(estimator: Any, booster: dict[str, Any]) -> tuple[list[Tree], list[int]]:
    """Return the trees up to the best iteration, which `predict` uses, and their groups.

    Raises
    ------
    Unsupported
        If the trees have vectors in their leaves, or XGBoost was fitted on a frame with
        category columns.
    """
    model = booster.get("gbtree", booster)["model"]
    end = estimator._get_iteration_range(None)[1]
    n_trees = model["iteration_indptr"][end] if end else len(model["trees"])
    weights = _weights(booster, model)[:n_trees]
    found = model["trees"][:n_trees]
    if any(int(one["tree_param"]["size_leaf_vector"]) > 1 for one in found):
        raise Unsupported(
            "XGBoost was fitted with multi_strategy='multi_output_tree': use "
            "'one_output_per_tree'"
        )
    if model.get("cats", {}).get("enc"):
        raise Unsupported(
            "XGBoost was fitted on a frame with category columns: encode them with "
            "an OrdinalEncoder in the pipeline"
        )
    trees = [_tree(one, weight) for one, weight in zip(found, weights, strict=True)]
    return trees, model["tree_info"][:n_trees]


def _weights(booster: dict[str, Any], model: dict[str, Any]) -> Floats:
    """Return one weight a tree, which dropout left it.

    XGBoost keeps them with the trees since 3.3, where any booster of trees may have
    them; before, dart alone had them, around its trees.
    """
    weights = booster.get("weight_drop", model.get("weight_drop"))
    if weights is None:
        return np.ones(len(model["trees"]))
    return np.array(weights, np.float32).astype(np.float64)


def _tree(parts: dict[str, Any], weight: float) -> Tree:
    """X < threshold goes left; a category of the split's set goes right."""
    conditions = np.array(parts["split_conditions"], np.float32).astype(np.float64)
    left = np.array(parts["left_children"])
    right = np.array(parts["right_children"])
    is_category = (np.array(parts["split_type"]) == 1) & (left >= 0)
    missing_left = np.array(parts["default_left"], np.bool_)
    starts, sizes = parts["categories_segments"], parts["categories_sizes"]
    spans = zip(parts["categories_nodes"], starts, sizes, strict=True)
    return tree(
        feature=parts["split_indices"],
        threshold=np.where(is_category, 0.0, conditions),
        left=np.where(is_category, right, left),
        right=np.where(is_category, left, right),
        missing_left=missing_left ^ is_category,
        value=conditions * weight,
        mode=np.where(is_category, MEMBER, LESS),
        members={
            node: parts["categories"][start : start + size]
            for node, start, size in spans
        },
    )


def _floored(graph: Graph, matrix: Tensor, trees: list[Tree], n_columns: int) -> Tensor:
    """Cut the fraction off the category columns, as XGBoost does."""
    is_category = np.zeros((1, n_columns), np.bool_)
    for one in trees:
        is_category[0, one.feature[list(one.members)]] = True
    if not is_category.any():
        return matrix
    floor = graph.add("Floor", matrix)
    return graph.add("Where", graph.constant(is_category, bool), floor, matrix)
