"""Tensors of onnxruntime, from Python lists and back to lists."""

import functools
import math
from array import array
from collections.abc import Sequence
from ctypes import (
    Array,
    byref,
    c_char_p,
    c_int64,
    c_size_t,
    c_void_p,
    create_string_buffer,
    memmove,
    sizeof,
    string_at,
)
from itertools import pairwise
from typing import Any, NamedTuple

from server.runtime.library import Library, Owned, RuntimeFault

MAX_KEPT_TEXT_BYTES = 256
"""A longer text is not kept from one run to the next."""

ELEMENT_TYPES = {"float32": 1, "int64": 7, "string": 8, "bool": 9, "float64": 11}
_DTYPES = {number: dtype for dtype, number in ELEMENT_TYPES.items()}
_TYPECODES = {"float32": "f", "int64": "q", "bool": "B", "float64": "d"}

Shape = tuple[int, ...]


class Port(NamedTuple):
    """An input or an output of the graph.

    Parameters
    ----------
    dtype
        float32, float64, int64, bool or string; anything else is named as well as
        can be, and a run that needs it is refused.
    shape
        None where any length is accepted.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class Tensor(NamedTuple):
    """Values in row-major order, and the length of each dimension.

    Numbers that go in may also be an `array.array`, or `bytes` that hold the tensor's
    memory; what comes out is a list.
    """

    values: Sequence[Any]
    shape: tuple[int, ...]


class Addresses(dict[str, bytes]):
    """Text → the pointer to its UTF-8 form, as the bytes of a C array of pointers."""

    def __init__(self) -> None:
        super().__init__()
        self._encoded: list[bytes] = []  # what the pointers point at

    def __missing__(self, text: str) -> bytes:
        encoded = _encode(text)
        if len(encoded) > MAX_KEPT_TEXT_BYTES or b"\0" in encoded:
            raise _Unusual
        self._encoded.append(encoded)
        self[text] = pointer = bytes(c_char_p(encoded))
        return pointer


class _Unusual(Exception):
    """A text that is too long to be kept, or that ``FillStringTensor`` would cut."""


def _encode(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"expected text, found {type(text).__name__}")
    return text.encode()


class _Tensors:
    """Tensors in a C array, as ``Run`` takes and gives them; released together."""

    def __init__(self, library: Library, ports: Sequence[Port]) -> None:
        self.library = library
        self.ports = ports
        self.pointers = (c_void_p * len(ports))()
        self.names = _c_strings(tuple(port.name for port in ports))

    def __del__(self) -> None:
        for pointer in self.pointers:
            self.library.ReleaseValue(pointer)

    def create(self, index: int, shape: Shape) -> Any:
        """Return the memory of the new tensor, None for strings: theirs is C++'s."""
        library, dtype = self.library, self.ports[index].dtype
        slot = byref(self.pointers, index * sizeof(c_void_p))
        end = (_c_lengths(shape), len(shape), ELEMENT_TYPES[dtype], slot)
        if dtype == "string":
            library.check(library.CreateTensorAsOrtValue(library.allocator, *end))
            return None
        memory = array(_TYPECODES[dtype], [0]) * math.prod(shape)
        address, n_values = memory.buffer_info()
        start = (library.memory_info, address, n_values * memory.itemsize)
        library.check(library.CreateTensorWithDataAsOrtValue(*start, *end))
        return memory


class InputTensors(_Tensors):
    """Tensors that are written by us, as often as they are run."""

    def __init__(
        self, library: Library, ports: Sequence[Port], shapes: Sequence[Shape]
    ) -> None:
        super().__init__(library, ports)
        self.n_values = [math.prod(shape) for shape in shapes]
        self._memories = [self.create(*item) for item in enumerate(shapes)]

    def fill(self, columns: Sequence[Any], addresses: Addresses) -> bool:
        """Write all values, and return whether they are fit to be kept.

        Raises
        ------
        RuntimeFault
            If there are more or fewer columns than inputs, or an input does not take
            the values of its column.
        """
        if (found := len(columns)) != (expected := len(self.ports)):
            raise RuntimeFault(f"found {found} columns, expected {expected}")
        is_fit = True
        for index, memory in enumerate(self._memories):
            try:
                if memory is None:
                    is_fit &= self._fill_strings(index, columns[index], addresses)
                else:
                    _fill_numbers(memory, columns[index])
            except (TypeError, ValueError, OverflowError) as error:
                name = self.ports[index].name
                raise RuntimeFault(f"input {name!r}: {error}") from error
        return is_fit

    def _fill_strings(
        self, index: int, texts: Sequence[str], addresses: Addresses
    ) -> bool:
        _check_length(len(texts), self.n_values[index])
        pointer, library = self.pointers[index], self.library
        try:
            packed = b"".join(map(addresses.__getitem__, texts))
        except _Unusual:
            for position, text in enumerate(texts):
                encoded = _encode(text)
                resize = library.GetResizedStringTensorElementBuffer
                buffer = library.ask(resize, pointer, position, len(encoded))
                memmove(buffer, encoded, len(encoded))
            return False
        except TypeError:
            for text in texts:  # a list, say, is "unhashable" in the lookup's words
                _encode(text)
            raise
        n_values = len(packed) // sizeof(c_void_p)
        library.check(library.FillStringTensor(pointer, packed, n_values))
        return True


