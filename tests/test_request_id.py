"""Ids that are sent back, and where in a trace a request belongs."""

import pytest

from server.request_id import echoed, traceparent

TRACE = b"0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "ids"),
    [
        ([], []),
        ([(b"x-request-id", b"a.B-9_")], [(b"x-request-id", b"a.B-9_")]),
        ([(b"x-request-id", b"x" * 128)], [(b"x-request-id", b"x" * 128)]),
        ([(b"x-request-id", b"x" * 129)], []),
        ([(b"x-request-id", b"")], []),
        ([(b"x-request-id", b"a b")], []),
        ([(b"x-request-id", b"a\n")], []),
        ([(b"x-request-id", b"\xff")], []),
        (
            [(b"x-request-id", b"first"), (b"x-request-id", b"second")],
            [(b"x-request-id", b"first")],
        ),
        (
            [(b"x-ms-client-request-id", b"c"), (b"x-ms-request-id", b"b")],
            [(b"x-ms-request-id", b"b"), (b"x-ms-client-request-id", b"c")],
        ),
        ([(b"request-id", b"a")], []),
    ],
)
def test_an_id_is_sent_back_if_it_is_plain(
    headers: list[tuple[bytes, bytes]], ids: list[tuple[bytes, bytes]]
) -> None:
    assert echoed(headers) == ids


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        (b"00-" + TRACE, True),
        (b"cc-" + TRACE, True),
        (b"cc-" + TRACE + b"-what-will-be", True),
        (b"00-" + TRACE + b"-what-will-be", False),
        (b"cc-" + TRACE + b".what", False),
        (b"cc-" + TRACE + b"-" + b"x" * 100, False),
        (b"ff-" + TRACE, False),
        (b"00-" + TRACE.upper(), False),
        (b"00-" + TRACE[:-1], False),
        (b"00-" + b"0" * 32 + TRACE[32:], False),
        (b"00-" + TRACE[:33] + b"0" * 16 + TRACE[49:], False),
        (b"", False),
    ],
)
def test_a_place_in_a_trace_is_told_if_it_is_as_the_standard_has_it(
    value: bytes, is_valid: bool
) -> None:
    found = traceparent([(b"traceparent", value)])

    assert found == (value.decode() if is_valid else "")


def test_of_two_places_in_a_trace_none_is_right() -> None:
    assert traceparent([(b"traceparent", b"00-" + TRACE)] * 2) == ""
    assert traceparent([]) == ""
