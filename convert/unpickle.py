"""Python's unpickling machine, with a list of what it may import.

The scan has already said what a file would import. This is the same list at the
one place where a pickle reaches Python, so that nothing depends on the scan
having read the file right.
"""

import importlib
import io
import math
import pickle
import re
from collections.abc import Callable, Collection
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
from numpy.lib import NumpyVersion

from convert.array_state import is_sound_array, is_sound_dtype
from convert.libraries import wants_system_package, why_not_loaded
from convert.refusal import Refusal
from convert.scan import (
    EVERYTHING,
    JOBLIB_ARRAY,
    LOAD_TYPE,
    Import,
    is_allowed,
    loaded_type,
    modern,
)


def unpickle(pickled: bytes, trusted: Collection[str] = ()) -> Any:
    """Rebuild what `pickled` holds, plain or with joblib's arrays in it.

    Raises
    ------
    Refusal
        It imports what is not listed, or what is not installed here.
    """
    return _ListedUnpickler(io.BytesIO(pickled), trusted).load()


class _JoblibArray:
    """Takes the place of `joblib.numpy_pickle.NumpyArrayWrapper`.

    joblib's own class reads an array of Python objects with a plain `pickle.load`
    before joblib 1.6: no list reaches that.
    """

    shape: tuple[int, ...]
    order: Any
    dtype: np.dtype[Any]
    numpy_array_alignment_bytes: int | None = None


class _ListedUnpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO, trusted: Collection[str]) -> None:
        super().__init__(file)
        self.file = file
        self.trusted = trusted

    def find_class(self, module: str, name: str) -> Any:
        origin = modern(module, name)
        if origin == LOAD_TYPE:
            return lambda type_name: self.find_class(*loaded_type(type_name))
        if not is_allowed(origin, self.trusted):
            raise Refusal(f"it imports {'.'.join(origin)}, which is not trusted")
        if origin == JOBLIB_ARRAY:
            return _JoblibArray
        if origin == ("dill._dill", "_create_array") and EVERYTHING not in self.trusted:
            return _create_array
        if origin == ("builtins", "__main__"):  # dill's name for a script's variables
            return vars(importlib.import_module("__main__"))
        return _import(origin)

    def load_build(self) -> None:
        """Set the state of an instance; only a trusted file has its way."""
        if EVERYTHING not in self.trusted:
            _check_state(self.stack[-2], self.stack[-1])
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack[-1] = self._read_array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def _read_array(self, array: _JoblibArray) -> Any:
        if array.dtype.hasobject:
            return _ListedUnpickler(self.file, self.trusted).load()
        if array.numpy_array_alignment_bytes is not None:
            self.file.read(self.file.read(1)[0])
        n_bytes = math.prod(map(int, array.shape)) * array.dtype.itemsize
        buffer = bytearray(self.file.read(n_bytes))
        values: Any = np.ndarray(array.shape, array.dtype, buffer, order=array.order)
        return values.astype(array.dtype.newbyteorder("="), copy=False)


def _check_state(changed: Any, state: Any) -> None:
    if isinstance(changed, type | FunctionType):
        raise Refusal(f"it changes {changed.__name__} itself, not an instance")
    if isinstance(changed, np.dtype) and not is_sound_dtype(changed, state):
        raise Refusal(f"it is damaged: numpy would not have written the dtype {state}")
    if isinstance(changed, np.ndarray) and not is_sound_array(state):
        raise Refusal("it is damaged: an array is longer or shorter than its shape")


def _create_array(
    make: Callable[..., Any], args: Any, state: Any, attributes: Any = None
) -> Any:
    """Stand in for dill's function of this name, which sets any state."""
    array = make(*args)
    _check_state(array, state)
    array.__setstate__(state)
    if attributes:
        raise Refusal("it holds a subclass of numpy's array: save a plain array")
    return array


def numpy_module(module: str, numpy_version: str) -> str:
    """Return what a module of numpy is called there: `core` became `_core` in 2.0.

    numpy 1.26 has a `_core` too, with few of its modules.
    """
    private = "_core" if NumpyVersion(numpy_version) >= "2.0.0" else "core"
    return re.sub(r"^numpy\._?core\b", f"numpy.{private}", module)


def _import(origin: Import) -> Any:
    """Import one name, with numpy's modules where this numpy has them."""
    module, name = origin
    module = numpy_module(module, np.__version__)
    try:
        found = importlib.import_module(module)
        for attribute in name.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError, OSError) as error:
        raise Refusal(_missing(origin, error)) from error
    return found


def _missing(origin: Import, error: Exception) -> str:
    module, name = origin
    if module == "__main__":
        return (
            f"it needs {name}, which was defined in the script or notebook that saved "
            "it: move it into a module, save again, and add --trust with its new name"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"it needs {name} from the module {module}, and there is no module "
            f"{error.name} here: install it, or set PYTHONPATH to its folder"
        )
    if wants_system_package(error):
        return (
            f"it needs {name} from the module {module}, which cannot be loaded here, "
            f"{why_not_loaded(error)}"
        )
    return (
        f"it needs {name} from the module {module}, which has no such name here "
        f"({error}): install the version of {module.split('.')[0]} that saved it"
    )
