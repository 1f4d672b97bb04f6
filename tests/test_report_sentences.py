import math

import pytest
from msgspec.structs import replace
from scipy.stats import beta

from convert.report.sentences import say_bounds, scatter
from server.signature import Interval
from tests.models import SCORE, TARGET


@pytest.mark.parametrize("n_rows", [9, 30, 100, 800])
def test_the_scatter_is_that_of_the_order_statistic(n_rows: int) -> None:
    interval = Interval(half_width=1.0, coverage=0.9, n_rows=n_rows)
    rank = math.ceil((n_rows + 1) * 0.9)

    assert scatter(interval) == pytest.approx(beta(rank, n_rows + 1 - rank).std())


@pytest.mark.parametrize(
    ("minimum", "maximum", "said"),
    [
        (0.0, 100.0, "from 0 to 100"),
        (None, 1234567.25, "to 1234567.25"),
        (-3.4e38, 2.0, "to 2"),
        (None, None, ""),
    ],
)
def test_bounds_are_said_as_people_write_them(
    minimum: float | None, maximum: float | None, said: str
) -> None:
    for one in (SCORE, TARGET):
        bounded = replace(one, minimum=minimum, maximum=maximum)

        assert say_bounds(bounded) == said
