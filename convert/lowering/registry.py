"""Which function turns a fitted object into nodes: one table for each use of it.

A table is filled by the modules of `estimators` and `preprocessing` and by
`transformers`, under the names of classes, as ``<distribution>.<class>``: no library is
imported for an object that is not there, and a private module may move from one
release to the next. What is not told by a class alone, `transformers` decides.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

from convert.fitted.overrides import check_class, is_followed
from convert.graph.blocks import Block, Matrix
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs
from convert.lowering.step import Step

Emitter = Callable[[Graph, Any, Tensor, int], Outputs]
"""Of a final estimator, the matrix that it reads and its number of columns."""

Lowering = Callable[[Graph, Step, Matrix], Matrix]
BlockLowering = Callable[[Graph, Step, Block], Block]
Inverse = Callable[[Graph, Any, Tensor], Tensor]
"""Of a target's transformer and what was predicted, float64 (n_rows, n_targets)."""

Function = TypeVar("Function", bound=Callable[..., Any])

FAMILIES = ("convert.lowering.estimators", "convert.lowering.preprocessing")


class Registry(Generic[Function]):
    """Names of classes → the function that says what they compute."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}

    def register(self, *names: str) -> Callable[[Function], Function]:
        """Register a function for the classes with these `class_name`.

        Raises
        ------
        TypeError
            One of them has a function already.
        """

        def add(function: Function) -> Function:
            taken = self._functions.keys() & set(names)
            if taken:
                raise TypeError(f"{sorted(taken)} are registered already")
            self._functions.update(dict.fromkeys(names, function))
            return function

        return add

    def find(self, kind: type) -> Function | None:
        """Return the function of a class; None where nobody registered one.

        A subclass has its base's where it is known to compute the same. It is not of a
        transformer: that may compute anything, so it is asked for its values.

        Raises
        ------
        Unsupported
            The class predicts in another way than the base that is registered.
        """
        _import_families()
        for base in kind.__mro__:
            function = self._functions.get(class_name(base))
            if function is not None and (base is kind or is_followed(base)):
                check_class(kind, base)
                return function
        return None

    def names(self) -> tuple[str, ...]:
        """Return the name of every class that has a function, sorted."""
        _import_families()
        return tuple(sorted(self._functions))


EMITTERS: Registry[Emitter] = Registry()
"""Final estimators."""

LOWERINGS: Registry[Lowering] = Registry()
"""Transformers of a matrix."""

BLOCK_LOWERINGS: Registry[BlockLowering] = Registry()
"""Transformers of columns of any kind, which they hand on or read as texts."""

INVERSES: Registry[Inverse] = Registry()
"""The ``inverse_transform`` of what a target is transformed with."""

emits = EMITTERS.register
lowers = LOWERINGS.register
lowers_block = BLOCK_LOWERINGS.register
inverts = INVERSES.register


def class_name(kind: type) -> str:
    """Return e.g. ``sklearn.Ridge``, whatever private module defines it."""
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


@cache
def _import_families() -> None:
    for family in FAMILIES:
        package = importlib.import_module(family)
        for module in pkgutil.iter_modules(package.__path__, f"{family}."):
            importlib.import_module(module.name)