class OutputTensors(_Tensors):
    """Tensors that a run writes.

    Parameters
    ----------
    shapes
        None where onnxruntime finds the shape, and so allocates the tensor.
    """

    def __init__(
        self, library: Library, ports: Sequence[Port], shapes: Sequence[Shape | None]
    ) -> None:
        super().__init__(library, ports)
        self.n_values = [math.prod(shape) for shape in shapes if shape is not None]
        self._bound = [
            None if shape is None else (self.create(index, shape), shape)
            for index, shape in enumerate(shapes)
        ]

    def read(self) -> list[Tensor]:
        """Return what the run wrote.

        Raises
        ------
        RuntimeFault
            If a text is not UTF-8, as one that stands in the model file may be.
        """
        return [
            Tensor(bound[0].tolist(), bound[1]) if bound else self._take(index)
            for index, bound in enumerate(self._bound)
        ]

    def _take(self, index: int) -> Tensor:
        value = Owned(self.library.ReleaseValue)
        value.value, self.pointers[index] = self.pointers[index], None
        try:
            return _read(self.library, value)
        except UnicodeDecodeError as error:
            name = self.ports[index].name
            raise RuntimeFault(f"output {name!r}: {error}") from error


def _fill_numbers(memory: "array[Any]", values: Sequence[Any]) -> None:
    numbers = array(memory.typecode, values)
    _check_length(len(numbers), len(memory))
    if memory.typecode == "B" and max(numbers, default=0) > 1:
        raise ValueError("expected True or False")
    memory[:] = numbers  # the same length, or the memory would move


def _check_length(found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(f"found {found} values, expected {expected}")


@functools.lru_cache(maxsize=128)
def _c_lengths(shape: Shape) -> "Array[c_int64]":
    return (c_int64 * len(shape))(*shape)


@functools.lru_cache(maxsize=128)
def _c_strings(texts: tuple[str, ...]) -> "Array[c_char_p]":
    return (c_char_p * len(texts))(*(text.encode() for text in texts))


def _read(library: Library, value: Owned) -> Tensor:
    describe = library.GetTensorTypeAndShape
    info = library.create("TensorTypeAndShapeInfo", describe, value)
    dtype, shape = dtype_and_lengths(library, info)
    n_values = math.prod(shape)
    if dtype == "string":
        return Tensor(_read_strings(library, value, n_values), shape)
    memory = array(_TYPECODES[dtype])
    address = library.ask(library.GetTensorMutableData, value)
    memory.frombytes(string_at(address, n_values * memory.itemsize))
    values = memory.tolist()
    return Tensor(list(map(bool, values)) if dtype == "bool" else values, shape)


def _read_strings(library: Library, value: Owned, n_values: int) -> list[str]:
    n_bytes = library.ask(library.GetStringTensorDataLength, value)
    content, starts = create_string_buffer(n_bytes), (c_size_t * n_values)()
    read = library.GetStringTensorContent
    library.check(read(value, content, n_bytes, starts, n_values))
    text = content.raw
    return [text[start:end].decode() for start, end in pairwise([*starts, n_bytes])]


def dtype_and_lengths(library: Library, info: Any) -> tuple[str, tuple[int, ...]]:
    number = library.ask(library.GetTensorElementType, info)
    lengths = (c_int64 * library.ask(library.GetDimensionsCount, info))()
    library.check(library.GetDimensions(info, lengths, len(lengths)))
    return _DTYPES.get(number, f"of ONNX type {number}"), tuple(lengths)
