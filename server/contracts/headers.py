"""What the headers say of a body, and whether such a one is read."""

from server.contracts.contract import Headers
from server.problems import UnsupportedMediaType

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"


def require_json(headers: Headers) -> None:
    """Refuse a body that says it is something else; one that says nothing is JSON.

    Raises
    ------
    UnsupportedMediaType
    """
    for name, value in headers:
        _require_plain(name, value)
        if name == b"content-type" and value != JSON:
            media_type = value.split(b";")[0].strip().lower()
            if media_type != JSON and not media_type.endswith(b"+json"):
                raise UnsupportedMediaType(
                    f"The content type is {media_type.decode('latin-1')}; send "
                    "Content-Type: application/json."
                )


def require_form(headers: Headers) -> None:
    """Refuse a body that is not a form as browsers send it.

    Raises
    ------
    UnsupportedMediaType
    """
    content_type = b""
    for name, value in headers:
        _require_plain(name, value)
        if name == b"content-type":
            content_type = value
    media_type = content_type.split(b";")[0].strip().lower()
    if media_type != FORM:
        found = media_type.decode("latin-1") or "missing"
        raise UnsupportedMediaType(
            f"The content type is {found}; this page reads its own form. Send JSON to "
            "/predict."
        )


def _require_plain(name: bytes, value: bytes) -> None:
    if name == b"content-encoding" and value.lower() != b"identity":
        raise UnsupportedMediaType(
            f"The body is compressed ({value.decode('latin-1')}); send it plain."
        )
