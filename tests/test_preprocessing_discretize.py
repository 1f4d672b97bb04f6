from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import KBinsDiscretizer

from tests.lowered import compare, lower_to_model, make_numbers, run

BINS: list[Any] = [
    KBinsDiscretizer(4, strategy="uniform"),
    KBinsDiscretizer(4, encode="onehot-dense", strategy="kmeans"),
    KBinsDiscretizer([2, 3, 4, 5, 6], encode="ordinal", strategy="uniform"),
    KBinsDiscretizer(
        5,
        encode="ordinal",
        strategy="quantile",
        quantile_method="averaged_inverted_cdf",
    ),
]


@pytest.mark.parametrize("bins", BINS, ids=str)
def test_bins_agree_also_on_their_edges(bins: Any) -> None:
    bins.fit(make_numbers())
    rows = make_numbers(300, seed=3)
    for name, edges in zip(rows, bins.bin_edges_, strict=True):
        near = np.concatenate([edges, np.nextafter(edges, 1e18), [-1e12, 1e12]])
        rows.loc[: len(near) - 1, name] = near

    assert compare(bins, make_numbers(), rows) == 0


@pytest.mark.parametrize("encode", ["onehot", "ordinal"])
def test_missing_value_gives_nan_where_scikit_learn_raises(encode: str) -> None:
    sample = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0.0, 1.0, 5.0]})
    bins = KBinsDiscretizer(2, encode=encode, strategy="uniform").fit(sample)
    model, _ = lower_to_model(bins, sample)
    n_outputs = 2 if encode == "onehot" else 1

    found = np.isnan(run(model, pd.DataFrame({"x": [np.nan], "y": [1.0]})))
    assert found.ravel().tolist() == [True] * n_outputs + [False] * n_outputs
