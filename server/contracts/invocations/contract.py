"""The contract of `/invocations`, and of Azure's `/score`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from server.batch import Prediction
from server.contracts.contract import Answer, Headers, Question
from server.contracts.errors import refused
from server.contracts.headers import JSON
from server.contracts.invocations.frames import document_of
from server.contracts.invocations.lines import (
    read_csv,
    read_json_lines,
    write_csv,
    write_json_lines,
)
from server.contracts.predict.faults import read_json
from server.contracts.predict.size import require_few_values
from server.contracts.schema import Schema
from server.problems import NotAcceptable, Problem, UnsupportedMediaType

CSV = b"text/csv"
LINES = (b"application/jsonlines", b"application/x-ndjson", b"application/jsonl")
HEADER_WORDS = {b"header=present": True, b"header=absent": False}


def _write_json(values: Sequence[Any]) -> bytes:
    return msgspec.json.encode({"predictions": values})


WRITERS: Mapping[bytes, Callable[[Sequence[Any]], bytes]] = {
    JSON: _write_json,
    CSV: write_csv,
    **dict.fromkeys(LINES, write_json_lines),
}


class InvocationsContract:
    """What SageMaker, MLflow and Azure ML post, for one model."""

    paths: Sequence[str] = ("/invocations", "/score")

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def is_hot(self, target: str) -> bool:
        return False

    def accept(self, headers: Headers) -> None:
        media_type, _ = _content_type(headers)
        if media_type not in WRITERS:
            raise UnsupportedMediaType(
                f"The content type is {media_type.decode('latin-1')}; send one of: "
                f"{', '.join(kind.decode() for kind in WRITERS)}."
            )
        _answer_type(headers)

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        schema = self._schema
        signature = schema.signature
        require_few_values(body, schema.max_rows, schema.n_columns)
        media_type, words = _content_type(headers)
        if media_type == CSV:
            stated = [HEADER_WORDS[word] for word in words if word in HEADER_WORDS]
            has_header = stated[0] if stated else None
            document: Any = read_csv(body, signature, has_header, schema.max_rows)
        elif media_type in LINES:
            lines = read_json_lines(body, schema.max_rows)
            document = document_of(lines, signature)
        else:
            document = document_of(read_json(body), signature)
        return Question(schema.reader.check(document), wish=_answer_type(headers))

    def write(self, question: Question, prediction: Prediction) -> Answer:
        media_type: bytes = question.wish
        return Answer(WRITERS[media_type](prediction.values), media_type)

    def refuse(self, problem: Problem) -> Answer:
        code = "BAD_REQUEST" if problem.status < 500 else "INTERNAL_ERROR"
        return refused(problem, "message", error_code=code)


def _content_type(headers: Headers) -> tuple[bytes, Sequence[bytes]]:
    """Return the media type of a body and its parameters; nothing said is JSON."""
    said = b"".join(value for name, value in headers if name == b"content-type")
    media_type, *words = (word.strip().lower() for word in said.split(b";"))
    return media_type or JSON, words


def _answer_type(headers: Headers) -> bytes:
    """Return the kind of answer that a client wants most of those there are.

    Raises
    ------
    NotAcceptable
    """
    wanted = b",".join(value for name, value in headers if name == b"accept")
    kinds = [kind.split(b";")[0].strip().lower() for kind in wanted.split(b",")]
    for kind in filter(None, kinds):
        if kind in WRITERS:
            return kind
    if not wanted.strip() or _is_any(kinds):
        return JSON
    raise NotAcceptable(
        f"The answer is wanted as {wanted.decode('latin-1')}; it can be one of: "
        f"{', '.join(kind.decode() for kind in WRITERS)}."
    )


def _is_any(kinds: Iterable[bytes]) -> bool:
    return any(kind in (b"*/*", b"application/*") for kind in kinds)
