"""Reads from the code of somebody's step whether it does nothing but arithmetic.

No number of points proves that a function of somebody is a straight line: it may make
an exception of one value that nobody asks for. A function that holds sums, products
and quotients only has no place for an exception, and for it points are enough.
"""

import builtins
import dis
import inspect
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import FunctionTransformer

OPERATORS = {"+", "-", "*", "/", "@"}

SAID = {
    "%": "takes remainders",
    "//": "takes whole quotients",
    "**": "takes powers",
    "COMPARE_OP": "compares values",
    "CONTAINS_OP": "compares values",
    "IS_OP": "compares values",
    "PUSH_EXC_INFO": "catches errors",
    "UNARY_INVERT": "negates conditions",
    "UNARY_NOT": "negates conditions",
}
"""Operators and instructions that make a function more than arithmetic."""

PLAIN = {
    *("RESUME", "NOP", "CACHE", "EXTENDED_ARG", "PRECALL", "KW_NAMES", "PUSH_NULL"),
    *("POP_TOP", "COPY", "SWAP", "RETURN_VALUE", "RETURN_CONST", "NOT_TAKEN"),
    *("MAKE_CELL", "COPY_FREE_VARS", "LOAD_CLOSURE", "MAKE_FUNCTION", "STORE_DEREF"),
    *("SET_FUNCTION_ATTRIBUTE", "RETURN_GENERATOR", "YIELD_VALUE", "RERAISE"),
    *("UNARY_NEGATIVE", "UNARY_POSITIVE", "BINARY_SUBSCR", "BINARY_SLICE"),
    *("STORE_SUBSCR", "STORE_SLICE", "LIST_EXTEND", "LIST_APPEND", "LIST_TO_TUPLE"),
    *("MAP_ADD", "DICT_UPDATE", "DICT_MERGE", "UNPACK_SEQUENCE", "LOAD_SMALL_INT"),
    *("GET_ITER", "FOR_ITER", "END_FOR", "POP_ITER", "JUMP_BACKWARD", "STORE_ATTR"),
    *("CONVERT_VALUE", "FORMAT_VALUE", "FORMAT_SIMPLE", "BUILD_STRING"),
    *("JUMP_BACKWARD_NO_INTERRUPT", "CALL_INTRINSIC_1", "CALL_FUNCTION_EX"),
}
"""Instructions that move values about; a loop without a condition runs to its end."""

PREFIXES = ("LOAD_FAST", "STORE_FAST", "BUILD_", "CALL")

NAMES = {
    *("DataFrame", "Series", "T", "add", "add_prefix", "add_suffix", "append"),
    *("array", "asarray", "assign", "astype", "atleast_2d", "c_", "columns"),
    *("column_stack", "concat", "concatenate", "copy", "dict", "dot", "drop", "dtype"),
    *("enumerate", "expand_dims", "filter", "float", "float32", "float64", "hstack"),
    *("iloc", "index", "insert", "items", "keys", "len", "list", "loc", "matmul"),
    *("mean", "mul", "multiply", "neg", "negative", "newaxis", "ones", "positive"),
    *("range", "ravel", "rename", "reshape", "set_axis", "shape", "sub", "subtract"),
    *("sum", "to_frame", "to_numpy", "transpose", "tuple", "values", "zeros", "zip"),
}
"""Of Python, numpy and pandas: what builds, picks, adds or multiplies columns."""

MIN_DTYPE = 3
"""Letters of a type's name; a shorter one is more often a column's."""

DIVISORS = {"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_ATTR"}
"""Before a division: its divisor was not computed, so that it is nowhere near zero."""

DATA = (str, bytes, bool, int, float, np.generic, np.ndarray, pd.DataFrame, pd.Series)
CONTAINERS = (list, tuple, set, frozenset, dict, slice, pd.Index)

LIBRARIES = {"numpy", "pandas", "sklearn", "scipy"}


def beside_arithmetic(transformer: Any, columns: Collection[str]) -> str | None:
    """Return what a step does that is no arithmetic, as a verb; None for nothing.

    Parameters
    ----------
    columns
        Names that are no methods: `X.area` is a column where there is one.
    """
    owner, function = _function(transformer)
    return next(_Reader(owner, set(columns)).found(function), None)


def _function(transformer: Any) -> tuple[Any, Any]:
    if type(transformer) is not FunctionTransformer:
        return transformer, getattr(type(transformer), "transform", None)
    function = transformer.func
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, MethodType):
        return function.__self__, function.__func__
    return None, function


