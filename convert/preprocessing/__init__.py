"""How each transformer of scikit-learn is said in ONNX; importing fills the table."""

from convert.preprocessing import (
    bins,
    functions,
    impute,
    impute_iterative,
    impute_neighbors,
    polynomial,
    power,
    project,
    quantile,
    scale,
    spline,
)

__all__ = [
    "bins",
    "functions",
    "impute",
    "impute_iterative",
    "impute_neighbors",
    "polynomial",
    "power",
    "project",
    "quantile",
    "scale",
    "spline",
]
