"""Errors in the shape that most protocols share: one text in an object."""

import msgspec

from server.contracts.contract import Answer
from server.contracts.headers import JSON
from server.problems import Problem, sentence


def refused(
    problem: Problem, key: str = "error", max_bytes: int = 10_000, **more: str
) -> Answer:
    """Return a problem as one text; what breaks the signature is a 400 there.

    Parameters
    ----------
    key
        Of the text in the object, which has `more` beside it.
    max_bytes
        Of the text; what is longer loses its end.
    """
    status = 400 if problem.status == 422 else problem.status
    said = sentence(problem).encode()[:max_bytes].decode(errors="ignore")
    body = msgspec.json.encode({**more, key: said})
    return Answer(body, JSON, status, problem.fields)
