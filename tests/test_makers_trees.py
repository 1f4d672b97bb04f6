import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree import DecisionTreeRegressor

from convert.errors import Refusal
from convert.saved.build import build
from convert.saved.makers import trees
from convert.saved.scan import read_pickle
from convert.saved.written import Made, Name
from tests.alike import difference

POINTS = np.random.default_rng(3).normal(size=(50, 3))
TREE = DecisionTreeRegressor(max_depth=4).fit(POINTS, POINTS.sum(axis=1)).tree_


def decision_tree(**changed: Any) -> Made:
    """Return the tree as it is written, with other numbers in the fields of a node."""
    _, arguments, state = TREE.__reduce__()
    nodes = state["nodes"].copy()
    for name, value in changed.items():
        if name in nodes.dtype.names:
            nodes[name][0] = value
        else:
            state[name] = value
    state = {**state, "nodes": changed.get("nodes", nodes)}
    return Made(Name("sklearn.tree._tree", "Tree"), arguments, states=[state])


def test_a_tree_comes_back() -> None:
    assert difference(trees.decision_tree(decision_tree()), TREE) == ""


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"left_child": 0}, "do not come after the ones they hang on"),
        ({"left_child": 10**6}, "do not come after the ones they hang on"),
        ({"left_child": 2}, "hangs on none, or on two"),
        ({"left_child": -1}, "half a leaf"),
        ({"feature": 3}, "asks for another than its 3 features"),
        ({"feature": -2}, "asks for another than its 3 features"),
        ({"max_depth": 1}, r"deeper than it says \(1\)"),
        ({"node_count": 3}, "of 3 nodes and has not as many"),
        ({"values": np.zeros((2, 1, 1))}, "not one value for each node"),
        ({"nodes": np.zeros(3)}, "and has not as many"),
    ],
)
def test_a_tree_whose_links_lead_elsewhere_is_refused(
    changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        trees.decision_tree(decision_tree(**changed))


def test_the_depth_of_a_tree_is_the_longest_way_down() -> None:
    left, right = TREE.children_left, TREE.children_right

    assert trees.tree_depth(np.flatnonzero(left >= 0), left, right) == TREE.max_depth


@pytest.mark.parametrize("cls", [KDTree, BallTree])
def test_a_tree_of_neighbours_comes_back(cls: Any) -> None:
    honest = cls(POINTS, leaf_size=3)

    assert difference(build(read_pickle(pickle.dumps(honest)).tree), honest) == ""


def neighbours(position: int, value: Any) -> Made:
    """Return a tree as it is written, with something else at a place of its state."""
    state = list(KDTree(POINTS, leaf_size=3).__getstate__())
    state[position] = value(state[position]) if callable(value) else value
    return Made(
        Name("sklearn.neighbors._kd_tree", "newObj"),
        (Name("sklearn.neighbors._kd_tree", "KDTree"),),
        states=[tuple(state)],
    )


def overlapping(nodes: Any) -> Any:
    changed = nodes.copy()
    changed["idx_end"][1] = len(POINTS)
    return changed


def without_leaves(nodes: Any) -> Any:
    changed = nodes.copy()
    changed["is_leaf"] = 0
    return changed


@pytest.mark.parametrize(
    ("position", "value", "sentence"),
    [
        (0, POINTS[:4], "is not written as"),
        (1, lambda order: order + 1, "has not each point once"),
        (1, lambda order: order * 0, "has not each point once"),
        (2, overlapping, "whose nodes share points"),
        (2, without_leaves, "a node that hangs nowhere"),
        (3, lambda bounds: bounds[:, :2], "is not written as"),
        (4, 0, "is not written as"),
        (5, 70, "is not written as"),
        (6, 10**9, "is not written as"),
        (12, np.ones(3), "is not written as"),
    ],
    ids=map(str, range(10)),
)
def test_neighbours_that_lie_outside_are_refused(
    position: int, value: Any, sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        trees.neighbours(neighbours(position, value))


@pytest.mark.parametrize("name", ["PyFuncDistance64", "DistanceMetric", "np"])
def test_a_distance_that_calls_a_function_is_refused(name: str) -> None:
    made = Made(
        Name("sklearn.metrics._dist_metrics", "newObj"),
        (Name("sklearn.metrics._dist_metrics", name),),
        states=[(2.0, np.zeros(1), np.zeros((1, 1)))],
    )

    with pytest.raises(Refusal, match="writes a distance"):
        trees.metric(made)
