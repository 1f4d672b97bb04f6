"""What a client wants of a stream: its head and its query, read before its body."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from server.contracts.contract import Headers
from server.contracts.headers import (
    CSV,
    JSON_LINES,
    media_type_of,
    require_encoding,
)
from server.problems import InvalidQuery, NotAcceptable

KINDS = (CSV, *JSON_LINES)

CHOICES = {"on_error": ("fail", "skip"), "extra": ("refuse", "ignore")}
"""Of parameters: what they can be, the first where they are left out."""

PARAMETERS = ("include", "echo", *CHOICES)

ALL = "all"


class Order(NamedTuple):
    """What is wanted.

    Parameters
    ----------
    source, answer
        Media types of the body and of its answer.
    includes
        What is wanted beside a prediction, by names that the model has.
    echo
        Columns that are wanted beside it, as they were named: several may be in one.
    skips
        Whether the rows behind one that is not accepted are answered.
    ignores_extra
        Whether columns that the model does not read may come.
    """

    source: bytes
    answer: bytes
    includes: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()
    skips: bool = False
    ignores_extra: bool = False


def read_order(headers: Headers, query: bytes, offered: Sequence[str]) -> Order:
    """Return what a request wants.

    Parameters
    ----------
    offered
        What the model can add to a prediction.

    Raises
    ------
    UnsupportedMediaType, NotAcceptable
    InvalidQuery
    """
    require_encoding(headers)
    source = media_type_of(headers) or CSV  # curl -T names no type
    answer = _answer_type(headers, source)
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    if unknown := sorted(parameters.keys() - {*PARAMETERS}):
        raise InvalidQuery(
            f"The query has {unknown[0]!r}; of a stream it may have: "
            f"{', '.join(PARAMETERS)}."
        )
    return Order(
        source,
        answer,
        _includes(parameters.get("include", []), answer, offered),
        tuple(parameters.get("echo", [])),
        _chosen(parameters, "on_error") == "skip",
        _chosen(parameters, "extra") == "ignore",
    )


def _includes(
    values: Sequence[str], answer: bytes, offered: Sequence[str]
) -> tuple[str, ...]:
    names = tuple(filter(None, ",".join(values).split(",")))
    for name in names:
        if name not in offered:
            raise InvalidQuery(f"{name!r} is not one of: {', '.join(offered)}.")
    if names and answer == CSV:
        raise InvalidQuery(
            "A table has no place for what include adds; ask for lines of JSON, with "
            "Accept: application/x-ndjson."
        )
    return names


def _chosen(parameters: dict[str, list[str]], name: str) -> str:
    choices = CHOICES[name]
    chosen, *more = parameters.get(name, choices[:1])
    if more or chosen not in choices:
        raise InvalidQuery(f"{name} is {chosen!r}; expected {' or '.join(choices)}.")
    return chosen


def _answer_type(headers: Headers, source: bytes) -> bytes:
    """Return the first kind that a client wants and that there is.

    Raises
    ------
    NotAcceptable
    """
    wanted = b",".join(value for name, value in headers if name == b"accept")
    kinds = [kind.split(b";")[0].strip().lower() for kind in wanted.split(b",")]
    for kind in kinds:
        if kind in KINDS:
            return kind
        if kind in (b"", b"*/*", source.split(b"/")[0] + b"/*"):
            return source
    raise NotAcceptable(
        f"The answer is wanted as {wanted.decode('latin-1')}; a stream has one of: "
        f"{', '.join(kind.decode() for kind in KINDS)}."
    )
