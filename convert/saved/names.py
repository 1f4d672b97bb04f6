"""The names of classes and functions that a saved file may hold; no other is looked up.

Says so without loading a library: whoever only looks at a file asks here too.
"""

import functools
import importlib
import re
import sys
from typing import Any

from convert.errors import Unreadable
from convert.libraries import wants_system_package, why_not_loaded
from convert.saved.calls import REPLACED
from convert.saved.makers import ARGUMENTS, MAKERS
from convert.saved.written import Name

Import = tuple[str, str]
"""Module and name, apart: "a.b" + "c" is not "a" + "b.c"."""

N_SHOWN = 60
"""Characters of a name that is none; more of them say nothing."""

TYPES = frozenset(
    {
        *(("builtins", name) for name in ("bool", "int", "float", "complex", "str")),
        *(("builtins", name) for name in ("bytes", "object")),
        *(("numpy", f"float{bits}") for bits in (16, 32, 64)),
        *(("numpy", f"{sign}int{b}") for sign in ("", "u") for b in (8, 16, 32, 64)),
        *(("numpy", name) for name in ("bool", "bool_", "complex64", "complex128")),
        *(("numpy", name) for name in ("longdouble", "clongdouble", "longlong")),
        *(("numpy", name) for name in ("ulonglong", "str_", "bytes_", "object_")),
        *(("numpy", name) for name in ("datetime64", "timedelta64", "void", "record")),
        *(("numpy", name) for name in ("generic", "number", "integer", "inexact")),
        *(("numpy", name) for name in ("floating", "complexfloating", "flexible")),
        *(
            ("numpy", name)
            for name in ("signedinteger", "unsignedinteger", "character")
        ),
    }
)
"""Types that scikit-learn takes as a dtype."""

MISSING = {("pandas", "NA"), ("pandas._libs.missing", "NA")}
CONTAINERS = {("builtins", name) for name in ("dict", "list", "tuple", "set")}
"""What a defaultdict may have as its factory."""
WRITERS = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("dill._dill", "_create_namedtuple"),
}
"""What picklers have of their own, beside the calls that are spelled out."""

PICKLERS = {"joblib", "dill", "cloudpickle", "numpy", "pandas", "pyarrow", "scipy"}
"""Libraries whose functions call what they are given, and which make no estimators."""

SCRIPTS = {"__main__", "__mp_main__"}
"""What a script is called while it runs, and in the processes that it starts."""

UFUNCS = "numpy._core._multiarray_umath"
"""Where numpy 1 says that its functions are."""


@functools.cache
def classes() -> frozenset[Import]:
    """Return the classes whose instances may be in a file."""
    from convert.saved.states import known_classes

    return frozenset(known_classes())


@functools.cache
def functions() -> frozenset[Import]:
    """Return the functions and classes that the table has as values of attributes."""
    from convert.saved.states import TABLE

    words = re.findall(r"\b(?:function|class):([\w.]+)", TABLE.read_text("utf-8"))
    parted = (word.rpartition(".") for word in words)
    return frozenset((module, name) for module, _, name in parted)


@functools.cache
def values() -> frozenset[Import]:
    """Return what may stand in a file for itself: types, and functions that are pure."""
    from convert.saved.kinds import ELEMENTWISE

    modules = ("numpy", UFUNCS)
    elementwise = {(module, name) for module in modules for name in ELEMENTWISE}
    return functions() | TYPES | MISSING | elementwise


@functools.cache
def allowed_names() -> frozenset[Import]:
    """Return every name that a file may hold, with numpy's modules as numpy 2 has them."""
    makers = (name.rpartition(".") for name in (*MAKERS, *ARGUMENTS))
    named = frozenset((module, name) for module, _, name in makers)
    return named | values() | classes() | CONTAINERS | set(REPLACED) | WRITERS


def shown(name: str) -> str:
    """Return a name as a sentence may have it: others than names are spelled out."""
    word = r"([A-Za-z_]\w*|<lambda>|<locals>)"
    if re.fullmatch(rf"{word}(\.{word})*", name, re.ASCII):
        return name if len(name) <= N_SHOWN else f"{name[:N_SHOWN]}…"
    return f"{ascii(name)[:N_SHOWN]}…" if len(ascii(name)) > N_SHOWN else ascii(name)


def may_be_trusted(name: str) -> bool:
    """Whether it is worth a `--trust`: a name in a library, or in a module of one's own.

    Python's modules and those of the libraries here have functions that run, open and
    fetch whatever they are given, and nothing that a fitted pipeline holds for itself.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", name, re.ASCII):
        return False
    top, *_ = name.split(".")
    return top not in sys.stdlib_module_names and top not in PICKLERS | SCRIPTS


def numpy_module(module: str, numpy_version: str) -> str:
    """Return what a module of numpy is called there: `core` became `_core` in 2.0.

    numpy 1.26 has a `_core` too, with few of its modules.
    """
    private = "_core" if int(numpy_version.split(".")[0]) > 1 else "core"
    return re.sub(r"^numpy\._?core\b", f"numpy.{private}", module)


def find(named: Name) -> Any:
    """Import what is named, with numpy's modules where this numpy has them.

    Raises
    ------
    Unreadable
        It is not here, or its library cannot be loaded.
    """
    import numpy as np

    try:
        found: Any = importlib.import_module(numpy_module(named.module, np.__version__))
        for attribute in named.name.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError, OSError, ValueError) as error:
        raise Unreadable(missing(named, error)) from error
    return found


def missing(named: Name, error: Exception) -> str:
    """Return why a name cannot be imported here, and what helps."""
    module, name = shown(named.module), shown(named.name)
    if module in SCRIPTS:
        return (
            f"it needs {name}, which was defined in the script or notebook that saved "
            "it: move it into a module, save again, and add --trust with its new name"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"it needs {name} from the module {module}, and there is no module "
            f"{shown(str(error.name))} here: install it, or set PYTHONPATH to its folder"
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
