"""The kinds of values that a fitted estimator holds, coarse enough to be stable.

A kind is a word (``int``, ``array:number2``, ``estimator``, ``function:…``) or a
container of kinds (``list[int|str]``, ``dict[str;float]``). Several make a union, as in
``int|none``. Whatever has no kind of its own has the name of its class, which is one
that no table lists.

The table of states is made beside old versions of scikit-learn too, so this module
imports nothing of this package and runs on Python 3.9.
"""

import functools
import re
import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

Kinds = dict[str, tuple["Kinds", ...]]
"""A union: each kind, and for a container the unions of what may be in it."""

DEEPEST = 9
"""Containers in containers; scikit-learn's own go to 6."""
BOTTOMLESS = "bottomless"

CONSTANTS = {
    type(None): "none",
    bool: "bool",
    int: "int",
    float: "float",
    complex: "complex",
    str: "str",
    bytes: "bytes",
    bytearray: "bytes",
    slice: "slice",
    range: "range",
}
SCALARS = {
    **{"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"},
    **{"U": "str", "S": "bytes", "M": "datetime", "m": "datetime"},
}
"""Kind of a dtype of numpy → the kind of one value of it."""
CONTAINERS: dict[type, str] = {
    list: "list",
    tuple: "tuple",
    set: "set",
    frozenset: "set",
    deque: "list",
    dict: "dict",
    OrderedDict: "dict",
    defaultdict: "defaultdict",
}
BUNCHES = {
    "sklearn.utils._bunch.Bunch": "bunch",
    "sklearn.utils.Bunch": "bunch",  # before 1.3
}
MAPPINGS = {"dict", "defaultdict", "bunch"}
PLAIN = {*CONSTANTS.values(), *SCALARS.values(), "NA", "number", "text"}
"""What a person writes down: a parameter may be any of these, or a container of them."""

WIDER = {"bool": {"int", "float"}, "int": {"float"}}
"""Wherever a float is kept, a file may have an int: numpy calculates alike."""

ROLES = (
    ("estimator", r"sklearn\.base\.BaseEstimator|catboost\.core\._CatBoostBase"),
    ("kernel", r"sklearn\.gaussian_process\.kernels\.Kernel"),
    ("loss", r"(sklearn\._loss\.)?_loss\.Cy\w+|sklearn\._loss\.loss\.BaseLoss"),
    ("loss", r"sklearn\.ensemble\._gb_losses\.LossFunction"),
    ("loss", r"sklearn\._loss\.glm_distribution\.ExponentialDispersionModel"),
    ("loss", r"sklearn\.ensemble\._hist_gradient_boosting\.loss\.BaseLoss"),
    ("loss", r"sklearn\.linear_model\._sgd_fast\.LossFunction"),
    ("loss", r"sklearn\.linear_model\._sgd_fast\.(Regression|Classification)"),
    ("link", r"sklearn\._loss\.link\.BaseLink|sklearn\.linear_model\._glm\.link\.\w+"),
    ("metric", r"sklearn\.(metrics|neighbors)\._dist_metrics\.\w+"),
    ("scorer", r"sklearn\.metrics\._scorer\.\w+"),
    ("splitter", r"sklearn\.model_selection\._split\.\w+"),
    ("booster", r"(xgboost\.core|lightgbm\.basic)\.Booster|_catboost\._CatBoost"),
    ("random_state", r"numpy\.random\.mtrand\.RandomState"),
    ("generator", r"numpy\.random\._generator\.Generator"),
    ("dtype", r"numpy\.dtype|pandas\.(\w+\.)+ExtensionDtype"),
    ("index", r"pandas\.(core\.indexes\.base\.)?Index"),
    ("series", r"pandas\.(core\.series\.)?Series"),
    ("frame", r"pandas\.(core\.frame\.)?DataFrame"),
    ("NA", r"pandas\.(_libs\.missing|api\.typing)\.NAType"),
)
"""What a class is for, by the name of the class or of one that it is made from."""

