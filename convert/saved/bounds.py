"""Checks numbers of one attribute by which compiled code reads another.

scikit-learn's compiled loops do not look where they read: fit has seen to it that each
index is within. What a file says was fitted has not been there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convert.errors import Unreadable
from convert.saved.makers.trees import tree_depth

BITSET_WORDS = 8
MAX_HASHED = 2**31 - 1
N_PROBED = 2


def check_bounds(estimator: Any) -> None:
    """Refuse an estimator whose attributes do not fit each other.

    Raises
    ------
    Refusal
        Says what; the caller knows where.
    """
    for cls in type(estimator).__mro__:
        check = CHECKS.get(cls.__name__)
        if check and cls.__module__.startswith("sklearn."):
            check(estimator)


def _require(is_sound: Any, what: str) -> None:
    if not is_sound:
        raise Unreadable(what)


def _decision_tree(estimator: Any) -> None:
    tree = getattr(estimator, "tree_", None)
    if tree is not None:
        _require(
            tree.n_features == getattr(estimator, "n_features_in_", None),
            "is a tree of other features than it was fitted on",
        )


def _gradient_boosting(estimator: Any) -> None:
    """Check the trees: each adds to one column of what the first estimator predicts."""
    trees = getattr(estimator, "estimators_", None)
    if trees is None:
        return
    _require(
        isinstance(trees, np.ndarray) and trees.ndim == 2 and trees.size,
        "is gradient boosting without trees",
    )
    n_features = trees[0, 0].tree_.n_features
    for each in trees.ravel():
        _require(
            each.tree_.n_features == n_features
            and each.tree_.value.shape[1:] == (1, 1),
            "is gradient boosting with trees that do not go together",
        )
    raw = estimator._raw_predict_init(np.zeros((N_PROBED, n_features), np.float32))
    _require(
        raw.shape == (N_PROBED, trees.shape[1]),
        "is gradient boosting whose first estimator does not go with its trees",
    )


def _predictor(predictor: Any) -> None:
    """Check one tree of histogram gradient boosting."""
    nodes = predictor.nodes
    _require(
        isinstance(nodes, np.ndarray) and nodes.ndim == 1 and nodes.dtype.names,
        "is a tree without nodes",
    )
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    tree_depth(inner, nodes["left"], nodes["right"])
    sets = predictor.raw_left_cat_bitsets
    same = sets.shape == predictor.binned_left_cat_bitsets.shape
    _require(
        same and sets.ndim == 2 and sets.shape[1] == BITSET_WORDS,
        "is a tree whose categories are in no sets",
    )
    of_sets = inner[nodes["is_categorical"][inner] != 0]
    _require(
        _are_below(nodes["bitset_idx"][of_sets], len(sets))
        and (nodes["feature_idx"][inner] >= 0).all(),
        "is a tree that asks for categories it does not have",
    )


def _histogram_boosting(estimator: Any) -> None:
    predictors = getattr(estimator, "_predictors", None)
    if predictors is None:
        return
    n_features = estimator.n_features_in_
    mapper = estimator._bin_mapper
    thresholds, is_categorical = mapper.bin_thresholds_, mapper.is_categorical_
    _require(
        len(thresholds) == len(is_categorical) == n_features,
        "is histogram boosting with bins of other features than it was fitted on",
    )
    _require(
        getattr(estimator, "_in_fit", False) is False,
        "is histogram boosting in the middle of its fit",
    )
    for each in predictors:
        _require(
            len(each) == estimator.n_trees_per_iteration_,
            "is histogram boosting with rounds of different lengths",
        )
        for predictor in each:
            inner = predictor.nodes[predictor.nodes["is_leaf"] == 0]
            _require(
                _are_below(inner["feature_idx"], n_features),
                f"is histogram boosting that asks for more than {n_features} features",
            )
            asked = inner["feature_idx"][inner["is_categorical"] != 0]
            _require(
                np.asarray(is_categorical)[asked].all(),
                "is histogram boosting that takes a number for a category",
            )
    _check_ordinal(getattr(estimator, "_preprocessor", None), n_features)


def _check_ordinal(preprocessor: Any, n_features: int) -> None:
    """Check that the categories go through an encoder and the numbers as they are."""
    if preprocessor is None:
        return
    kinds = [
        (name, type(step).__name__, columns)
        for name, step, columns in preprocessor.transformers_
        if name != "remainder"
    ]
    match kinds:
        case [
            ("encoder", "OrdinalEncoder", one),
            ("numerical", "FunctionTransformer", other),
        ]:
            counts = [len(np.arange(n_features)[columns]) for columns in (one, other)]
            encoder = preprocessor.transformers_[0][1]
            is_sound = (
                sum(counts) == n_features
                and preprocessor.n_features_in_ == n_features
                and len(encoder.categories_) == counts[0]
            )
        case _:
            is_sound = False
    _require(is_sound, "is histogram boosting with another encoder than its own")


def _svm(estimator: Any) -> None:
    """Check what libsvm reads by the numbers of support vectors and classes."""
    if not hasattr(estimator, "support_vectors_"):
        return
    vectors, counts = estimator.support_vectors_, estimator._n_support
    support, coefficients = estimator.support_, estimator._dual_coef_
    _require(
        all(a.ndim == 1 and a.dtype.kind == "i" for a in (counts, support))
        and len(counts) > 1
        and (counts >= 0).all(),
        "is an SVM that does not say how many support vectors it has",
    )
    _require(
        np.isfinite(estimator._gamma) and estimator._gamma >= 0,
        "is an SVM whose gamma is no number from 0 on",
    )
    n_vectors, n_pairs = len(support), len(counts) * (len(counts) - 1) // 2
    if hasattr(estimator, "classes_"):
        _require(
            counts.sum() == n_vectors and len(estimator.classes_) == len(counts),
            "is an SVM with more or fewer support vectors than its classes have",
        )
    size = coefficients.nnz if estimator._sparse else coefficients.size
    _require(
        coefficients.shape == (len(counts) - 1, n_vectors)
        and size == coefficients.shape[0] * n_vectors
        and estimator._intercept_.shape == (n_pairs,),
        "is an SVM whose coefficients are not as many as its support vectors",
    )
    _check_vectors(estimator, vectors, support, n_vectors)
    for chances in (estimator._probA, estimator._probB):
        _require(
            len(chances) in (0, n_pairs) and len(chances) == len(estimator._probA),
            "is an SVM whose probabilities do not go with its classes",
        )


def _check_vectors(estimator: Any, vectors: Any, support: Any, n_vectors: int) -> None:
    n_fitted, n_features = estimator.shape_fit_
    if estimator.kernel == "precomputed":
        _require(
            _are_below(support, n_fitted) and n_fitted == estimator.n_features_in_,
            "is an SVM with support vectors that it was not fitted on",
        )
        return
    expected = (n_vectors, estimator.n_features_in_)
    is_callable = callable(estimator.kernel)
    _require(
        is_callable or (vectors.shape == expected and n_features == expected[1]),
        "is an SVM with support vectors of other features than it was fitted on",
    )


def _neighbours(estimator: Any) -> None:
    points = getattr(estimator, "_fit_X", None)
    if points is None:
        return
    n_points = points.shape[0]
    tree = getattr(estimator, "_tree", None)
    _require(
        points.shape == (estimator.n_samples_fit_, estimator.n_features_in_)
        and (tree is None or _are_those(tree.get_arrays()[0], points)),
        "has other neighbours than it says",
    )
    targets = getattr(estimator, "_y", None)
    if targets is None:
        return
    _require(len(targets) == n_points, "has not one target for each neighbour")
    classes = getattr(estimator, "classes_", None)
    if classes is not None:
        several = classes if isinstance(classes, list) else [classes]
        columns = targets.reshape(n_points, -1).T
        _require(
            len(columns) == len(several)
            and all(map(_are_below, columns, map(len, several))),
            "has neighbours of classes that it does not have",
        )


def _are_those(held: Any, points: Any) -> bool:
    """Whether a tree has the points; scikit-learn asks it, and the graph them."""
    if hasattr(points, "toarray") or held.shape != points.shape:
        return False
    return bool(np.array_equal(np.asarray(held), points))


def _centres(estimator: Any) -> None:
    centres = getattr(estimator, "cluster_centers_", None)
    if centres is not None:
        _require(
            centres.ndim == 2 and centres.shape[1] == estimator.n_features_in_,
            "has centres of other features than it was fitted on",
        )


def _bisecting(estimator: Any) -> None:
    waiting = [getattr(estimator, "_bisecting_tree", None)]
    shape = (getattr(estimator, "n_features_in_", None),)
    while waiting:
        node = waiting.pop()
        if node is not None:
            _require(node.center.shape == shape, "has a centre of other features")
            waiting += [getattr(node, "left", None), getattr(node, "right", None)]


def _vocabulary(vectorizer: Any) -> None:
    """Check that each word has a column: a sparse matrix is made of their numbers."""
    words = getattr(vectorizer, "vocabulary_", None)
    if words is None:
        return
    columns = list(words.values()) if isinstance(words, dict) else []
    _require(
        isinstance(words, dict)
        and all(isinstance(c, int | np.integer) for c in columns)
        and sorted(columns) == list(range(len(columns))),
        "has a vocabulary that does not number its words",
    )


def _hashes(vectorizer: Any) -> None:
    count = vectorizer.n_features
    _require(
        isinstance(count, int | np.integer) and 1 <= count <= MAX_HASHED,
        "is hashed to no number of features",
    )


def _one_hot(encoder: Any) -> None:
    """Check that no category is given a column beyond the last."""
    categories = getattr(encoder, "categories_", None)
    if categories is None:
        return
    for known in categories:
        _require(
            known.dtype.kind not in "biuf" or _is_ascending(known),
            "has categories in another order than scikit-learn's",
        )
    lengths = [len(known) for known in categories]
    _check_infrequent(encoder, lengths)
    dropped = getattr(encoder, "_drop_idx_after_grouping", None)
    if dropped is not None:
        _require(
            len(dropped) == len(lengths)
            and all(
                d is None or 0 <= d < n for d, n in zip(dropped, lengths, strict=True)
            ),
            "drops a category that it does not have",
        )
    counts = getattr(encoder, "_n_features_outs", None)
    if counts is not None:
        _require(
            list(counts) == list(encoder._compute_n_features_outs()),
            "has other columns than its categories give",
        )


def _is_ascending(known: Any) -> bool:
    """Whether numbers are sorted, what is missing last."""
    numbers = known[~np.isnan(known)] if known.dtype.kind == "f" else known
    is_last = (
        not np.isnan(known[: len(numbers)]).any() if known.dtype.kind == "f" else True
    )
    return bool(is_last) and bool((numbers[1:] > numbers[:-1]).all())


def _check_infrequent(encoder: Any, lengths: list[int]) -> None:
    if not getattr(encoder, "_infrequent_enabled", False):
        return
    groups = encoder._infrequent_indices
    mappings = encoder._default_to_infrequent_mappings
    _require(len(groups) == len(mappings) == len(lengths), "groups no categories")
    for group, mapping, length in zip(groups, mappings, lengths, strict=True):
        if group is None and mapping is None:
            continue
        _require(
            group is not None
            and mapping is not None
            and len(mapping) == length
            and len(np.unique(group)) == len(group)
            and _are_below(group, length)
            and _are_below(mapping, length - len(group) + 1),
            "groups categories that it does not have",
        )


def _are_below(numbers: Any, limit: int) -> bool:
    """Whether whole numbers are from zero to below a limit."""
    numbers = np.asarray(numbers)
    if not len(numbers):
        return True
    is_whole = numbers.dtype.kind in "iu"
    return is_whole and bool(numbers.min() >= 0 and numbers.max() < limit)


CHECKS: dict[str, Callable[[Any], None]] = {
    "BaseDecisionTree": _decision_tree,
    "BaseGradientBoosting": _gradient_boosting,
    "BaseHistGradientBoosting": _histogram_boosting,
    "BaseLibSVM": _svm,
    "BisectingKMeans": _bisecting,
    "CountVectorizer": _vocabulary,
    "DictVectorizer": _vocabulary,
    "FeatureHasher": _hashes,
    "HashingVectorizer": _hashes,
    "NeighborsBase": _neighbours,
    "OneHotEncoder": _one_hot,
    "TreePredictor": _predictor,
    "_BaseKMeans": _centres,
}
"""Class, or what it is made from → what compiled code takes for granted."""
