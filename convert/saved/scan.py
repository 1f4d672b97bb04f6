"""Reads a pickle: what is written in it, what it names, and who wrote it. Runs nothing.

A pickle is a program. It is read once, by `convert.saved.machine`, which calls nothing, and
what is built is built from what was read: no second parser could disagree.

What a file may import is listed name by name, by `convert.saved.names`. A module is no
measure: `numpy` has functions that run a shell, and scipy's distributions run
the Python text that they find in their own state.
"""

import _compat_pickle
import pickle
import re
import struct
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.budget import LIMITS, Limits, Spending
from convert.saved.contents import find_parts
from convert.saved.damage import NO_SENSE, Damaged
from convert.saved.extent import Extent
from convert.saved.machine import Machine
from convert.saved.names import Import, allowed_names
from convert.saved.written import Made, Name

EVERYTHING = "everything"
"""Trusts a whole file, as `pickle.load` does."""

MAPPED_ARRAYS = {("numpy", "memmap"), ("numpy.core.memmap", "memmap")}
JOBLIB_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
LOAD_TYPE = ("dill._dill", "_load_type")
"""dill writes `float` as ``_load_type("float")``; it is reported as the type."""

MAX_SHOWN = 40
"""Letters of a text from a file that are repeated in a sentence."""

VERSION = re.compile(
    r"\d{1,4}(\.\d{1,8}){1,3}((a|b|rc)\d{1,4}|\.(dev|post)\d{1,8})?", re.ASCII
)

BOOSTERS = {"catboost", "lightgbm", "xgboost"}
ESTIMATORS_OF_BOOSTERS = ("CatBoost", "LGBM", "XGB")

_TEXT_WITH_NAME = {
    ("dill._dill", "_create_code"): -1,
    ("dill._dill", "_create_type"): 0,
    ("cloudpickle.cloudpickle", "_builtin_type"): -1,
    ("cloudpickle.cloudpickle", "_make_skeleton_class"): 0,
}
"""Makers of code → which of their string arguments names what they make."""


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


@dataclass(frozen=True)
class Written(Scan):
    """What is in a saved file.

    Parameters
    ----------
    tree
        See `convert.saved.written`.
    """

    tree: Any = None


def read_pickle(pickled: bytes, limits: Limits = LIMITS) -> Written:
    """Read a pickle, already decompressed, without running it.

    Raises
    ------
    Damaged
        It ends too early, or is no pickle at all.
    Refusal
        Reading it takes more than `limits`, or it is of a joblib before 0.10.
    """
    findings = Findings()
    spending = Spending(len(pickled), limits)
    machine = Machine(pickled, findings, spending)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of wrong escapes
            tree = machine.run()
    except (Damaged, Refusal):
        raise
    except NONSENSE as error:
        is_short = machine.at >= len(pickled)
        raise Damaged("it ends too early" if is_short else NO_SENSE) from error
    Extent(machine.shared, spending.most_parts, limits).check(tree)
    return findings.written(tree)


def is_estimator(thing: Any) -> bool:
    """Whether it is one for certain: scikit-learn's own, or of a booster."""
    if type(thing) is not Made or type(thing.maker) is not Name:
        return False
    if thing.maker.module.partition(".")[0] in BOOSTERS:
        return thing.maker.name.startswith(ESTIMATORS_OF_BOOSTERS)
    return any(
        isinstance(state, dict) and "_sklearn_version" in state
        for state in thing.states
    )


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
    return _today(name) in allowed_names()


def check_version(text: str) -> None:
    """Refuse what cannot be the version of a scikit-learn.

    Raises
    ------
    Unreadable
        It has letters or digits that no version has, or more of them.
    """
    if not VERSION.fullmatch(text):
        shown = text if len(text) < MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
        raise Unreadable(
            f"a file says that scikit-learn {shown!r} wrote it, which is no version: "
            "have it saved again"
        )


def modern(module: str, name: str) -> Import:
    """Return what Python 3 imports where an old protocol wrote Python 2's name."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def _today(name: Import) -> Import:
    """Return what a module of numpy or joblib is called now.

    scikit-learn had a joblib of its own until 0.23. A memmap holds its values when it
    is saved: it is an array, and is loaded as one.
    """
    if name in MAPPED_ARRAYS:
        return "numpy", "ndarray"
    module = name[0].removeprefix("sklearn.externals.")
    moved = name[0] if module.partition(".")[0] != "joblib" else module
    return re.sub(r"^numpy\.core\.", "numpy._core.", moved), name[1]


class Findings:
    """What is met while a pickle is read."""

    def __init__(self) -> None:
        self.names: dict[Import, Name] = {}
        self.imports: set[Import] = set()
        self.sklearn_versions: set[str] = set()
        self.own_code: set[str] = set()

    def find(self, module: str, name: str) -> Name:
        origin = modern(module, name)
        if origin != LOAD_TYPE:
            self.imports.add(origin)
        origin = _today(origin)
        return self.names.setdefault(origin, Name(*origin))

    def called(self, made: Made) -> None:
        maker = made.maker
        if type(maker) is Made:  # cloudpickle's CodeType is a call itself
            maker = maker.maker
        if type(maker) is not Name:
            return
        which = _TEXT_WITH_NAME.get((maker.module, maker.name))
        if which is not None and len(made.arguments) > 1:
            texts = [a for a in made.arguments if isinstance(a, str) and a]
            self.own_code.update(texts[which:][:1])

    def filled(self, made: Made, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            version = isinstance(part, dict) and part.get("_sklearn_version")
            if isinstance(version, str):
                self.sklearn_versions.add(version)

    def written(
        self,
        tree: Any,
        imports: Iterable[Import] | None = None,
        readers: tuple[str, ...] = (),
    ) -> Written:
        """Return the tree with all that was met; `imports` take the place of its own."""
        for version in self.sklearn_versions:
            check_version(version)
        return Written(
            tuple(sorted(self.imports if imports is None else imports)),
            tuple(sorted(self.sklearn_versions)),
            tuple(sorted(self.own_code)),
            readers,
            parts=tuple(
                (place, made.maker.name)
                for place, made in find_parts(tree, is_estimator)
            ),
            tree=tree,
        )
