"""How much a JSON body holds, counted before any of it is built.

A body of four megabytes can be a million empty objects, which are a hundred times as
large in memory: it is refused by its commas, of which each value but the first has one.
What is only a little too much is read, and is told its number of rows.
"""

import re

from server.problems import TooManyRows

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string, or what begins as one; it matches at every quotation mark, so that no part
of a body is looked at twice."""


def require_few_values(body: bytes, max_rows: int, n_columns: int) -> None:
    """Refuse a body that holds more values than the most rows have.

    Parameters
    ----------
    n_columns
        Most that a row may have: the features, and what is ignored beside them.

    Raises
    ------
    TooManyRows
    """
    max_values = 2 * max_rows * max(1, n_columns)
    if len(body) <= max_values or body.count(b",") <= max_values:
        return
    in_strings = sum(text[0].count(b",") for text in STRING.finditer(body))
    if body.count(b",") - in_strings > max_values:
        raise TooManyRows(
            f"The body has more values than {max_rows} rows of {n_columns} columns; "
            f"at most {max_rows} rows are accepted."
        )
