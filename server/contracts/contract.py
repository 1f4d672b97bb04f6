"""What a wire protocol is to the server.

A contract says at which paths it is spoken, and turns bytes into a batch, a prediction
into bytes and a problem into bytes. It knows one model, and nothing of what carries the
bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from server.batch import Batch, Prediction
from server.problems import Problem

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""


class Contract(Protocol):
    """A wire protocol, for one model.

    Attributes
    ----------
    paths
        Where it answers to `POST`.
    media_type
        Of what `write` returns.
    problem_type
        Media type of what `refuse` returns.
    """

    paths: Sequence[str]
    media_type: bytes
    problem_type: bytes

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

    def read(self, body: bytes, query: bytes = b"") -> tuple[Batch, Sequence[str]]:
        """Return the batch, and what is asked for beside its prediction.

        Raises
        ------
        Problem
        """
        ...

    def write(self, batch: Batch, prediction: Prediction) -> bytes:
        """Return the answer to a batch that was read here."""
        ...

    def refuse(self, problem: Problem) -> bytes:
        """Return a problem in the protocol's own shape."""
        ...
