"""Says what a pickle would import, and which scikit-learn wrote it. Runs nothing.

A pickle is a program. Here Python's own unpickling machine reads it with every
import replaced by an inert stub, so that what is reported is what loading would
import, however the name was put together; a second parser could disagree.
joblib puts the bytes of each array between the instructions; they are skipped.

What a file may import is listed name by name in ``allowed.txt``. A module is no
measure: `numpy` has functions that run a shell, and scipy's distributions run
the Python text that they find in their own state.
"""

import _compat_pickle
import functools
import io
import pickle
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from convert.contents import find_parts

EVERYTHING = "everything"
"""Trusts a whole file, as `pickle.load` does."""

Import = tuple[str, str]
"""Module and name, apart: "a.b" + "c" is not "a" + "b.c"."""

JOBLIB_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
LOAD_TYPE = ("dill._dill", "_load_type")
"""dill writes `float` as ``_load_type("float")``; it is reported as the type."""

BOOSTERS = {"catboost", "lightgbm", "xgboost"}
ESTIMATORS_OF_BOOSTERS = ("CatBoost", "LGBM", "XGB")

_TEXT_WITH_NAME = {
    ("dill._dill", "_create_code"): -1,
    ("dill._dill", "_create_type"): 0,
    ("cloudpickle.cloudpickle", "_builtin_type"): -1,
    ("cloudpickle.cloudpickle", "_make_skeleton_class"): 0,
}
"""Makers of code → which of their string arguments names what they make."""


class Damaged(ValueError):
    """The bytes are not a whole pickle."""


@dataclass(frozen=True)
class Scan:
    """What a pickle says about itself.

    Parameters
    ----------
    imports
        Sorted, under the names of Python 3.
    sklearn_versions
        That wrote the estimators in it; empty where none says.
    own_code
        Names of the functions and classes whose code the file carries.
    readers
        Libraries without which it cannot be read, beside what it imports.
    parts
        Place and class of each estimator in it, where it is a dict, list or tuple.
    """

    imports: tuple[Import, ...]
    sklearn_versions: tuple[str, ...] = ()
    own_code: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()

    def untrusted(self, trusted: Collection[str] = ()) -> list[str]:
        """Return what is neither listed nor in `trusted`, as "module.name"."""
        return [".".join(i) for i in self.imports if not is_allowed(i, trusted)]


def scan(pickled: bytes) -> Scan:
    """Read a pickle, already decompressed, without running it.

    Raises
    ------
    Damaged
        It ends too early, or is no pickle at all.
    """
    reader = _StubUnpickler(io.BytesIO(pickled), _Findings())
    try:
        whole = reader.load()
    except MemoryError as error:
        raise Damaged("a length in it is beyond this machine's memory") from error
    except (pickle.UnpicklingError, EOFError) as error:
        raise Damaged(str(error) or "it ends too early") from error
    except NONSENSE as error:
        raise Damaged("its instructions make no sense") from error
    parts = tuple(
        (place, stub.name) for place, stub in find_parts(whole, _is_estimator)
    )
    return replace(reader.findings.scan(), parts=parts)


def _is_estimator(thing: Any) -> bool:
    return isinstance(thing, Stub) and thing.is_estimator


