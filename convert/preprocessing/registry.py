"""Which function lowers which transformer: one table, filled by the modules beside."""

from collections.abc import Callable
from typing import Any, NamedTuple

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix
from convert.refusal import Refusal


class Step(NamedTuple):
    """A fitted transformer at its place in the pipeline.

    Parameters
    ----------
    name
        Names of the steps that lead here, for messages: "preprocessor / num".
    sample
        What scikit-learn hands to it for the sample rows: a frame, an array or a
        sparse matrix. Its type decides between scikit-learn's own code paths.
    """

    name: str
    transformer: Any
    sample: Any


Lowering = Callable[[Step, Matrix, Graph], Matrix]

_lowerings: dict[type, Lowering] = {}


def lowers(*classes: type) -> Callable[[Lowering], Lowering]:
    """Register a function for exactly these classes.

    A subclass is another class: it may compute something else.
    """

    def register(lowering: Lowering) -> Lowering:
        _lowerings.update(dict.fromkeys(classes, lowering))
        return lowering

    return register


def lowering_of(transformer: Any) -> Lowering | None:
    return _lowerings.get(type(transformer))


def path(step: Step, name: str) -> str:
    """Return the name of a step inside another."""
    return f"{step.name} / {name}" if step.name else name


def refuse(step: Step, reason: str) -> Refusal:
    kind = type(step.transformer).__name__
    where = f"step {step.name!r} ({kind})" if step.name else f"the {kind}"
    return Refusal(f"{where} cannot be said in ONNX: {reason}")
