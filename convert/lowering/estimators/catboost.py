"""CatBoost, read from its own JSON.

Every level of its trees asks one question, so a tree is a number in base two
and a table. Its ONNX exporter writes 4.8 MB for the default thousand trees, sums
in float32, and takes an operator that ai.onnx.ml 5 has given up; this is 0.6 MB.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto

from convert.errors import Refusal, Unsupported
from convert.graph.arithmetic import (
    above,
    argmax,
    axes,
    complement,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.forest import as_float32
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits

IDENTITY = {
    "Expectile",
    "Huber",
    "LogCosh",
    "Lq",
    "MAE",
    "MAPE",
    "MultiRMSE",
    "MultiRMSEWithMissingValues",
    "Quantile",
    "RMSE",
}
EXPONENTIAL = {"Poisson", "Tweedie"}


@emits("catboost.CatBoostRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit link(scale · Σ leaves + bias), exp for Poisson and Tweedie.

    Prokhorenkova et al. (2018), CatBoost, NeurIPS; CatBoost's document, "Objectives and
    metrics" and "JSON model".

    Raises
    ------
    Unsupported
        The loss has no emitter, or the model has categories or asymmetric trees.
    """
    model = _model(estimator)
    raw = _raw(graph, estimator, model, matrix)
    loss = _loss(model)
    if loss in IDENTITY:
        return Outputs(raw)
    if loss in EXPONENTIAL:
        return Outputs(graph.add("Exp", raw))
    raise _no_loss(estimator, loss)


@emits("catboost.CatBoostClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit sigmoid or softmax of scale · Σ leaves + bias.

    Prokhorenkova et al. (2018), CatBoost, NeurIPS; CatBoost's document, "Objectives and
    metrics".

    Raises
    ------
    Unsupported
        The loss has no emitter, or the model has categories or asymmetric trees.
    """
    model = _model(estimator)
    raw = _raw(graph, estimator, model, matrix)
    loss = _loss(model)
    if loss == "MultiClass":
        return Outputs(None, softmax(graph, raw), argmax(graph, raw))
    if loss not in ("Logloss", "CrossEntropy"):
        raise _no_loss(estimator, loss)
    share = estimator.get_probability_threshold()
    label = above(graph, raw, float(np.log(share / (1 - share))))
    return Outputs(None, complement(graph, sigmoid(graph, raw)), label)


def refuse_categories(estimator: Any) -> None:
    """Refuse a model that reads categories itself.

    Raises
    ------
    Unsupported
        It has cat_features.
    """
    if estimator.get_cat_feature_indices():
        raise Unsupported(
            f"{type(estimator).__name__} has cat_features, whose statistics ONNX cannot "
            "hold: encode these columns in the pipeline, with an OrdinalEncoder or a "
            "TargetEncoder, and fit it without cat_features"
        )


def _model(estimator: Any) -> dict[str, Any]:
    refuse_categories(estimator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        estimator.save_model(str(path), format="json")
        model: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "oblivious_trees" not in model:
        raise Unsupported(
            f"{type(estimator).__name__} has trees that are not symmetric: fit it with "
            "grow_policy='SymmetricTree', the default"
        )
    return model


def _loss(model: dict[str, Any]) -> str:
    loss: str = model["model_info"]["params"]["loss_function"]["type"]
    return loss


def _no_loss(estimator: Any, loss: str) -> Refusal:
    return Unsupported(
        f"{type(estimator).__name__} has loss_function={loss!r}, which has no emitter: "
        "use RMSE, Poisson, Logloss or MultiClass"
    )


def _raw(graph: Graph, estimator: Any, model: dict[str, Any], matrix: Tensor) -> Tensor:
    features = model["features_info"]["float_features"]
    prepared = _prepared(graph, features, as_float32(graph, matrix))
    trees = model["oblivious_trees"]
    scale, bias = model["scale_and_bias"]
    depth = max(1, *(len(tree["splits"] or ()) for tree in trees))
    leaves = np.zeros((len(trees), 2**depth, len(bias)))
    for row, tree in zip(leaves, trees, strict=True):
        values = np.reshape(tree["leaf_values"], (-1, len(bias)))
        row[: len(values)] = values
    places = _leaf_places(graph, features, trees, depth, prepared)
    table = graph.constant(leaves.reshape(-1, len(bias)))
    reached = graph.add("Gather", table, places, axis=0)
    total = graph.add("ReduceSum", reached, axes(graph, 1), keepdims=0)
    scaled = graph.add("Mul", total, graph.constant(scale))
    return graph.add("Add", scaled, graph.constant(bias))


def _leaf_places(
    graph: Graph,
    features: list[dict[str, Any]],
    trees: list[dict[str, Any]],
    depth: int,
    matrix: Tensor,
) -> Tensor:
    """Row of the leaf table that each tree reaches, int32 (n_rows, n_trees)."""
    columns = {one["feature_index"]: one["flat_feature_index"] for one in features}
    column = np.zeros((depth, len(trees)), np.int32)
    border = np.full((depth, len(trees)), np.inf)
    for position, tree in enumerate(trees):
        for level, split in enumerate(tree["splits"] or ()):
            column[level, position] = columns[split["float_feature_index"]]
            border[level, position] = np.float32(split["border"])
    place = graph.constant(np.arange(len(trees)) * 2**depth, np.int32)
    for level in range(depth):
        x = graph.add("Gather", matrix, graph.constant(column[level], np.int32), axis=1)
        is_above = graph.add("Greater", x, graph.constant(border[level]))
        bit = graph.add("Cast", is_above, to=TensorProto.INT32)
        weighted = graph.add("Mul", bit, graph.constant(2**level, np.int32))
        place = graph.add("Add", place, weighted)
    return place


def _prepared(graph: Graph, features: list[dict[str, Any]], matrix: Tensor) -> Tensor:
    """NaN is above no border; where it must be above all of them, it is infinite."""
    n_columns = 1 + max(one["flat_feature_index"] for one in features)
    goes_up = np.zeros((1, n_columns), np.bool_)
    for one in features:
        goes_up[0, one["flat_feature_index"]] = one["nan_value_treatment"] == "AsTrue"
    if not goes_up.any():
        return matrix
    is_missing = graph.add(
        "And", graph.add("IsNaN", matrix), graph.constant(goes_up, bool)
    )
    return graph.add("Where", is_missing, graph.constant(np.inf), matrix)
