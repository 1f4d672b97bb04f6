import numpy as np
import pytest

from convert.fitted.plain import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.bool_(True), True),
        (False, False),
        (np.int64(3), 3),
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.float32(0.5), 0.5),
        (2.0, 2),
        (-0.0, 0),
        (1e300, int(1e300)),
        (np.str_("3"), "3"),
        ("é", "é"),
    ],
)
def test_a_value_becomes_one_of_python_s_own(value: object, expected: object) -> None:
    found = plain(value)

    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_stays_a_float(value: float) -> None:
    assert np.array_equal(plain(value), value, equal_nan=True)
