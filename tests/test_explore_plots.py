import numpy as np
import pytest

from convert.explore.columns import Floats
from convert.explore.plots import MAX_BINS, bin_edges


@pytest.mark.parametrize(
    "numbers",
    [
        np.array([3.0]),
        np.array([0.0, 1.0]),
        np.arange(101.0),
        np.arange(1e6, 1e6 + 12345),
        np.random.default_rng(0).normal(size=500),
        np.array([1e-300, 2e-300, 5e-300]),
        np.array([-1e99, 1e99, 0.5]),
    ],
)
def test_every_number_has_a_bin(numbers: Floats) -> None:
    edges = bin_edges(numbers)

    assert np.histogram(numbers, edges)[0].sum() == len(numbers)
    assert len(edges) - 1 <= MAX_BINS + 1


def test_whole_numbers_have_bins_of_whole_width() -> None:
    edges = bin_edges(np.arange(101.0))

    assert np.unique(np.diff(edges)).tolist() == [3.0]
    assert edges[0] == -0.5
