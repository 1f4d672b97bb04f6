"""What a wire protocol is to the server.

A contract says at which paths it is spoken, and turns bytes into a batch, a prediction
into bytes and a problem into bytes. It knows one model, and nothing of what carries the
bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from server.batch import Batch, Prediction
from server.problems import Problem

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""


class Question(Struct, frozen=True, gc=False):
    """What a request asks.

    Parameters
    ----------
    includes
        What is asked for beside the prediction, by names that the model has.
    wish
        How the answer is wanted, in words of the contract that read it.
    """

    batch: Batch
    includes: Sequence[str] = ()
    wish: Any = None


class Answer(Struct, frozen=True, gc=False):
    """What is sent back.

    Parameters
    ----------
    fields
        Of its head, besides those that every answer has.
    """

    body: bytes
    media_type: bytes
    status: int = 200
    fields: Sequence[tuple[bytes, bytes]] = ()


class Contract(Protocol):
    """A wire protocol, for one model.

    Attributes
    ----------
    paths
        Where it answers to `POST`.
    """

    paths: Sequence[str]

    def is_hot(self, target: str) -> bool:
        """Tell whether a target is a path whose short bodies are answered at once."""
        ...

    def accept(self, headers: Headers) -> None:
        """Refuse a request by its headers, before its body is waited for.

        Raises
        ------
        Problem
        """
        ...

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        """Return what is asked.

        Raises
        ------
        Problem
        """
        ...

    def write(self, question: Question, prediction: Prediction) -> Answer:
        """Return the answer to a question that was read here."""
        ...

    def refuse(self, problem: Problem) -> Answer:
        """Return a problem in the protocol's own shape."""
        ...
