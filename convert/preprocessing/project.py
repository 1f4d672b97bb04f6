"""Linear projections: every output is moved by every input."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, all_owners
from convert.preprocessing.elementwise import affine
from convert.preprocessing.registry import Step, lowers

Floats = npt.NDArray[np.float64]


@lowers(PCA, IncrementalPCA)
def lower_pca(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    pca = step.transformer
    weights = pca.components_.T
    # since scikit-learn 1.5 the mean is subtracted after the product
    if hasattr(pca, "_transform"):
        projected = _project(matrix, weights, graph)
        projected = affine(projected, graph, ("Sub", pca.mean_ @ weights))
    else:
        projected = _project(affine(matrix, graph, ("Sub", pca.mean_)), weights, graph)
    if not pca.whiten:
        return projected
    scale = np.sqrt(pca.explained_variance_)
    smallest = np.finfo(scale.dtype).eps
    return affine(projected, graph, ("Div", np.maximum(scale, smallest)))


@lowers(TruncatedSVD, GaussianRandomProjection, SparseRandomProjection)
def lower_product(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    return _project(matrix, _dense(step.transformer.components_).T, graph)


@lowers(FastICA)
def lower_ica(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    ica = step.transformer
    centered = affine(matrix, graph, ("Sub", ica.mean_)) if ica.whiten else matrix
    return _project(centered, ica.components_.T, graph)


@lowers(FactorAnalysis)
def lower_factors(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    factors = step.transformer
    weighted = factors.components_ / factors.noise_variance_
    identity = np.eye(len(factors.components_))
    covariance = linalg.inv(identity + weighted @ factors.components_.T)
    centered = affine(matrix, graph, ("Sub", factors.mean_))
    return _project(_project(centered, weighted.T, graph), covariance, graph)


@lowers(LinearDiscriminantAnalysis)
def lower_discriminants(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    analysis = step.transformer
    weights = analysis.scalings_[:, : analysis._max_components]
    if analysis.solver == "svd":
        matrix = affine(matrix, graph, ("Sub", analysis.xbar_))
    return _project(matrix, weights, graph)


def _dense(components: Any) -> Floats:
    array = components.toarray() if sparse.issparse(components) else components
    return np.asarray(array, np.float64)


def _project(matrix: Matrix, weights: Floats, graph: Graph) -> Matrix:
    product = graph.add("MatMul", matrix.tensor, graph.constant(weights, np.float64))
    return Matrix(product, (all_owners(matrix),) * weights.shape[1])
