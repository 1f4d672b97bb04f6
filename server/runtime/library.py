"""onnxruntime's C library: found, loaded, and its functions by their own names.

The wheel carries it beside the Python binding and numpy is no part of it. A function
is found by its position in ``OrtApi``, which a new version only ever extends:
include/onnxruntime/core/session/onnxruntime_c_api.h in microsoft/onnxruntime.
"""

import functools
import os
import sys
from collections.abc import Callable
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    PYFUNCTYPE,
    byref,
    c_char_p,
    c_int,
    c_size_t,
    c_uint32,
    c_void_p,
    cast,
    string_at,
)
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

API_VERSION = 15
"""The first that has all of `_FUNCTIONS` (onnxruntime 1.15); later ones offer it."""

_FILES = {"win32": "onnxruntime.dll", "darwin": "libonnxruntime.[0-9]*.dylib"}
_REMEDY = "install requirements-inference.txt"

_NO_MEMORY = ("failed to map segment", "cannot allocate memory")
"""What the loader of Linux says where there is too little of it."""

_P = c_void_p
_FUNCTIONS: dict[str, tuple[Any, ...]] = {  # position, result, arguments
    "GetErrorMessage": (2, c_char_p, _P),
    "CreateEnv": (3, _P, c_int, c_char_p, _P),
    "CreateSessionFromArray": (8, _P, _P, c_char_p, c_size_t, _P, _P),
    "Run": (9, _P, _P, _P, _P, _P, c_size_t, _P, c_size_t, _P),
    "CreateSessionOptions": (10, _P, _P),
    "DisableMemPattern": (17, _P, _P),
    "SetIntraOpNumThreads": (24, _P, _P, c_int),
    "SetInterOpNumThreads": (25, _P, _P, c_int),
    "SessionGetInputCount": (30, _P, _P, _P),
    "SessionGetOutputCount": (31, _P, _P, _P),
    "SessionGetInputTypeInfo": (33, _P, _P, c_size_t, _P),
    "SessionGetOutputTypeInfo": (34, _P, _P, c_size_t, _P),
    "SessionGetInputName": (36, _P, _P, c_size_t, _P, _P),
    "SessionGetOutputName": (37, _P, _P, c_size_t, _P, _P),
    "CreateRunOptions": (39, _P, _P),
    "RunOptionsSetTerminate": (46, _P, _P),
    "CreateTensorAsOrtValue": (48, _P, _P, _P, c_size_t, c_int, _P),
    "CreateTensorWithDataAsOrtValue": (
        49,
        _P,
        _P,
        _P,
        c_size_t,
        _P,
        c_size_t,
        c_int,
        _P,
    ),
    "GetTensorMutableData": (51, _P, _P, _P),
    "FillStringTensor": (52, _P, _P, c_char_p, c_size_t),
    "GetStringTensorDataLength": (53, _P, _P, _P),
    "GetStringTensorContent": (54, _P, _P, _P, c_size_t, _P, c_size_t),
    "CastTypeInfoToTensorInfo": (55, _P, _P, _P),
    "GetTensorElementType": (60, _P, _P, _P),
    "GetDimensionsCount": (61, _P, _P, _P),
    "GetDimensions": (62, _P, _P, _P, c_size_t),
    "GetSymbolicDimensions": (63, _P, _P, _P, c_size_t),
    "GetTensorTypeAndShape": (65, _P, _P, _P),
    "CreateCpuMemoryInfo": (69, _P, c_int, c_int, _P),
    "AllocatorFree": (76, _P, _P, _P),
    "GetAllocatorWithDefaultOptions": (78, _P, _P),
    "ReleaseStatus": (93, None, _P),
    "ReleaseSession": (95, None, _P),
    "ReleaseValue": (96, None, _P),
    "ReleaseRunOptions": (97, None, _P),
    "ReleaseTypeInfo": (98, None, _P),
    "ReleaseTensorTypeAndShapeInfo": (99, None, _P),
    "ReleaseSessionOptions": (100, None, _P),
    "SessionGetModelMetadata": (111, _P, _P, _P),
    "ModelMetadataLookupCustomMetadataMap": (116, _P, _P, _P, c_char_p, _P),
    "ReleaseModelMetadata": (118, None, _P),
    "AddSessionConfigEntry": (130, _P, _P, c_char_p, c_char_p),
    "GetResizedStringTensorElementBuffer": (252, _P, _P, c_size_t, c_size_t, _P),
}
_LONG = ("Run", "CreateSessionFromArray")  # other threads may go on meanwhile


