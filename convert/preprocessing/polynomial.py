"""PolynomialFeatures: each degree is the degree below, times a first factor."""

from itertools import combinations, combinations_with_replacement

from sklearn.preprocessing import PolynomialFeatures

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, concatenate, take
from convert.preprocessing.elementwise import ones
from convert.preprocessing.registry import Step, lowers

Term = tuple[int, ...]


@lowers(PolynomialFeatures)
def lower_polynomial(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    features = step.transformer
    degree = features.degree
    lowest, highest = (0, degree) if isinstance(degree, int) else degree
    parts = []
    if features.include_bias:
        parts.append(Matrix(ones(graph, matrix), (frozenset(),)))
    level, terms = matrix, _terms(matrix.n_columns, 1, features.interaction_only)
    for power in range(1, highest + 1):
        if power > 1:
            above = _terms(matrix.n_columns, power, features.interaction_only)
            level, terms = _multiply(matrix, level, terms, above, graph), above
        if power >= lowest:
            parts.append(level)
    return concatenate(parts, graph)


def _terms(n_columns: int, degree: int, interaction_only: bool) -> list[Term]:
    choose = combinations if interaction_only else combinations_with_replacement
    return list(choose(range(n_columns), degree))


def _multiply(
    matrix: Matrix, level: Matrix, terms: list[Term], above: list[Term], graph: Graph
) -> Matrix:
    """Return the terms `above`, in scikit-learn's order: rest · first factor."""
    position = {term: index for index, term in enumerate(terms)}
    rest = take(level, [position[term[1:]] for term in above], graph)
    first = take(matrix, [term[0] for term in above], graph)
    owners = tuple(a | b for a, b in zip(rest.owners, first.owners, strict=True))
    if not above:
        return Matrix(rest.tensor, ())
    return Matrix(graph.add("Mul", rest.tensor, first.tensor), owners)
