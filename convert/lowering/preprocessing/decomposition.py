"""Linear projections: every output is moved by every input."""

import numpy as np
import numpy.typing as npt
from scipy import linalg

from convert.fitted.plain import dense
from convert.graph.blocks import Matrix, affine, all_owners
from convert.graph.builder import Graph
from convert.lowering.registry import lowers
from convert.lowering.step import Step

Floats = npt.NDArray[np.float64]


@lowers("sklearn.PCA", "sklearn.IncrementalPCA")
def lower_pca(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    pca = step.transformer
    weights = pca.components_.T
    # since scikit-learn 1.5 the mean is subtracted after the product
    if hasattr(pca, "_transform"):
        projected = _project(graph, matrix, weights)
        projected = affine(graph, projected, ("Sub", pca.mean_ @ weights))
    else:
        projected = _project(graph, affine(graph, matrix, ("Sub", pca.mean_)), weights)
    if not pca.whiten:
        return projected
    scale = np.sqrt(pca.explained_variance_)
    smallest = np.finfo(scale.dtype).eps
    return affine(graph, projected, ("Div", np.maximum(scale, smallest)))


@lowers(
    "sklearn.TruncatedSVD",
    "sklearn.GaussianRandomProjection",
    "sklearn.SparseRandomProjection",
)
def lower_product(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    return _project(graph, matrix, dense(step.transformer.components_).T)


@lowers("sklearn.FastICA")
def lower_ica(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    ica = step.transformer
    centered = affine(graph, matrix, ("Sub", ica.mean_)) if ica.whiten else matrix
    return _project(graph, centered, ica.components_.T)


@lowers("sklearn.FactorAnalysis")
def lower_factors(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    factors = step.transformer
    weighted = factors.components_ / factors.noise_variance_
    identity = np.eye(len(factors.components_))
    covariance = linalg.inv(identity + weighted @ factors.components_.T)
    centered = affine(graph, matrix, ("Sub", factors.mean_))
    return _project(graph, _project(graph, centered, weighted.T), covariance)


@lowers("sklearn.LinearDiscriminantAnalysis")
def lower_discriminants(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    analysis = step.transformer
    weights = analysis.scalings_[:, : analysis._max_components]
    if analysis.solver == "svd":
        matrix = affine(graph, matrix, ("Sub", analysis.xbar_))
    return _project(graph, matrix, weights)


def _project(graph: Graph, matrix: Matrix, weights: Floats) -> Matrix:
    product = graph.add("MatMul", matrix.tensor, graph.constant(weights, np.float64))
    return Matrix(product, (all_owners(matrix),) * weights.shape[1])