ELEMENTWISE = frozenset(
    {
        *("abs", "absolute", "fabs", "sign", "negative", "positive", "reciprocal"),
        *("ceil", "floor", "rint", "trunc", "round", "round_", "around", "fix"),
        *("sqrt", "square", "cbrt", "exp", "exp2", "expm1"),
        *("log", "log10", "log1p", "log2", "deg2rad", "rad2deg", "degrees", "radians"),
        *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
        *("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
        *("isnan", "isfinite", "isinf", "logical_not", "signbit", "isnat"),
        *("invert", "conjugate", "spacing", "bitwise_count"),
        *("array", "asarray", "nan_to_num", "clip"),
        *("ravel", "reshape", "squeeze", "hstack", "column_stack"),
    }
)
"""Functions of numpy that make one number of one number, or order them, and no more."""


def kind_of(value: Any) -> str:
    """Return the kind of a value, spelled as in the table of states."""
    return spell(kinds_in(value))


def kinds_in(value: Any) -> Kinds:
    """Return the kind of a value, as a union of one."""
    return _Reader().read(value, 0)


class _Reader:
    """Reads a value once, however often and wherever it is held."""

    def __init__(self) -> None:
        import numpy  # only who reads values needs it

        self.np = numpy
        self.known: dict[tuple[int, int], Kinds] = {}
        self.held: list[Any] = []

    def read(self, value: Any, depth: int) -> Kinds:
        constant = CONSTANTS.get(type(value))
        if constant:
            return {constant: ()}
        if isinstance(value, self.np.generic) and value.dtype.kind in SCALARS:
            return {SCALARS[value.dtype.kind]: ()}
        if depth > DEEPEST:
            return {BOTTOMLESS: ()}
        if (id(value), depth) not in self.known:
            self.held.append(value)  # keeps its id from being given again
            self.known[id(value), depth] = self._read(value, depth + 1)
        return self.known[id(value), depth]

    def _read(self, value: Any, depth: int) -> Kinds:
        container = CONTAINERS.get(type(value)) or BUNCHES.get(
            qualified_name(type(value))
        )
        if container in MAPPINGS:
            keys = self._all(value.keys(), depth)
            return {container: (keys, self._all(value.values(), depth))}
        if container:
            return {container: (self._all(value, depth),)}
        if type(value) is self.np.ndarray:
            return self._array(value, depth)
        if type(value) is self.np.ma.MaskedArray:
            (kind, parts) = next(iter(self._array(value.data, depth).items()))
            return {kind.replace("array", "masked"): parts}
        if isinstance(value, type):
            return {_kind_of_class(value): ()}
        role = role_of(type(value))
        return {role or _sparse(value) or _function(value) or _instance(value): ()}

    def _all(self, values: Any, depth: int) -> Kinds:
        found: Kinds = {}
        seen: set[Any] = set()
        for value in values:
            if type(value) in CONSTANTS:
                if type(value) in seen:
                    continue
                seen.add(type(value))
            found = merge(found, self.read(value, depth))
        return found

    def _array(self, value: Any, depth: int) -> Kinds:
        if value.dtype.kind != "O":
            return {f"array:{family(value.dtype)}{value.ndim}": ()}
        inside = self._all(value.ravel(order="K").tolist(), depth)
        if set(inside) <= PLAIN:
            return {f"array:text{value.ndim}": ()}
        return {f"array:objects{value.ndim}": (inside,)}


def family(dtype: Any) -> str:
    """Return what the values of an array are, at whatever precision."""
    if dtype.names:
        return f"record({','.join(dtype.names)})"
    families = {"c": "complex", "U": "text", "S": "text", "M": "date", "m": "date"}
    return "number" if dtype.kind in "biuf" else families.get(dtype.kind, dtype.kind)


def _sparse(value: Any) -> str:
    cls = type(value)
    if not cls.__module__.startswith("scipy.sparse."):
        return ""
    layout = cls.__name__.partition("_")[0]
    return f"sparse:{layout}" if value.dtype.kind in "biuf" else ""


def _kind_of_class(cls: type) -> str:
    import numpy as np

    simple = {bool, int, float, complex, str, bytes, object}
    if cls in simple or issubclass(cls, np.generic):
        return "type"
    return f"class:{qualified_name(cls)}"


def _function(value: Any) -> str:
    """Return the name of a function that its module really has under it."""
    if type(value) is functools.partial:
        return _partial(value)
    if not callable(value) or not hasattr(value, "__name__"):
        return ""
    name = value.__name__
    if name in ELEMENTWISE and getattr(sys.modules.get("numpy"), name, None) is value:
        return "elementwise"
    module = getattr(value, "__module__", None) or "numpy"
    found = getattr(sys.modules.get(module), name, None)
    return f"function:{module}.{name}" if found is value else ""


def _partial(value: Any) -> str:
    """Return the name of a function with plain keywords; HistGradientBoosting has one."""
    written: Kinds = {"plain": (), "type": (), "list": ({"type": ()},)}
    is_plain_one = is_within(kinds_in(value.keywords)["dict"][1], written)
    inner = _function(value.func)
    if value.args or not is_plain_one or not inner.startswith("function:"):
        return ""
    return inner.replace("function:", "partial:")


def _instance(value: Any) -> str:
    return f"a:{qualified_name(type(value))}"


def qualified_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


_known_roles: dict[type, str] = {}


def role_of(cls: type) -> str:
    """Return what the instances of a class are for, or nothing."""
    if cls not in _known_roles:
        names = [qualified_name(each) for each in cls.__mro__]
        roles = (r for r, p in ROLES for n in names if re.fullmatch(p, n))
        _known_roles[cls] = next(roles, "")
    return _known_roles[cls]


def merge(one: Kinds, other: Kinds) -> Kinds:
    """Return the union of two unions; equal containers become one of both contents."""
    if not one or one == other:
        return other
    merged = dict(one)
    for kind, parts in other.items():
        mine = merged.get(kind)
        pairs = zip(mine, parts) if mine else ()  # noqa: B905 - not in Python 3.9
        merged[kind] = tuple(merge(*pair) for pair in pairs) if mine else parts
    return merged


def is_within(found: Kinds, allowed: Kinds) -> bool:
    """Whether every kind that was found is one that is allowed."""
    return all(_fits(kind, parts, allowed) for kind, parts in found.items())


def _fits(kind: str, parts: tuple[Kinds, ...], allowed: Kinds) -> bool:
    if kind in allowed:
        pairs = zip(parts, allowed[kind])  # noqa: B905 - not in Python 3.9
        if all(is_within(*pair) for pair in pairs):
            return True
    if not WIDER.get(kind, set()).isdisjoint(allowed):
        return True
    return "plain" in allowed and is_plain(kind, parts)


def is_plain(kind: str, parts: tuple[Kinds, ...]) -> bool:
    """Whether a person could have written it down: a constant, or containers of them."""
    if kind in PLAIN or re.fullmatch(r"array:(number|text|complex|date)\d+", kind):
        return True
    if kind in ("list", "tuple", "set", "dict", "defaultdict"):
        return all(is_plain(*item) for part in parts for item in part.items())
    return False


def without_plain(kinds: Kinds) -> Kinds:
    return {kind: parts for kind, parts in kinds.items() if not is_plain(kind, parts)}


def spell(kinds: Kinds) -> str:
    """Write a union as text, always in the same order."""
    return "|".join(spelled(kinds))


def spelled(kinds: Kinds) -> list[str]:
    words = []
    for kind, parts in kinds.items():
        inside = ";".join(spell(part) for part in parts)
        words.append(f"{kind}[{inside}]" if parts else kind)
    return sorted(words)


def parse(text: str) -> Kinds:
    """Read a union that `spell` has written."""
    marks = re.findall(r"[][|;]|[^][|;]+", text)
    return _parse(iter([*marks, "]"]))[0]


def _parse(marks: "Iterator[str]") -> tuple[Kinds, ...]:
    """Read unions up to the bracket that closes them."""
    parts: list[Kinds] = [{}]
    word = ""
    for mark in marks:
        if mark == "]":
            break
        if mark == ";":
            parts.append({})
        elif mark == "[":
            parts[-1][word] = _parse(marks)
        elif mark != "|":
            word = mark
            parts[-1][word] = ()
    return tuple(parts)