class _Reader:
    """Reads a function, and those that it calls, each once.

    Parameters
    ----------
    owner
        The object whose methods they are, if they are methods.
    """

    def __init__(self, owner: Any, columns: set[str]) -> None:
        self._owner = owner
        self._columns = columns
        self._seen: set[int] = set()

    def found(self, function: Any) -> Iterator[str]:
        function = inspect.unwrap(function) if callable(function) else function
        if not isinstance(function, FunctionType) or _is_library(function):
            yield f"calls {getattr(function, '__name__', type(function).__name__)!r}"
        elif id(function.__code__) not in self._seen:
            self._seen.add(id(function.__code__))
            known = vars(builtins) | function.__globals__ | _closure(function)
            yield from self._code(function.__code__, known)

    def _code(self, code: CodeType, known: Mapping[str, Any]) -> Iterator[str]:
        before = ""
        for each in dis.get_instructions(code):
            yield from self._instruction(each, before, known)
            before = each.opname

    def _instruction(
        self, each: dis.Instruction, before: str, known: Mapping[str, Any]
    ) -> Iterator[str]:
        name = each.opname
        if name == "BINARY_OP":
            yield from _operator(each.argrepr.removesuffix("="), before)
        elif name == "LOAD_CONST":
            if isinstance(each.argval, CodeType):
                yield from self._code(each.argval, known)
            elif each.argval not in self._columns and _is_coarse(each.argval):
                yield f"turns numbers into {each.argval}"
        elif name in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"}:
            if each.argval in known:
                yield from self._value(each.argval, known[each.argval])
        elif name in {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}:
            yield from self._attribute(each.argval, known)
        elif name == "IMPORT_NAME":
            if each.argval.partition(".")[0] not in LIBRARIES:
                yield f"imports {each.argval!r}"
        elif name not in PLAIN and not name.startswith(PREFIXES):
            yield _said(name)

    def _attribute(self, name: str, known: Mapping[str, Any]) -> Iterator[str]:
        is_owned = self._owner is not None and hasattr(self._owner, name)
        if is_owned:
            yield from self._value(name, getattr(self._owner, name))
        if name in NAMES:
            return
        if any(hasattr(kind, name) for kind in (*DATA[-3:], pd.Index, np, pd)):
            yield f"calls {name!r}"
        elif not is_owned and name not in self._columns:
            modules = [each for each in known.values() if isinstance(each, ModuleType)]
            values = [vars(each)[name] for each in modules if name in vars(each)]
            yield from [] if values else [f"calls {name!r}"]
            for value in values:
                yield from self._value(name, value)

    def _value(self, name: str, value: Any) -> Iterator[str]:
        """Yield what the value of a global, a variable or an attribute does."""
        if isinstance(value, MethodType) and value.__self__ is self._owner:
            yield from self.found(value.__func__)
        elif isinstance(value, FunctionType) and not _is_library(value):
            yield from self.found(value)
        elif isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc):
            if value.__name__ not in NAMES or not _is_library(value):
                yield f"calls {name!r}"
        elif not _is_data(value) and not isinstance(value, ModuleType):
            yield f"uses {name!r}, of which nothing is known"


def _operator(said: str, before: str) -> Iterator[str]:
    if said == "/" and before not in DIVISORS:
        yield "divides by what it computed"
    elif said not in OPERATORS | {"[]"}:
        yield SAID.get(said, f"computes {said}")


def _is_coarse(value: Any) -> bool:
    """Tell whether a constant names a type that does not hold every number."""
    if not isinstance(value, str) or len(value) < MIN_DTYPE:
        return False
    try:
        dtype = pd.api.types.pandas_dtype(value)
    except (TypeError, ValueError):
        return False
    return dtype != np.float64


def _said(opname: str) -> str:
    if "JUMP" in opname or opname == "TO_BOOL":
        return "decides between cases"
    return SAID.get(opname, f"holds {opname}")


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}


def _is_data(value: Any) -> bool:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if value is None or type(value) in {*DATA, pd.Index, slice}:
        return True
    if type(value) in CONTAINERS:
        return all(map(_is_data, value))
    return isinstance(value, np.generic | pd.Index)


def _is_library(value: Any) -> bool:
    if isinstance(value, np.ufunc):
        return True
    root = (getattr(value, "__module__", None) or "").partition(".")[0]
    return root in LIBRARIES | {"builtins"}
