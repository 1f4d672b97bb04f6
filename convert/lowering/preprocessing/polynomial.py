"""PolynomialFeatures: each degree is the degree below, times a first factor."""

from itertools import combinations, combinations_with_replacement

from convert.graph.arithmetic import repeat
from convert.graph.blocks import Matrix, join, select
from convert.graph.builder import Graph
from convert.lowering.registry import lowers
from convert.lowering.step import Step

Term = tuple[int, ...]


@lowers("sklearn.PolynomialFeatures")
def lower_polynomial(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    features = step.transformer
    degree = features.degree
    lowest, highest = (0, degree) if isinstance(degree, int) else degree
    parts = []
    if features.include_bias:
        parts.append(Matrix(repeat(graph, 1.0, matrix.tensor), (frozenset(),)))
    level, terms = matrix, _terms(matrix.n_columns, 1, features.interaction_only)
    for power in range(1, highest + 1):
        if power > 1:
            above = _terms(matrix.n_columns, power, features.interaction_only)
            level, terms = _multiply(graph, matrix, level, terms, above), above
        if power >= lowest:
            parts.append(level)
    return join(graph, parts)


def _terms(n_columns: int, degree: int, interaction_only: bool) -> list[Term]:
    choose = combinations if interaction_only else combinations_with_replacement
    return list(choose(range(n_columns), degree))


def _multiply(
    graph: Graph, matrix: Matrix, level: Matrix, terms: list[Term], above: list[Term]
) -> Matrix:
    """Return the terms `above`, in scikit-learn's order: rest · first factor."""
    position = {term: index for index, term in enumerate(terms)}
    rest = select(graph, level, [position[term[1:]] for term in above])
    first = select(graph, matrix, [term[0] for term in above])
    owners = tuple(a | b for a, b in zip(rest.owners, first.owners, strict=True))
    if not above:
        return Matrix(rest.tensor, ())
    return Matrix(graph.add("Mul", rest.tensor, first.tensor), owners)
