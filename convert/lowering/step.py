"""A transformer at its place in a fitted pipeline, for those that lower it."""

from typing import Any, NamedTuple

from convert.errors import Refusal, Unsupported


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


def path(step: Step, name: str) -> str:
    """Return the name of a step inside another."""
    return f"{step.name} / {name}" if step.name else name


def refuse(step: Step, reason: str) -> Refusal:
    """Return what to raise where a step has no exact form; `reason` has the remedy."""
    kind = type(step.transformer).__name__
    where = f"step {step.name!r} ({kind})" if step.name else f"the {kind}"
    return Unsupported(f"{where} cannot be said in ONNX: {reason}")
