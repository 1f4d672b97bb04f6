"""Makes the trees of scikit-learn that compiled code walks: a wrong link never ends.

What a tree says is checked and kept, never fitted anew: two points of one distance
would come back in another order.
"""

from typing import Any

import numpy as np

from convert.errors import Refusal, Unreadable
from convert.saved.makers import ARGUMENTS
from convert.saved.written import Made, Name

LEAF = -1
LAST_CLASS = 2**20
N_TREE_PARTS = 13

Array = np.ndarray[Any, Any]


def decision_tree(made: Made) -> Any:
    """Make a `sklearn.tree._tree.Tree`.

    Raises
    ------
    Unreadable
        If it is not written as scikit-learn writes a tree, or its classes, nodes and
        values do not go together.
    """
    from sklearn.tree._tree import Tree

    match made.arguments, made.states:
        case (
            (int(n_features), np.ndarray() as classes, int(n_outputs)),
            [{"max_depth": int(depth), "node_count": int(count), **arrays}],
        ) if {"nodes", "values"} == set(arrays):
            nodes, values = arrays["nodes"], arrays["values"]
        case _:
            raise Unreadable("is not written as scikit-learn writes a tree")
    _check_classes(classes, n_outputs)
    if (
        type(nodes) is not np.ndarray
        or nodes.shape != (count,)
        or not nodes.dtype.names
    ):
        raise Unreadable(f"is a tree of {count} nodes and has not as many")
    expected = (count, n_outputs, int(classes.max()))
    if type(values) is not np.ndarray or values.shape != expected:
        raise Unreadable("is a tree that has not one value for each node")
    _check_nodes(nodes, n_features, depth)
    tree = Tree(n_features, classes, n_outputs)
    tree.__setstate__(made.states[0])
    return tree


def _check_classes(classes: Array, n_outputs: int) -> None:
    sound = classes.dtype.kind in "iu" and classes.shape == (n_outputs,) and n_outputs
    if not sound or classes.min() < 1 or classes.max() > LAST_CLASS:
        raise Unreadable(f"is a tree of {n_outputs} outputs and has not their classes")


def _check_nodes(nodes: Array, n_features: int, depth: int) -> None:
    left, right = nodes["left_child"], nodes["right_child"]
    inner = np.flatnonzero(left != LEAF)
    if (right[left == LEAF] != LEAF).any():
        raise Unreadable("is a tree with half a leaf")
    if tree_depth(inner, left, right) > depth:
        raise Unreadable(f"is a tree deeper than it says ({depth})")
    features = nodes["feature"][inner]
    if len(features) and not 0 <= features.min() <= features.max() < n_features:
        raise Unreadable(
            f"is a tree that asks for another than its {n_features} features"
        )


def tree_depth(inner: Array, left: Array, right: Array) -> int:
    """Return the depth of a tree whose nodes come after the ones that they hang on.

    Parameters
    ----------
    inner
        Numbers of the nodes that have two children each, ascending.
    left, right
        Number of each node's children.

    Raises
    ------
    Unreadable
        If a node does not come after the one that it hangs on, or hangs on none or on
        two.
    """
    n_nodes = len(left)
    first, second = left[inner].astype(np.int64), right[inner].astype(np.int64)
    children = np.concatenate([first, second])
    after = (first > inner).all() and (second > inner).all()
    if not after or (len(children) and children.max() >= n_nodes):
        raise Unreadable(
            "is a tree whose nodes do not come after the ones they hang on"
        )
    hangs = np.bincount(children, minlength=n_nodes)
    if not n_nodes or hangs[0] or (hangs[1:] != 1).any():
        raise Unreadable("is a tree of which a node hangs on none, or on two")
    parents = np.zeros(n_nodes, np.int64)
    parents[first] = parents[second] = inner
    depth, waiting = 0, np.arange(1, n_nodes)
    while len(waiting):
        depth += 1
        waiting = parents[waiting]
        waiting = waiting[waiting > 0]
    return depth


