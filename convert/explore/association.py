"""One measure of association for every pair of columns, whatever their kinds.

Numbers with numbers: Pearson's correlation r. Categories with numbers: the
correlation ratio η. Categories with categories: Cramér's V. The three are one
idea: η is the largest r that any numbering of the category reaches, and V of two
columns with two levels each is r of their zeros and ones. So cells of one matrix
can be compared. η and V are corrected for bias, because both grow with the number
of levels when nothing is there.

References
----------
W. Bergsma, A bias-correction for Cramér's V and Tschuprow's T, Journal of the
Korean Statistical Society 42 (2013).
"""

from collections.abc import Sequence

import numpy as np

from convert.explore import effects
from convert.explore.columns import Codes, Floats, Variable


def association(a: Variable, b: Variable) -> float:
    """Return r from -1 to 1 for two numeric columns, else η or V from 0 to 1."""
    both = a.present & b.present
    if a.is_numeric and b.is_numeric:
        return effects.pearson(a.numbers[both], b.numbers[both])
    if a.is_numeric:
        a, b = b, a
    if b.is_numeric:
        return correlation_ratio(a.codes[both], b.numbers[both])
    return cramers_v(a.codes[both], b.codes[both])


def correlation_ratio(codes: Codes, values: Floats) -> float:
    """Return η without its bias, that is ε."""
    if len(codes) == 0:
        return 0.0
    groups = effects.group(codes, values, int(codes.max()) + 1)
    share, _ = effects.share_between(groups)
    return float(np.sqrt(share.value))


def cramers_v(a: Codes, b: Codes) -> float:
    """Return Cramér's V without its bias (Bergsma 2013)."""
    n_rows = len(a)
    if n_rows < 2:
        return 0.0
    table = contingency(a, b)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n_a, n_b = table.shape
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n_rows
    phi_squared = float(((table - expected) ** 2 / expected).sum()) / n_rows
    excess = (n_a - 1) * (n_b - 1) / (n_rows - 1)
    corrected_a = n_a - (n_a - 1) ** 2 / (n_rows - 1)
    corrected_b = n_b - (n_b - 1) ** 2 / (n_rows - 1)
    smaller = min(corrected_a, corrected_b) - 1
    if smaller <= 0:
        return 0.0
    return float(np.sqrt(min(max(phi_squared - excess, 0.0) / smaller, 1.0)))


def contingency(a: Codes, b: Codes) -> Codes:
    """Count the rows of each pair of codes, shape (max(a) + 1, max(b) + 1)."""
    n_a, n_b = int(a.max()) + 1, int(b.max()) + 1
    return np.bincount(a * n_b + b, minlength=n_a * n_b).reshape(n_a, n_b)


def association_matrix(columns: Sequence[Variable]) -> Floats:
    """Return the associations of all pairs, shape (n_columns, n_columns)."""
    matrix = np.eye(len(columns))
    for row, a in enumerate(columns):
        for position in range(row):
            matrix[row, position] = association(a, columns[position])
            matrix[position, row] = matrix[row, position]
    return matrix


def measure(a: Variable, b: Variable) -> str:
    """Return the symbol of the measure that `association` takes for the pair."""
    if a.is_numeric and b.is_numeric:
        return "r"
    return "η" if a.is_numeric or b.is_numeric else "V"
