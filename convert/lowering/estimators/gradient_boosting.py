"""scikit-learn's gradient boosting, over float32 and over histograms.

The histogram kind compares doubles, and keeps a hidden encoder that moves the
categorical columns to the front; skl2onnx follows neither that nor the log link.
"""

from itertools import chain
from typing import Any

import numpy as np
from onnx import numpy_helper

from convert.errors import Unsupported
from convert.graph.arithmetic import (
    above,
    argmax,
    at_least,
    axes,
    clip,
    columns,
    complement,
    concat,
    repeat,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.graph.tree_ensemble import (
    LESS_OR_EQUAL,
    MEMBER,
    ML_DOMAIN,
    Tree,
    ensemble,
    tree,
)
from convert.lowering.estimators import emit
from convert.lowering.estimators.forest import as_float32, read_tree
from convert.lowering.outputs import Outputs, probabilities
from convert.lowering.registry import class_name, emits


@emits("sklearn.GradientBoostingRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit init(x) + learning_rate · Σ tree(x).

    Friedman (2001), Greedy function approximation, Annals of Statistics 29, 1189-1232.
    """
    return Outputs(_raw(graph, estimator, matrix, n_columns))


@emits("sklearn.GradientBoostingClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit sigmoid or softmax of init(x) + learning_rate · Σ tree(x).

    Friedman (2001), Greedy function approximation, Annals of Statistics 29, 1189-1232;
    sigmoid(2 · raw) for the exponential loss.
    """
    raw = _raw(graph, estimator, matrix, n_columns)
    if len(estimator.classes_) > 2:
        return Outputs(None, softmax(graph, raw), argmax(graph, raw), raw)
    scale = 2.0 if estimator.loss == "exponential" else 1.0
    positive = sigmoid(graph, graph.add("Mul", raw, graph.constant(scale)))
    return Outputs(None, complement(graph, positive), at_least(graph, raw, 0.0), raw)


@emits("sklearn.HistGradientBoostingRegressor")
def emit_histogram_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit link(baseline + Σ leaves), exp for the losses poisson and gamma.

    Ke et al. (2017), LightGBM, NeurIPS; scikit-learn's user guide, "Histogram-Based
    Gradient Boosting".

    Raises
    ------
    Unsupported
        It has categories from a scikit-learn before 1.4.
    """
    raw = _histogram_raw(graph, estimator, matrix, n_columns)
    has_log_link = estimator.loss in ("poisson", "gamma")
    return Outputs(graph.add("Exp", raw) if has_log_link else raw)


@emits("sklearn.HistGradientBoostingClassifier")
def emit_histogram_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit sigmoid or softmax of baseline + Σ leaves.

    Ke et al. (2017), LightGBM, NeurIPS; scikit-learn's user guide, "Histogram-Based
    Gradient Boosting".

    Raises
    ------
    Unsupported
        It has categories from a scikit-learn before 1.4.
    """
    raw = _histogram_raw(graph, estimator, matrix, n_columns)
    if len(estimator.classes_) > 2:
        return Outputs(None, softmax(graph, raw), argmax(graph, raw), raw)
    shares = complement(graph, sigmoid(graph, raw))
    return Outputs(None, shares, above(graph, raw, 0.0), raw)


def _raw(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Tensor:
    rounded = as_float32(graph, matrix)
    n_targets = estimator.estimators_.shape[1]
    trees = [read_tree(member) for member in estimator.estimators_.ravel()]
    targets = [*range(n_targets)] * len(estimator.estimators_)
    total = ensemble(graph, rounded, trees, targets)
    scaled = graph.add("Mul", total, graph.constant(estimator.learning_rate))
    return graph.add("Add", scaled, _first_guess(graph, estimator, rounded, n_columns))


def _first_guess(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Tensor:
    init = estimator.init_
    if isinstance(init, str) or class_name(type(init)).startswith("sklearn.Dummy"):
        row = np.zeros((1, n_columns), np.float32)
        return graph.constant(estimator._raw_predict_init(row))
    first = emit(graph, init, matrix, n_columns)
    if first.prediction is not None:
        return first.prediction
    shares = probabilities(first)
    if init.predict_proba(np.zeros((1, n_columns), np.float32)).dtype == np.float32:
        shares = as_float32(graph, shares)
    return _linked(graph, estimator, shares)


def _linked(graph: Graph, estimator: Any, shares: Tensor) -> Tensor:
    """Probabilities of the `init` estimator, back to raw scores."""
    if len(estimator.classes_) == 2:
        shares = columns(graph, shares, [1])
    eps = np.finfo(np.float64).eps
    clipped = clip(graph, shares, eps, 1 - eps)
    logs = graph.add("Log", clipped)
    if len(estimator.classes_) > 2:
        centre = graph.add("ReduceMean", logs, axes(graph, 1), keepdims=1)
        return graph.add("Sub", logs, centre)
    rest = graph.add("Log", graph.add("Sub", graph.constant(1.0), clipped))
    scale = 0.5 if estimator.loss == "exponential" else 1.0
    return graph.add("Mul", graph.add("Sub", logs, rest), graph.constant(scale))


def _histogram_raw(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Tensor:
    encoded = _encoded(graph, estimator, matrix)
    iterations = estimator._predictors
    trees = [_read_predictor(predictor) for predictor in chain(*iterations)]
    baseline = np.reshape(estimator._baseline_prediction, (1, -1))
    if not trees:
        return repeat(graph, baseline, matrix)
    targets = [*range(baseline.shape[1])] * len(iterations)
    total = ensemble(graph, encoded, trees, targets)
    return graph.add("Add", total, graph.constant(baseline))


def _read_predictor(predictor: Any) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    is_category = nodes["is_categorical"].astype(bool) & ~is_leaf
    return tree(
        feature=nodes["feature_idx"],
        threshold=np.where(is_category, 0.0, nodes["num_threshold"]),
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"],
        value=nodes["value"],
        mode=np.where(is_category, MEMBER, LESS_OR_EQUAL),
        members={
            int(node): _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
            for node in np.flatnonzero(is_category)
        },
    )


def _bits(words: Any) -> list[int]:
    """Return the numbers whose bit is set in eight 32-bit words."""
    return [
        32 * index + bit
        for index, word in enumerate(words)
        for bit in range(32)
        if int(word) >> bit & 1
    ]


def _encoded(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    """Category codes first, then the numbers, as the hidden encoder has them.

    Raises
    ------
    Unsupported
        If the estimator has categorical_features from a scikit-learn before 1.4.
    """
    if estimator.is_categorical_ is None:
        return matrix
    preprocessor = getattr(estimator, "_preprocessor", None)
    if preprocessor is None:
        raise Unsupported(
            f"{type(estimator).__name__} has categorical_features from a scikit-learn "
            "before 1.4: fit it again with 1.4 or later"
        )
    encoder = preprocessor.named_transformers_["encoder"]
    is_category = np.asarray(estimator.is_categorical_)
    positions = np.flatnonzero(is_category)
    codes = [
        _codes(graph, columns(graph, matrix, [position]), categories)
        for position, categories in zip(positions, encoder.categories_, strict=True)
    ]
    return concat(graph, [*codes, columns(graph, matrix, np.flatnonzero(~is_category))])


def refuse_texts(estimator: Any) -> None:
    """Refuse categories that the estimator itself encodes, unless they are numbers.

    Raises
    ------
    Unsupported
        A category is a text.
    """
    preprocessor = getattr(estimator, "_preprocessor", None)
    if getattr(estimator, "is_categorical_", None) is None or preprocessor is None:
        return
    encoder = preprocessor.named_transformers_["encoder"]
    if any(not np.issubdtype(each.dtype, np.number) for each in encoder.categories_):
        raise Unsupported(
            f"{type(estimator).__name__} takes columns of text as categories itself, "
            "which no graph of numbers can follow: put an OrdinalEncoder before it, "
            "in a ColumnTransformer, and give categorical_features the positions of "
            "the columns that it makes"
        )


def _codes(graph: Graph, column: Tensor, categories: Any) -> Tensor:
    """Known numbers → 0, 1, …; everything else → NaN."""
    known = np.asarray(categories, np.float64)
    known = known[~np.isnan(known)]
    return graph.add(
        "LabelEncoder",
        column,
        domain=ML_DOMAIN,
        keys_tensor=numpy_helper.from_array(known),
        values_tensor=numpy_helper.from_array(np.arange(len(known), dtype=np.float64)),
        default_tensor=numpy_helper.from_array(np.array([np.nan])),
    )
