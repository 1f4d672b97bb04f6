import io
import pickle
from typing import Any

import dill
import joblib
import numpy as np
import pytest

from convert.saved.unpickle import unpickle


def dumped(thing: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(thing, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(3, dtype=">f4"),
        np.array(["a", None, 1.5], dtype=object),
        np.ma.MaskedArray([1, 2], [False, True]),
    ],
)
def test_arrays_come_back_as_they_were(array: Any) -> None:
    for pickled in (dumped(array), pickle.dumps(array), dill.dumps(array)):
        back = unpickle(pickled)

        np.testing.assert_array_equal(back, array)
        assert back.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        assert back.flags.writeable


def test_a_lambda_comes_back() -> None:
    assert unpickle(dill.dumps(lambda x: x + 1))(1) == 2
