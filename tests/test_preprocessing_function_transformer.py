from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from convert.fitted import own
from convert.lowering.preprocessing.function_transformer import FUNCTIONS
from tests.lowered import compare, lower_to_model, make_numbers, run

SOME_ULP = 1e-15

UNUSUAL = [0.0, -0.0, 1e-300, -1e-17, 1e-16, -0.5, 0.25, 1e-3, 1e5, -3.5, 2.5, np.nan]


@pytest.mark.parametrize(
    "function", FUNCTIONS, ids=lambda f: getattr(f, "__name__", "None")
)
def test_function_agrees_with_numpy(function: Any) -> None:
    transformer = FunctionTransformer(function).fit(make_numbers())
    rows = make_numbers(300, seed=3)
    rows["small"] = np.resize(UNUSUAL, len(rows))
    rows["epoch"] = np.resize([1e-12, 699.0, 36.7, 1.7e9], len(rows))

    with np.errstate(all="ignore"):
        error = compare(transformer, make_numbers(), rows)
    # tan is sin / cos, and its error grows beside a pole
    assert error < (1e-12 if function is np.tan else SOME_ULP)


def test_logarithm_keeps_its_digits_near_zero() -> None:
    tiny = pd.DataFrame({"x": np.geomspace(1e-300, 1e-3, 200)})
    for function in (np.log1p, np.expm1, np.cbrt):
        transformer = FunctionTransformer(function).fit(tiny)
        model, _ = lower_to_model(transformer, tiny)

        expected = function(tiny.to_numpy())
        assert np.max(np.abs(run(model, tiny) / expected - 1)) < 1e-15


POWERS: list[tuple[Any, Any]] = [
    (np.log10, [float(f"1e{n}") for n in range(-20, 22)]),
    (np.log2, np.exp2(np.arange(-60.0, 60.0))),
    (np.log1p, np.expm1(np.arange(2.0, 40.0))),
    (np.cbrt, np.arange(-50.0, 200.0) ** 3),
]


@pytest.mark.parametrize(
    ("function", "powers"), POWERS, ids=lambda each: str(each)[:20]
)
def test_a_whole_number_is_not_rounded_down(function: Any, powers: Any) -> None:
    rows = pd.DataFrame({"x": powers})
    steps = make_pipeline(FunctionTransformer(function), FunctionTransformer(np.floor))

    assert compare(steps.fit(rows), rows, rows) == 0


def test_the_functions_that_are_known_are_those_that_are_lowered() -> None:
    assert FUNCTIONS.keys() == own.FUNCTIONS