def metric(made: Made) -> Any:
    """Make a distance of `sklearn.metrics._dist_metrics`, by its constructor.

    Raises
    ------
    Unreadable
        If it is not written as scikit-learn writes a distance.
    """
    from sklearn.metrics import _dist_metrics

    match made.arguments, made.states:
        case (
            (Name() as named,),
            [(float(power), np.ndarray() as vector, np.ndarray() as matrix)],
        ) if str(named) in ARGUMENTS and named.module == _dist_metrics.__name__:
            cls = getattr(_dist_metrics, named.name)
        case _:
            raise Unreadable("is not written as scikit-learn writes a distance")
    match named.name.removesuffix("64").removesuffix("Distance"):
        case "Minkowski":
            return cls(power, vector) if len(vector) else cls(power)
        case "SEuclidean":
            return cls(vector)
        case "Mahalanobis":
            return cls(VI=matrix)
    found = cls()
    if found.__getstate__()[0] != power:  # trees are searched by it
        raise Unreadable(f"is a {named.name} of another power than it has")
    return found


def neighbours(made: Made) -> Any:
    """Make a `KDTree` or a `BallTree`, from the arrays that it says it has.

    Raises
    ------
    Unreadable
        If it is not written as scikit-learn writes a tree of neighbours, or its arrays
        do not go together.
    """
    import sklearn.neighbors

    match made.arguments, made.states:
        case (Name(name="KDTree" | "BallTree" as name),), [tuple() as state]:
            pass
        case _:
            raise _no_neighbours()
    if len(state) != N_TREE_PARTS:
        raise _no_neighbours()
    *arrays, leaf_size, n_levels, n_nodes, _, _, _, _, distance, weights = state
    numbers = state[4:11]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise _no_neighbours()
    if not leaf_size or n_levels > 63 or n_nodes != 2**n_levels - 1:
        raise _no_neighbours()
    _check_neighbours(arrays, n_nodes, has_corners="KD" in name)
    _check_weights(weights, len(arrays[0]))
    distance._validate_data(arrays[0])
    cls = getattr(sklearn.neighbors, name)
    tree = cls.__new__(cls)
    tree.__setstate__(state)
    return tree


def _check_neighbours(arrays: list[Any], n_nodes: int, *, has_corners: bool) -> None:
    if not all(type(array) is np.ndarray for array in arrays):
        raise _no_neighbours()
    data, order, nodes, bounds = arrays
    if data.ndim != 2 or not data.size or order.shape != data.shape[:1]:
        raise _no_neighbours()
    if order.dtype.kind != "i" or (np.sort(order) != np.arange(len(data))).any():
        raise Unreadable("is a tree of neighbours that has not each point once")
    if bounds.shape != (1 + has_corners, n_nodes, data.shape[1]):
        raise _no_neighbours()
    if nodes.shape != (n_nodes,) or "idx_start" not in (nodes.dtype.names or ()):
        raise _no_neighbours()
    _check_parts(nodes, len(data))


def _check_parts(nodes: Array, n_points: int) -> None:
    """Refuse nodes that do not part the points of the one that they hang on.

    Raises
    ------
    Unreadable
        If a node hangs nowhere, or nodes share points.
    """
    start, end, is_leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"]
    inner = np.flatnonzero(is_leaf == 0)
    if (2 * inner + 2 >= len(nodes)).any() or (start[0], end[0]) != (0, n_points):
        raise Unreadable("is a tree of neighbours with a node that hangs nowhere")
    one, other = 2 * inner + 1, 2 * inner + 2
    sound = (start[one] == start[inner]) & (end[one] == start[other])
    sound &= (end[other] == end[inner]) & (start[other] >= start[inner])
    sound &= start[other] <= end[inner]
    if not sound.all():
        raise Unreadable("is a tree of neighbours whose nodes share points")


def _check_weights(weights: Any, n_points: int) -> None:
    if weights is None:
        return
    if type(weights) is not np.ndarray or weights.shape != (n_points,):
        raise _no_neighbours()


def _no_neighbours() -> Refusal:
    return Unreadable("is not written as scikit-learn writes a tree of neighbours")
