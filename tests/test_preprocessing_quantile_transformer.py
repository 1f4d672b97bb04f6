import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import QuantileTransformer

from tests.lowered import compare, make_gaps


def make_edges(quantiles: pd.DataFrame) -> pd.DataFrame:
    """Return every quantile, its two neighbours, and values far outside."""
    values = quantiles.to_numpy()
    around = [values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)]
    far = [values[:1] - 1e6, values[-1:] + 1e6, np.full_like(values[:1], np.nan)]
    return pd.DataFrame(np.concatenate([*around, *far]), columns=quantiles.columns)


@pytest.mark.parametrize("n_quantiles", [7, 63, 64, 65, 120])
def test_uniform_equals_scikit_learn_to_the_last_bit(n_quantiles: int) -> None:
    transformer = QuantileTransformer(n_quantiles=n_quantiles).fit(make_gaps())
    quantiles = pd.DataFrame(transformer.quantiles_, columns=make_gaps().columns)

    assert compare(transformer, make_gaps(), make_gaps(500, seed=3)) == 0
    assert compare(transformer, make_gaps(), make_edges(quantiles)) == 0


def test_normal_agrees_as_far_as_the_clip() -> None:
    transformer = QuantileTransformer(n_quantiles=50, output_distribution="normal")
    transformer.fit(make_gaps())
    quantiles = pd.DataFrame(transformer.quantiles_, columns=make_gaps().columns)

    assert compare(transformer, make_gaps(), make_gaps(500, seed=3)) < 5e-15
    assert compare(transformer, make_gaps(), make_edges(quantiles)) < 5e-15


def test_normal_equals_scipy_to_the_last_bit_at_every_level() -> None:
    # with two quantiles, 0 and 1, a value is its own level
    sample = pd.DataFrame({"x": [0.0, 1.0]})
    transformer = QuantileTransformer(n_quantiles=2, output_distribution="normal")
    transformer.fit(sample)
    tail = np.geomspace(1e-7, 0.5, 3000)
    rows = pd.DataFrame({"x": np.r_[tail, 1 - tail]})

    assert compare(transformer, sample, rows) == 0
