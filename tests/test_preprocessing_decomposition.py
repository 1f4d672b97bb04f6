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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tests.lowered import compare, make_numbers

PROJECTIONS: list[Any] = [
    PCA(3),
    PCA(whiten=True),
    IncrementalPCA(2),
    TruncatedSVD(2),
    FactorAnalysis(2),
    FastICA(2, random_state=0, max_iter=2000, tol=0.01),
    GaussianRandomProjection(3, random_state=0),
    SparseRandomProjection(3, random_state=0, dense_output=True),
    LinearDiscriminantAnalysis(n_components=2),
    LinearDiscriminantAnalysis(solver="eigen"),
]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=str)
def test_projection_agrees(projection: Any) -> None:
    steps = make_pipeline(StandardScaler(), projection)
    steps.fit(make_numbers(), np.arange(120) % 4)

    assert compare(steps, make_numbers(), make_numbers(500, seed=3) * 5) < 1e-13


def test_projection_of_large_magnitudes_agrees_to_their_precision() -> None:
    pca = PCA(2).fit(make_numbers())
    rows = make_numbers(300, seed=3)

    # 1.7e9 carries 2e-7; scikit-learn subtracts the mean after the product
    assert compare(pca, make_numbers(), rows) < 1e-6