# The machine has no error of its own for nonsense: it is whatever its stack and
# tables raise, and a file from outside may provoke any of them.
NONSENSE = (
    pickle.PickleError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def is_allowed(name: Import, trusted: Collection[str] = ()) -> bool:
    """Whether a file may import `name`, which `trusted` adds to ("module.name")."""
    if EVERYTHING in trusted or ".".join(name) in trusted:
        return True
    return _numpy_2(name) in allowed()


@functools.cache
def allowed() -> frozenset[Import]:
    """Return the list, with numpy's modules under their names since 2.0."""
    lines = Path(__file__).with_name("allowed.txt").read_text("utf-8").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return frozenset((module, name) for module, name in pairs)


def modern(module: str, name: str) -> Import:
    """Return what Python 3 imports where an old protocol wrote Python 2's name."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def loaded_type(name: str) -> Import:
    """Return what dill's `_load_type` stands for; most are built in."""
    if name == "PartialType":
        return "functools", "partial"
    return "builtins", name


def _numpy_2(name: Import) -> Import:
    return re.sub(r"^numpy\.core\.", "numpy._core.", name[0]), name[1]


class Stub:
    """Stands for what the file would import, and for all that is made with it."""

    def __init__(self, origin: Import, findings: "_Findings", args: Any = ()) -> None:
        self.origin = origin
        self.findings = findings
        self.args = args
        self.state: Any = None

    def __call__(self, *args: Any) -> "Stub":
        if self.origin == LOAD_TYPE:
            return self.findings.find(*loaded_type(*args))
        if self.origin in _TEXT_WITH_NAME:
            self.findings.add_code(self.origin, args)
        return Stub(self.origin, self.findings, args)

    def __setitem__(self, key: object, value: object) -> None:
        """Take and forget, as `append`, `extend` and `add` do."""

    @property
    def name(self) -> str:
        return self.origin[1]

    @property
    def is_estimator(self) -> bool:
        """Whether it is one for certain: scikit-learn's own, or of a booster."""
        if self.origin[0].partition(".")[0] in BOOSTERS:
            return self.name.startswith(ESTIMATORS_OF_BOOSTERS)
        return isinstance(self.state, dict) and "_sklearn_version" in self.state

    def append(self, value: object) -> None: ...

    def extend(self, values: object) -> None: ...

    def add(self, value: object) -> None: ...


class _Findings:
    def __init__(self) -> None:
        self.imports: set[Import] = set()
        self.sklearn_versions: set[str] = set()
        self.own_code: set[str] = set()

    def find(self, module: str, name: str) -> Stub:
        origin = modern(module, name)
        if origin != LOAD_TYPE:
            self.imports.add(origin)
        return Stub(origin, self)

    def add_code(self, maker: Import, args: tuple[Any, ...]) -> None:
        texts = [arg for arg in args if isinstance(arg, str) and arg]
        if texts and len(args) > 1:
            self.own_code.add(texts[_TEXT_WITH_NAME[maker]])

    def scan(self) -> Scan:
        return Scan(
            tuple(sorted(self.imports)),
            tuple(sorted(self.sklearn_versions)),
            tuple(sorted(self.own_code)),
        )


class _StubUnpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO, findings: _Findings) -> None:
        super().__init__(file)
        self.file = file
        self.findings = findings

    def find_class(self, module: str, name: str) -> Stub:
        return self.findings.find(module, name)

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(f"it refers to extension {code} of copyreg")

    def load_newobj(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self.stack[-1](*args)

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_newobj()

    def load_build(self) -> None:
        state = self.stack.pop()
        stub = self.stack[-1]
        stub.state = state
        for part in state if isinstance(state, tuple) else (state,):
            version = isinstance(part, dict) and part.get("_sklearn_version")
            if isinstance(version, str):
                self.findings.sklearn_versions.add(version)
        if stub.origin == JOBLIB_ARRAY:
            self._skip_array(state)

    def _skip_array(self, wrapper: dict[str, Any]) -> None:
        """Pass over the bytes of an array, or scan the objects in it."""
        if _has_objects(wrapper["dtype"]):
            _StubUnpickler(self.file, self.findings).load()
            return
        if wrapper.get("numpy_array_alignment_bytes") is not None:
            self._skip(self.file.read(1)[0])
        count = 1
        for length in wrapper["shape"]:
            count *= _length(length)
        self._skip(count * _item_bytes(wrapper["dtype"]))

    def _skip(self, n_bytes: int) -> None:
        if self.file.seek(n_bytes, io.SEEK_CUR) > len(self.file.getbuffer()):
            raise EOFError("it ends in the middle of an array")

    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.BUILD[0]] = load_build


def _has_objects(dtype: Stub) -> bool:
    """Whether a pickled dtype, ``dtype("f8", False, True)`` and a state, holds "O"."""
    if dtype.args[0].startswith("O"):
        return True
    fields = dtype.state and dtype.state[4]
    return bool(fields) and any(_has_objects(field[0]) for field in fields.values())


def _item_bytes(dtype: Stub) -> int:
    kind, size = re.fullmatch(r"([a-zA-Z])(\d+)", dtype.args[0]).groups()  # type: ignore[union-attr]
    return int(size) * (4 if kind == "U" else 1)


def _length(length: int | Stub) -> int:
    # joblib ≤ 1.1 wrote the shape of some arrays with numpy integers
    if isinstance(length, Stub):
        return int.from_bytes(length.args[1], "little")
    return length
