"""Reads the arrays that joblib puts between the instructions of a pickle."""

import re
from dataclasses import dataclass
from typing import Any

from convert.errors import Unreadable
from convert.saved.damage import NO_SENSE, Damaged
from convert.saved.written import Made, Name

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
OLD_WRAPPERS = {
    f"joblib.{module}.{name}"
    for module in ("numpy_pickle", "numpy_pickle_compat")
    for name in ("NDArrayWrapper", "ZNDArrayWrapper")
}
"""joblib before 0.10 kept each array in a file beside the pickle."""

MAX_DIMENSIONS = 64
MAX_EMPTY_ITEMS = 1_000_000
"""Items of no bytes that one array may have, since nothing in the file pays for them."""

HAS_OBJECTS = 0x01
"""The flag of a dtype that has references in it."""

NO_DTYPE = "an array in it is of no dtype that numpy writes"

KIND = re.compile(r"([a-zA-Z])(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """What a wrapper says about the array behind it."""

    dtype: Any
    shape: tuple[int, ...]
    order: Any
    is_padded: bool

    @property
    def n_bytes(self) -> int:
        """How many the values take, at most as many as numpy can count."""
        return count_bytes(self.shape, _item_bytes(self.dtype))


def is_wrapper(made: Made) -> bool:
    """Whether an array follows this.

    Raises
    ------
    Unreadable
        An array of an old joblib does, in another file.
    """
    if type(made.maker) is not Name:
        return False
    name = str(made.maker)
    if name in OLD_WRAPPERS:
        raise Unreadable(
            "a joblib before 0.10 wrote it, which kept arrays in files of their own: "
            "load it with that one, and save it again with a newer"
        )
    return name == WRAPPER


def read_layout(wrapper: Made) -> Layout:
    """Return what a wrapper says, checked.

    Raises
    ------
    Damaged
        If it is described twice, has no dtype, shape or order, or one of the last two
        makes no sense.
    """
    if len(wrapper.states) > 1:
        raise Damaged("an array in it is described twice")
    (state,) = wrapper.states
    if type(state) is not dict or not {"dtype", "shape", "order"} <= state.keys():
        raise Damaged(NO_SENSE)
    if state["order"] not in ("C", "F"):
        raise Damaged("an array in it is in no order that numpy has")
    return Layout(
        state["dtype"],
        read_shape(state["shape"]),
        state["order"],
        state.get("numpy_array_alignment_bytes") is not None,
    )


def read_shape(shape: Any) -> tuple[int, ...]:
    """Return the lengths of an array as plain integers, none below zero.

    Raises
    ------
    Damaged
        If it is no tuple, has more than `MAX_DIMENSIONS`, or a length in it is no
        number or below zero.
    """
    if type(shape) is not tuple or len(shape) > MAX_DIMENSIONS:
        raise Damaged("an array in it has no shape")
    lengths = tuple(map(_length, shape))
    if any(length < 0 for length in lengths):
        raise Damaged("an array in it has a length below zero")
    return lengths


def _length(length: Any) -> int:
    if type(length) is int:
        return length
    match length:  # joblib ≤ 1.1 wrote the shape of some arrays with numpy integers
        case Made(Name(name="scalar"), (Made(arguments=(str(kind), *_)), bytes(value))):
            if re.fullmatch(r"[iu][1248]", kind) and len(value) == int(kind[1]):
                return int.from_bytes(value, "little", signed=kind[0] == "i")
    raise Damaged("an array in it has a length that is no number")


def count_items(shape: tuple[int, ...]) -> int:
    """Return the product of lengths; no machine has more than 2**60 of anything."""
    count = 1
    for length in sorted(shape):  # a zero comes first
        count = min(count * length, 2**60)
    return count


def count_bytes(shape: tuple[int, ...], item_bytes: int) -> int:
    """Return how many bytes the values of an array take.

    Raises
    ------
    Damaged
        If it has more than `MAX_EMPTY_ITEMS` of no bytes.
    """
    n_items = count_items(shape)
    if not item_bytes and n_items > MAX_EMPTY_ITEMS:
        raise Damaged(f"an array in it has {n_items} items of no bytes")
    return n_items * item_bytes


def _item_bytes(dtype: Any) -> int:
    """Return how many one item takes, of a pickled ``dtype("f8", False, True)``."""
    kind, size = _kind(dtype)
    return size * (4 if kind == "U" else 1)


def has_objects(dtype: Any) -> bool:
    """Whether a pickled dtype, or a field of it, says that it is of Python objects.

    Raises
    ------
    Damaged
        If it is of no dtype that numpy writes.
    """
    kind, _ = _kind(dtype)
    match dtype.states:
        case [(_, _, _, _, _, _, _, int(flags), *_)]:
            return kind == "O" or bool(flags & HAS_OBJECTS)
    raise Damaged(NO_DTYPE)


def _kind(dtype: Any) -> tuple[str, int]:
    match dtype:
        case Made(Name(name="dtype"), (str(text), *_)):
            if found := KIND.fullmatch(text):
                return found[1], int(found[2])
    raise Damaged(NO_DTYPE)
