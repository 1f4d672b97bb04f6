import pytest

from server.contracts.headers import require_form, require_json
from server.problems import UnsupportedMediaType

TYPE, ENCODING = b"content-type", b"content-encoding"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(TYPE, b"application/json")],
        [(TYPE, b"Application/JSON; charset=utf-8")],
        [(TYPE, b"application/ld+json"), (b"connection", b"keep-alive")],
        [(TYPE, b"application/json"), (ENCODING, b"Identity")],
    ],
)
def test_json_may_say_so_or_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    require_json(headers)


def test_a_body_that_says_it_is_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match="compressed \\(gzip\\)"):
        require_json([(ENCODING, b"gzip")])
    with pytest.raises(UnsupportedMediaType, match="content type is text/csv; send"):
        require_json([(TYPE, b"Text/CSV; charset=utf-8")])
    with pytest.raises(UnsupportedMediaType, match="content type is text/csv; send"):
        require_json([(TYPE, b"text/csv"), (TYPE, b"application/json")])


def test_a_form_must_say_that_it_is_one() -> None:
    form = (TYPE, b"application/x-www-form-urlencoded; charset=utf-8")
    require_form([form])

    with pytest.raises(UnsupportedMediaType, match="content type is missing; this"):
        require_form([])
    with pytest.raises(UnsupportedMediaType, match="compressed \\(br\\)"):
        require_form([form, (ENCODING, b"br")])
