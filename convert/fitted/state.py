"""Finds the texts and numbers that a fitted object holds, wherever it keeps them.

A mapping, a list of keys, the index of a table, a constant in the code of a function:
whatever a transformer may compare a value with lies in what it holds. What is not
found is not known; nothing may be concluded from that.
"""

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd

from convert.fitted.plain import plain
from server.signature import Value

CODE = (type, FunctionType, CodeType)

MAX_VISITED = 200_000
"""Objects that are looked at, the nearest first: about a second."""

MAX_HELD = 300
"""Of the values that a pipeline holds, those that are tried in each column."""

MAGNITUDES = tuple(sign * 10.0**power for power in range(-3, 16) for sign in (1, -1))

LARGEST = 1e300
"""Of numbers: every float64 below it has a next one."""

MAX_ELEMENTS = 20_000
"""Of one array or index."""

LIBRARIES = {"numpy", "pandas", "scipy", "sklearn", "joblib"}
"""Beside the standard library: their code is no place for somebody's keys."""


def values_in(*objects: Any, code: bool = True) -> list[Value]:
    """Return every text, number and boolean that the objects hold, each once.

    Parameters
    ----------
    code
        Look into functions and classes too.
    """
    found: dict[tuple[type, Value], Value] = {}
    seen: dict[int, Any] = {}  # holds each, so that no id is given twice
    waiting = deque(objects)
    while waiting:
        each = waiting.popleft()
        if isinstance(each, str | bytes | bool | int | float | np.generic):
            for value in _plain(each):
                found.setdefault((type(value), value), value)
        elif each is not None and id(each) not in seen:
            if len(seen) == MAX_VISITED:
                continue
            seen[id(each)] = each
            if code or not isinstance(each, CODE):
                waiting.extend(_parts(each))
    return list(found.values())


def numbers_near(values: Sequence[Value]) -> list[float]:
    """Return the numbers among some values, their opposites and what lies beside."""
    held = [float(v) for v in values if isinstance(v, int | float)]
    held += [float(v) for v in values if isinstance(v, str) and _is_number(v)]
    within = [v for v in dict.fromkeys(held) if abs(v) <= LARGEST][:MAX_HELD]
    beside = [float(np.nextafter(v, to)) for v in within for to in (-np.inf, np.inf)]
    opposite = [-v for v in within]
    return list(dict.fromkeys([*within, *opposite, *beside]))


def _plain(value: Any) -> Iterator[Value]:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, str):
        yield str(value)
    elif isinstance(value, int | float) and abs(value) <= LARGEST:  # not NaN
        yield plain(value)


def _parts(each: Any) -> Iterator[Any]:
    """Yield what an object holds itself."""
    if isinstance(each, pd.DataFrame):
        yield each.index
        yield from (column for _, column in each.items())
    elif isinstance(each, pd.Series):
        yield from (each.index, each.array)
    elif isinstance(each, pd.Categorical):
        yield each.categories
    elif isinstance(each, pd.MultiIndex):
        yield from each.levels
    elif isinstance(each, pd.Index | pd.api.extensions.ExtensionArray):
        yield from np.asarray(each, object)[:MAX_ELEMENTS]
    elif isinstance(each, pd.CategoricalDtype):
        yield each.categories
    elif isinstance(each, np.ndarray):
        yield from each.ravel()[:MAX_ELEMENTS].tolist()
    elif isinstance(each, Mapping):
        yield from (*each.keys(), *each.values())
    elif isinstance(each, list | tuple | set | frozenset | deque):
        yield from each
    else:
        yield from _code_parts(each)


def _code_parts(each: Any) -> Iterator[Any]:
    """Yield what a function, a class or an object of one holds."""
    if isinstance(each, FunctionType):
        if _is_foreign(each):
            yield from (each.__code__, each.__defaults__, each.__kwdefaults__)
            yield from _contents(each.__closure__ or ())
            yield from _globals(each.__code__, each.__globals__)
    elif isinstance(each, CodeType):
        yield from each.co_consts
    elif isinstance(each, MethodType):
        yield from (each.__self__, each.__func__)
    elif isinstance(each, partial):
        yield from (each.func, each.args, each.keywords)
    elif isinstance(each, staticmethod | classmethod):
        yield each.__func__
    elif isinstance(each, property):
        yield each.fget
    elif isinstance(each, type):
        if _is_foreign(each):
            yield from (*vars(each).values(), *each.__bases__)
    elif not isinstance(each, ModuleType):
        yield from (vars(each) if hasattr(each, "__dict__") else {}).values()
        slots = [vars(kind).get("__slots__", ()) for kind in type(each).__mro__]
        for names in slots:
            for name in [names] if isinstance(names, str) else names:
                yield getattr(each, name, None)
        yield type(each)


def _contents(cells: Any) -> Iterator[Any]:
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _globals(code: CodeType, known: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what code names of its module, and of the modules that it names."""
    codes = [code]
    while codes:
        code = codes.pop()
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]
        named = [known[name] for name in code.co_names if name in known]
        for each in named:
            if isinstance(each, ModuleType) and not _is_library(each.__name__):
                yield from (vars(each).get(name) for name in code.co_names)
            else:
                yield each


def _is_foreign(each: Any) -> bool:
    return not _is_library(getattr(each, "__module__", None) or "")


def _is_library(module: str) -> bool:
    root = module.partition(".")[0]
    return root in LIBRARIES or root in sys.stdlib_module_names


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