class RuntimeFault(Exception):
    """What onnxruntime refused, in its own words, or what it never got to see."""


class RunTooLong(RuntimeFault):
    """A run was over time and was told to end; the message names the setting."""


class NoLibrary(RuntimeFault):
    """onnxruntime's C library is not there, or cannot be used."""


class Owned(c_void_p):
    """A pointer that its last reference releases."""

    def __init__(self, release: Callable[[c_void_p], None]) -> None:
        super().__init__()
        self._release = release

    def __del__(self) -> None:
        if self.value is not None:
            self._release(self)


class Library(SimpleNamespace):
    """The functions by their own names, and what a process creates once.

    The environment is never released: it must outlive every session.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        functions, self.version = _open_api(path)
        for name, (position, result, *arguments) in _FUNCTIONS.items():
            prototype = CFUNCTYPE if name in _LONG else PYFUNCTYPE
            setattr(self, name, prototype(result, *arguments)(functions[position]))
        self.env, self.memory_info, self.allocator = _P(), _P(), _P()
        fatal = 4  # nothing below is logged: what fails is raised, in the same words
        self.check(self.CreateEnv(fatal, b"pinion", byref(self.env)))
        self.check(self.CreateCpuMemoryInfo(0, 0, byref(self.memory_info)))
        self.check(self.GetAllocatorWithDefaultOptions(byref(self.allocator)))

    def check(self, status: int | None) -> None:
        if status:
            message = self.GetErrorMessage(status).decode(errors="replace")
            self.ReleaseStatus(status)
            raise RuntimeFault(message)

    def ask(self, function: Callable[..., int | None], *arguments: Any) -> Any:
        """Return the number that `function` writes behind its last argument."""
        answer = c_size_t()
        self.check(function(*arguments, byref(answer)))
        return answer.value

    def ask_text(
        self, function: Callable[..., int | None], *arguments: Any
    ) -> str | None:
        """Return the string that `function` allocates, None if it gives none."""
        if not (address := self.ask(function, *arguments)):
            return None
        text = string_at(address)
        self.check(self.AllocatorFree(self.allocator, address))
        return text.decode(errors="replace")

    def create(self, kind: str, function: Callable[..., Any], *given: Any) -> Owned:
        """Return what `function` creates, to be ended by ``Release<kind>``."""
        created = Owned(getattr(self, f"Release{kind}"))
        self.check(function(*given, byref(created)))
        return created


@functools.cache
def load() -> Library:
    # Releases from 1.29 on report usage, in a thread of their own, unless this is
    # set before they are loaded.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return Library(_find_library())


def version() -> str | None:
    """Return the version of onnxruntime, of the wheel where it has no library."""
    try:
        return str(load().version)
    except NoLibrary:
        from importlib import metadata  # 20 ms, needed for this fault only

        try:
            return metadata.version("onnxruntime")
        except metadata.PackageNotFoundError:
            return None


def _find_library() -> Path:
    package = PathFinder.find_spec("onnxruntime")  # finds it without importing it
    if package is None or not package.submodule_search_locations:
        raise NoLibrary(f"onnxruntime is not on Python's path: {_REMEDY}")
    folder = Path(package.submodule_search_locations[0], "capi")
    pattern = _FILES.get(sys.platform, "libonnxruntime.so*")
    if found := sorted(folder.glob(pattern)):
        return found[0]
    raise NoLibrary(f"there is no {pattern} in {folder}: {_REMEDY}")


def _open_api(path: Path) -> tuple[Any, str]:
    """Return the array of function pointers that is ``OrtApi``, and its version.

    Raises
    ------
    NoLibrary
        If it cannot be loaded, or has no API version `API_VERSION`.
    MemoryError
    """
    try:
        get_api_base = CDLL(str(path)).OrtGetApiBase
    except (OSError, AttributeError) as error:
        if any(each in str(error) for each in _NO_MEMORY):
            raise MemoryError(f"{path} cannot be loaded") from error
        raise NoLibrary(f"{path} cannot be loaded ({error}): {_REMEDY}") from error
    get_api_base.restype = POINTER(_P)
    base = get_api_base()
    get_version = CFUNCTYPE(c_char_p)(base[1])
    if (api := CFUNCTYPE(_P, c_uint32)(base[0])(API_VERSION)) is None:
        raise NoLibrary(f"{path} has no API version {API_VERSION}: {_REMEDY}")
    return cast(api, POINTER(_P)), get_version().decode()
