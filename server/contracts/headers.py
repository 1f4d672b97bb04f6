"""What the headers say of a body, and whether such a one is read."""

from server.contracts.contract import Headers
from server.problems import BodyTooLarge, MalformedBody, UnsupportedMediaType

JSON = b"application/json"
CSV = b"text/csv"
JSON_LINES = (
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonlines",
    b"application/jsonl",
)
STREAMED = {CSV, *JSON_LINES}
FORM = b"application/x-www-form-urlencoded"

IDENTITY = b"identity"
ENCODINGS = {IDENTITY, b"gzip", b"x-gzip", b"deflate"}
GZIP_OR_ZLIB = 32 + 15
"""For zlib: whichever of the two heads there is."""


def require_json(headers: Headers) -> None:
    """Refuse a body that says it is something else; one that says nothing is JSON.

    Raises
    ------
    UnsupportedMediaType
    """
    for name, value in headers:
        _require_encoding(name, value)
        if name == b"content-type" and value != JSON:
            media_type = value.split(b";")[0].strip().lower()
            if media_type != JSON and not media_type.endswith(b"+json"):
                raise UnsupportedMediaType(
                    f"The content type is {media_type.decode('latin-1')}; send "
                    "Content-Type: application/json."
                )


def is_stream(method: str, headers: Headers) -> bool:
    """Whether a body is a stream of rows; `curl -T` puts a table and names no type."""
    media_type = media_type_of(headers)
    return media_type in STREAMED or (method == "PUT" and not media_type)


def media_type_of(headers: Headers) -> bytes:
    """Return the media type of a body, b"" where none is named."""
    said = b"".join(value for name, value in headers if name == b"content-type")
    return said.split(b";")[0].strip().lower()


def require_encoding(headers: Headers) -> None:
    """Refuse a body that is compressed in a way that is not read here.

    Raises
    ------
    UnsupportedMediaType
    """
    for name, value in headers:
        _require_encoding(name, value)


def require_form(headers: Headers) -> None:
    """Refuse a body that is not a form as browsers send it.

    Raises
    ------
    UnsupportedMediaType
    """
    content_type = b""
    for name, value in headers:
        _require_encoding(name, value)
        if name == b"content-type":
            content_type = value
    media_type = content_type.split(b";")[0].strip().lower()
    if media_type != FORM:
        found = media_type.decode("latin-1") or "missing"
        raise UnsupportedMediaType(
            f"The content type is {found}; this page reads its own form. Send JSON to "
            "/predict."
        )


def is_compressed(headers: Headers) -> bool:
    """Whether the body has to be unpacked before it is read."""
    return any(
        name == b"content-encoding" and value.strip().lower() != IDENTITY
        for name, value in headers
    )


def unpacked(headers: Headers, body: bytes, max_body_bytes: int) -> bytes:
    """Return the body as it was before the client compressed it.

    Both encodings are zlib's, gzip with a head of its own (RFC 9110, section 8.4.1); no
    more is unpacked than is allowed.

    Raises
    ------
    BodyTooLarge
    MalformedBody
        It is not what the header says, or not whole.
    """
    if not is_compressed(headers):
        return body
    import zlib  # few send such a body

    unpacker = zlib.decompressobj(wbits=GZIP_OR_ZLIB)
    try:
        content = unpacker.decompress(body, max_body_bytes + 1)
    except zlib.error as error:
        raise MalformedBody(f"The body cannot be unpacked: {error}.") from error
    if len(content) > max_body_bytes:
        raise BodyTooLarge(
            f"The body has more than {max_body_bytes} bytes unpacked; that is the limit."
        )
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBody("The body ends before, or after, what was compressed.")
    return content


def _require_encoding(name: bytes, value: bytes) -> None:
    if name == b"content-encoding" and value.strip().lower() not in ENCODINGS:
        raise UnsupportedMediaType(
            f"The body is compressed ({value.decode('latin-1')}); send it plain, or with "
            "gzip or deflate."
        )
