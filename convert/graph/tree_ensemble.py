"""Any library's decision trees as one ai.onnx.ml 5 TreeEnsemble in double.

The operators before version 5 return float32 whatever they are given, and write
a leaf as a node: half the bytes here, and sums that are right to 1e-15.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, numpy_helper

from convert.graph.builder import Graph, Tensor

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ML_DOMAIN = "ai.onnx.ml"
LESS_OR_EQUAL, LESS, MEMBER = 0, 1, 6
SUM = 1


class Tree(NamedTuple):
    """One tree; its root is node 0, and every array has one item a node.

    Parameters
    ----------
    left, right
        Children where the comparison holds and where not; −1 at a leaf.
    threshold
        x ≤ threshold (or x < threshold, by `mode`) goes left.
    missing_left
        Where NaN goes.
    value
        What a leaf adds.
    mode
        LESS_OR_EQUAL, LESS or MEMBER.
    members
        Node → the integers that go left, where the mode is MEMBER.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: Bools
    value: Floats
    mode: Ints
    members: dict[int, Sequence[int]]


def tree(
    feature: Any,
    threshold: Any,
    left: Any,
    right: Any,
    missing_left: Any,
    value: Any,
    mode: Any = LESS_OR_EQUAL,
    members: dict[int, Sequence[int]] | None = None,
) -> Tree:
    """Return a Tree of arrays with the right types.

    An empty set of members, which onnxruntime refuses, becomes x ≤ −∞.
    """
    left = np.asarray(left, np.int64)
    members = members or {}
    empty = [node for node, numbers in members.items() if not len(numbers)]
    mode = np.broadcast_to(np.asarray(mode, np.int64), left.shape).copy()
    threshold = np.array(threshold, np.float64)
    mode[empty], threshold[empty] = LESS_OR_EQUAL, -np.inf
    return Tree(
        np.asarray(feature, np.int64),
        threshold,
        left,
        np.asarray(right, np.int64),
        np.asarray(missing_left, np.bool_),
        np.asarray(value, np.float64),
        mode,
        {node: numbers for node, numbers in members.items() if len(numbers)},
    )


def ensemble(
    graph: Graph,
    matrix: Tensor,
    trees: Sequence[Tree],
    targets: Sequence[int] | None = None,
    dtype: Any = np.float64,
) -> Tensor:
    """Sum the leaves that each row reaches, in the order of the trees.

    Parameters
    ----------
    targets
        The column that each tree adds to; all of them to the only one if None.
    dtype
        Of `matrix`, of the comparisons, of the sums and of the returned tensor,
        (n_rows, n_targets).
    """
    targets = [0] * len(trees) if targets is None else targets
    parts = _parts([_rooted(tree) for tree in trees], targets)
    members = [number for set_ in parts.pop("members") for number in (*set_, np.nan)]
    attributes = parts | {
        "nodes_modes": _tensor(parts["nodes_modes"], np.uint8),
        "nodes_splits": _tensor(parts["nodes_splits"], dtype),
        "leaf_weights": _tensor(parts["leaf_weights"], dtype),
        "aggregate_function": SUM,
        "n_targets": max(targets) + 1,
    }
    if members:
        attributes["membership_values"] = _tensor(members, dtype)
    return graph.add("TreeEnsemble", matrix, domain=ML_DOMAIN, **attributes)


def leaves(
    graph: Graph, matrix: Tensor, trees: Sequence[Tree], tables: Sequence[Floats]
) -> Tensor:
    """Look up the leaf that each row reaches in each tree.

    Parameters
    ----------
    tables
        One a tree, (n_nodes, n_outputs).

    Returns
    -------
    A tensor, float64 (n_rows, n_trees, n_outputs).
    """
    firsts = np.cumsum([0] + [int((tree.left < 0).sum()) for tree in trees])
    numbered = [
        tree._replace(value=np.cumsum(tree.left < 0, dtype=float) + (first - 1.0))
        for tree, first in zip(trees, firsts, strict=False)
    ]
    rows = [table[tree.left < 0] for tree, table in zip(trees, tables, strict=True)]
    reached = ensemble(graph, matrix, numbered, range(len(trees)))
    index = graph.add("Cast", reached, to=TensorProto.INT64)
    return graph.add("Gather", graph.constant(np.concatenate(rows)), index, axis=0)


def _rooted(tree: Tree) -> Tree:
    """Give a tree that is a single leaf the node that the operator wants."""
    if len(tree.left) > 1:
        return tree
    return Tree(
        feature=np.zeros(3, np.int64),
        threshold=np.zeros(3),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.zeros(3, np.bool_),
        value=np.repeat(tree.value, 3),
        mode=np.zeros(3, np.int64),
        members={},
    )


def _parts(trees: Sequence[Tree], targets: Sequence[int]) -> dict[str, list[Any]]:
    parts: dict[str, list[Any]] = defaultdict(list)
    for tree, target in zip(trees, targets, strict=True):
        n_nodes, n_leaves = len(parts["nodes_splits"]), len(parts["leaf_weights"])
        for name, values in _one(tree, target, n_nodes, n_leaves).items():
            parts[name] += values
    return parts


def _one(
    tree: Tree, target: int, first_node: int, first_leaf: int
) -> dict[str, list[Any]]:
    """Give the attributes of one tree, whose leaves are numbered apart."""
    is_leaf = tree.left < 0
    inner = np.flatnonzero(~is_leaf)
    position = np.where(
        is_leaf, first_leaf + np.cumsum(is_leaf), first_node + np.cumsum(~is_leaf)
    )
    position -= 1
    left, right = tree.left[inner], tree.right[inner]
    return {
        "tree_roots": [first_node],
        "nodes_featureids": tree.feature[inner].tolist(),
        "nodes_splits": tree.threshold[inner].tolist(),
        "nodes_modes": tree.mode[inner].tolist(),
        "members": [tree.members[node] for node in sorted(tree.members)],
        "nodes_missing_value_tracks_true": _flags(tree.missing_left[inner]),
        "nodes_truenodeids": position[left].tolist(),
        "nodes_trueleafs": _flags(is_leaf[left]),
        "nodes_falsenodeids": position[right].tolist(),
        "nodes_falseleafs": _flags(is_leaf[right]),
        "leaf_targetids": [target] * int(is_leaf.sum()),
        "leaf_weights": tree.value[is_leaf].tolist(),
    }


def _flags(values: Bools) -> list[int]:
    flags: list[int] = values.astype(np.int64).tolist()
    return flags


def _tensor(values: Sequence[float], dtype: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype))
