"""Errors in the shape that most protocols share: one text in an object."""

import msgspec

from server.contracts.contract import Answer
from server.contracts.headers import JSON
from server.problems import Problem, sentence


def refused(problem: Problem, key: str = "error", **more: str) -> Answer:
    """Return a problem as one text; what breaks the signature is a 400 there."""
    status = 400 if problem.status == 422 else problem.status
    text = msgspec.json.encode({**more, key: sentence(problem)})
    return Answer(text, JSON, status, problem.fields)
