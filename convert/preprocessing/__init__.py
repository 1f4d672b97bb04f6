"""How each transformer of scikit-learn is said in ONNX; importing fills the table."""

from convert.preprocessing import (
    bins,
    functions,
    impute,
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
    "polynomial",
    "power",
    "project",
    "quantile",
    "scale",
    "spline",
]
