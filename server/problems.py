"""Everything the server refuses, as RFC 9457 problem details.

Problem
├── MalformedRequest      400  not HTTP, or not as the standard has it
├── MalformedBody         400  not JSON
├── InvalidQuery          400  the query names what this model cannot add
├── Unauthorized          401  no key, or none that is known
├── UnknownModel          404  no model of that name
├── NoDefaultModel        404  several models, and no name
├── NotAcceptable         406  the answer is wanted in a kind that there is not
├── RequestTimeout        408  the head or the body did not come in time
├── BodyTooLarge          413  more bytes than max_body_bytes
├── TooManyRows           413  more rows than max_rows
├── LineTooLong           413  more bytes in a line of a stream than max_line_bytes
├── TargetTooLong         414  more bytes than max_target_bytes
├── MisdirectedRequest    421  for a host that is not served here
├── UnsupportedMediaType  415  the body is of a kind that is not read here
├── InvalidBatch          422  values break the signature; one entry a value
├── NoPrediction          422  the model has no finite answer for a row
├── TooManyRequests       429  more than the rate of a key or of an address
├── HeadTooLarge          431  more bytes than max_head_bytes, or fields than max_fields
├── UnknownCoding         501  a transfer coding other than chunked
├── Overloaded            503  it would wait longer than deadline_ms, or ran too long
└── UnknownVersion        505  of HTTP

https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import islice
from typing import ClassVar, NamedTuple
from urllib.parse import quote

import msgspec

MEDIA_TYPE = "application/problem+json"

FRAGMENT = "!$&'()*+,;=:@?~"
"""Characters that a URI fragment may hold as they are (RFC 3986, section 3.5)."""

MAX_LISTED_FAULTS = 100
"""A bad file of 10,000 rows would otherwise be answered with megabytes."""


class Fault(NamedTuple):
    """One bad value: its RFC 6901 pointer as a URI fragment, and what is wrong."""

    pointer: str
    detail: str


def pointer(*tokens: str | int) -> str:
    """Return a JSON Pointer as a URI fragment (RFC 6901, section 6)."""
    escaped = (str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
    return "#" + "".join(f"/{quote(token, safe=FRAGMENT)}" for token in escaped)


class Problem(Exception):
    """An error that a client can mend; its docstring is its documentation."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    title: ClassVar[str] = "The request cannot be answered"
    slug: ClassVar[str] = ""
    fields: ClassVar[Sequence[tuple[bytes, bytes]]] = ()
    """Of the response's head."""

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults

    def body(self, root_path: str = "") -> bytes:
        """Return the JSON document.

        Parameters
        ----------
        root_path
            Before each path, for whoever asks.
        """
        document: dict[str, object] = {
            "type": f"{root_path}/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            listed = self.faults[:MAX_LISTED_FAULTS]
            document["errors"] = [fault._asdict() for fault in listed]
        return msgspec.json.encode(document)


class MalformedRequest(Problem):
    """The bytes are not a request of HTTP/1.1, or one that its readers may disagree on.

    Lines end with CR LF, there is exactly one Host, and one length of the body.
    """

    title = "The request is not HTTP/1.1"
    slug = "malformed-request"


class MalformedBody(Problem):
    """The body is not a JSON document in UTF-8.

    Send one object for one row, or a list of objects, or {"columns": {…}} with a
    list of values for each feature. JSON has no NaN: send null for a missing value.
    """

    title = "The body is not JSON"
    slug = "malformed-body"


class InvalidQuery(Problem):
    """The query has another parameter than include and on_error, or another value.

    What this model can include is in the detail; separate several with commas. Bad rows
    are refused with all others (on_error=fail) or left out of them (on_error=skip).
    """

    title = "The query is not understood"
    slug = "invalid-query"


class Unauthorized(Problem):
    """The request has no API key, or none that is known.

    Send Authorization: Bearer KEY, or X-API-Key: KEY.
    """

    status = HTTPStatus.UNAUTHORIZED
    title = "A key is needed"
    slug = "unauthorized"
    fields = ((b"www-authenticate", b"Bearer"),)


class MisdirectedRequest(Problem):
    """The Host of the request is none of those that --hosts names."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    title = "The host is not served here"
    slug = "misdirected-request"


class TooManyRequests(Problem):
    """More requests came than --max-rate-per-key or --max-rate-per-address allows.

    Ask again after as many seconds as Retry-After says.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many requests"
    slug = "too-many-requests"
    fields = ((b"retry-after", b"1"),)


class UnknownModel(Problem):
    """No model of that name is served; GET /models lists those that are."""

    status = HTTPStatus.NOT_FOUND
    title = "No such model"
    slug = "unknown-model"


class NoDefaultModel(Problem):
    """Several models are served, none by default, and the request names none.

    Send it to /models/{name}/predict; GET /models lists the names. Whoever runs the
    server chooses the model of /predict with --default.
    """

    status = HTTPStatus.NOT_FOUND
    title = "Several models, and none by default"
    slug = "no-default-model"


class NotAcceptable(Problem):
    """The answer is wanted in a kind that there is not.

    Leave Accept out, or name one of the kinds in the detail.
    """

    status = HTTPStatus.NOT_ACCEPTABLE
    title = "There is no answer of that kind"
    slug = "not-acceptable"


class RequestTimeout(Problem):
    """The request did not come to its end in time.

    The settings are --head-seconds and --body-seconds, from the first byte on.
    """

    status = HTTPStatus.REQUEST_TIMEOUT
    title = "The request took too long to come"
    slug = "request-timeout"


class BodyTooLarge(Problem):
    """The body has more bytes than --max-body-bytes allows.

    Send fewer rows at once, or raise the setting.
    """

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The body is too large"
    slug = "body-too-large"


class TooManyRows(Problem):
    """The body has more rows than --max-rows allows.

    Send them in several requests, or raise the setting.
    """

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "Too many rows in one request"
    slug = "too-many-rows"


class LineTooLong(Problem):
    """A line of a stream has more bytes than --max-line-bytes allows.

    Perhaps a quotation mark is not closed: all behind it is one cell then.
    """

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "A line is too long"
    slug = "line-too-long"


class TargetTooLong(Problem):
    """The path and the query have more bytes than --max-target-bytes allows."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    title = "The path and the query are too long"
    slug = "target-too-long"


class UnsupportedMediaType(Problem):
    """The body is of a kind that is not read here.

    /predict reads JSON: send Content-Type: application/json, plain or compressed with
    gzip or deflate. The page at / reads its own form.
    """

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    title = "The body is of another kind"
    slug = "unsupported-media-type"


class InvalidBatch(Problem):
    """Values break the model's signature.

    Each entry of errors points to one value and says what was expected; the first
    100 are listed. GET /models/{name} shows what the model accepts.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Rows do not match the model's signature"
    slug = "invalid-batch"


class NoPrediction(Problem):
    """The rows are valid, but the model's answer for one is not a finite number.

    That happens where values lie so far outside of the training range that the
    arithmetic overflows.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The model has no finite prediction"
    slug = "no-prediction"


class HeadTooLarge(Problem):
    """The head has more bytes or fields than --max-head-bytes and --max-fields allow."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    title = "The head of the request is too large"
    slug = "head-too-large"


class UnknownCoding(Problem):
    """The body is transferred in another coding than chunked.

    What compresses a body is said by Content-Encoding, not by Transfer-Encoding.
    """

    status = HTTPStatus.NOT_IMPLEMENTED
    title = "The transfer coding is not known"
    slug = "unknown-coding"


class Overloaded(Problem):
    """The server has more to do than it can answer in --deadline-ms.

    Or a run of the model took longer than --run-seconds: fewer rows take less.
    Nothing was predicted. Ask again after as many seconds as Retry-After says.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The server is busy"
    slug = "overloaded"
    fields = ((b"retry-after", b"1"),)


class UnknownVersion(Problem):
    """The request is of another version of HTTP than 1.1 or 1.0."""

    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    title = "The version of HTTP is not known"
    slug = "unknown-version"


def sentence(problem: Problem) -> str:
    """Return a problem and its faults as one text, for protocols that have no more."""
    faults = (f"{each.pointer}: {each.detail}" for each in problem.faults)
    return " ".join([problem.detail, *islice(faults, MAX_LISTED_FAULTS)])


PROBLEMS: dict[str, type[Problem]] = {
    problem.slug: problem for problem in Problem.__subclasses__()
}
"""By slug, so that GET /problems/{slug} can explain each."""
