"""Python's own unpickling machine, for a file that somebody trusts with everything."""

import importlib
import io
import math
import pickle
from typing import Any, ClassVar

import numpy as np

from convert.saved.calls import loaded_type
from convert.saved.names import find
from convert.saved.scan import JOBLIB_ARRAY, LOAD_TYPE, modern
from convert.saved.written import Name


def unpickle(pickled: bytes) -> Any:
    """Rebuild what `pickled` holds, plain or with joblib's arrays in it: runs its code.

    Raises
    ------
    Refusal
        It imports what is not installed here.
    """
    return _Unpickler(io.BytesIO(pickled)).load()


class _JoblibArray:
    """Takes the place of `joblib.numpy_pickle.NumpyArrayWrapper`, which moves about."""

    shape: tuple[int, ...]
    order: Any
    dtype: np.dtype[Any]
    numpy_array_alignment_bytes: int | None = None


class _Unpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        origin = modern(module, name)
        if origin == LOAD_TYPE:
            return lambda type_name: self.find_class(*loaded_type(type_name))
        if origin == JOBLIB_ARRAY:
            return _JoblibArray
        if origin == ("builtins", "__main__"):  # dill's name for a script's variables
            return vars(importlib.import_module("__main__"))
        return find(Name(*origin))

    def load_build(self) -> None:
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack[-1] = self._read_array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def _read_array(self, array: _JoblibArray) -> Any:
        if array.dtype.hasobject:
            return _Unpickler(self.file).load()
        if array.numpy_array_alignment_bytes is not None:
            self.file.read(self.file.read(1)[0])
        n_bytes = math.prod(map(int, array.shape)) * array.dtype.itemsize
        buffer = bytearray(self.file.read(n_bytes))
        values: Any = np.ndarray(array.shape, array.dtype, buffer, order=array.order)
        return values.astype(array.dtype.newbyteorder("="), copy=False)
