import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer

from convert.fitted.special import special_numbers


def test_markers_thresholds_and_powers_are_found_with_their_columns() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "c": [1.0, 9.0]})
    steps = make_column_transformer(
        (SimpleImputer(missing_values=-999, strategy="constant", fill_value=7), ["a"]),
        (make_pipeline(FunctionTransformer(np.log10), Binarizer(threshold=2)), ["b"]),
    ).fit(frame)

    found = special_numbers(steps, [str(name) for name in frame])

    assert {-999, 7, float(np.nextafter(-999, 0))} <= set(found["a"])
    assert {1e-3, 10.0, 1000.0, 2.0} <= set(found["b"])
    assert found["c"] == []
