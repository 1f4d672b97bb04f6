from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    TruncatedSVD,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection

from tests.lowered import compare, make_gaps, make_numbers

WITH_GAPS: list[Any] = [
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=50, output_distribution="normal"),
]
TRANSFORMERS: list[Any] = [
    KBinsDiscretizer(4, encode="onehot"),
    KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
    KBinsDiscretizer([2, 3, 4, 5, 6], encode="ordinal", strategy="kmeans"),
    PolynomialFeatures(2),
    PolynomialFeatures(3, include_bias=False),
    PolynomialFeatures((2, 4), interaction_only=True),
    PolynomialFeatures(1),
    SplineTransformer(),
    SplineTransformer(degree=2, n_knots=7, knots="quantile", extrapolation="linear"),
    SplineTransformer(degree=1, extrapolation="linear", include_bias=False),
    SplineTransformer(extrapolation="continue"),
    SplineTransformer(extrapolation="periodic", n_knots=6),
    PCA(3),
    PCA(whiten=True),
    IncrementalPCA(2),
    TruncatedSVD(2),
    FactorAnalysis(2),
    FastICA(2, random_state=0, max_iter=2000),
    GaussianRandomProjection(3, random_state=0),
    VarianceThreshold(1.0),
]
for t in TRANSFORMERS + WITH_GAPS:
    pass


@pytest.mark.parametrize("transformer", WITH_GAPS, ids=str)
def test_agrees_with_gaps(transformer: Any) -> None:
    transformer.fit(make_gaps())

    e = compare(transformer, make_gaps(), make_gaps(500, seed=3))
    print(transformer, e)
    assert e < 1e-12


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_agrees(transformer: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), transformer).fit(make_numbers())

    e = compare(pipeline, make_numbers(), make_numbers(500, seed=3))
    print(transformer, e)
    assert e < 1e-12
