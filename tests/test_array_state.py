from typing import Any

import numpy as np
import pytest

from convert.array_state import is_sound_array, is_sound_dtype

DTYPES: list[Any] = [
    *["f8", ">f4", "?", "O", "U12", "S3", "M8[ns]", "m8[25s]", "V7"],
    [("a", "<i8"), ("b", "f4")],
    {"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 1], "itemsize": 16},
]


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("align", [False, True])
def test_what_numpy_writes_for_a_dtype_is_sound(kind: Any, align: bool) -> None:
    if isinstance(kind, dict) and align:
        kind = {**kind, "offsets": [0, 8]}
    make, args, state = np.dtype(kind, align=align).__reduce__()

    assert is_sound_dtype(make(*args), state)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("O8", (3, "|", None, None, None, -1, -1, 0)),  # objects without a count
        ("u8", (3, "|", None, None, None, -1, -1, 63)),
        ("U3", (3, "<", None, None, None, 4096, 4, 8)),
        ("V8", (3, "|", (np.dtype("O"), (1,)), None, None, 8, 8, 0)),
        ("V8", (3, "|", None, None, None, -8, 1, 0)),
        ("f8", (3, "<")),
        ("f8", None),
    ],
)
def test_a_dtype_that_numpy_would_not_write_is_unsound(kind: str, state: Any) -> None:
    assert not is_sound_dtype(np.dtype(kind, copy=True), state)


def test_the_dtype_that_everybody_uses_is_never_changed() -> None:
    assert not is_sound_dtype(np.dtype("f8"), np.dtype("f8").__reduce__()[2])


@pytest.mark.parametrize(
    ("state", "sound"),
    [
        ((1, (2,), np.dtype("f4"), False, bytes(8)), True),
        ((1, (2,), np.dtype("f4"), False, bytes(7)), False),
        ((1, (2**62,), np.dtype("f4"), False, bytes(8)), False),
        ((1, (-1, -2), np.dtype("f4"), False, bytes(8)), False),
        ((1, (2,), np.dtype("O"), False, ["a", None]), True),
        ((1, (2,), np.dtype("O"), False, bytes(16)), False),
        ((1, (2,), np.dtype("O"), False, ["a"]), False),
        ((1, (2,), np.dtype("f4"), False, bytes(8), bytes(2), None), True),
        ((1, (2,), np.dtype("f4"), False, bytes(8), bytes(3), None), False),
        (("f4", bytes(8)), False),
    ],
)
def test_an_array_has_as_many_values_as_its_shape(state: Any, sound: bool) -> None:
    assert is_sound_array(state) is sound
