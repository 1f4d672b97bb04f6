"""Whose word counts for who has asked."""

from typing import Any

import pytest

from server.proxies import Proxies
from server.settings import InvalidSetting

PEER = "10.0.0.1"
TRUSTED = "10.0.0.0/8 2001:db8::/32 192.0.2.7"


def forwarded(*values: str, name: str = "x-forwarded-for") -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for value in values]


@pytest.mark.parametrize(
    ("peer", "values", "client"),
    [
        (PEER, [], PEER),
        (PEER, ["198.51.100.9"], "198.51.100.9"),
        ("198.51.100.1", ["198.51.100.9"], "198.51.100.1"),
        (PEER, ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        (PEER, ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        (PEER, ["203.0.113.5, 198.51.100.9,10.9.9.9 , 192.0.2.7"], "198.51.100.9"),
        (PEER, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (PEER, ["203.0.113.5, unknown, 10.0.0.2"], "10.0.0.2"),
        (PEER, [""], PEER),
        (PEER, ["198.51.100.9:1234"], "198.51.100.9"),
        (PEER, ["[2001:db9::1]:1234"], "2001:db9::1"),
        (PEER, ["2001:DB9:0::1"], "2001:db9::1"),
        (PEER, ["2001:db9::1, [2001:db8::5]"], "2001:db9::1"),
        ("2001:db8::1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("::ffff:10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("192.0.2.8", ["198.51.100.9"], "192.0.2.8"),
        (PEER, [", ".join(["203.0.113.5"] + ["10.0.0.2"] * 20)], "10.0.0.2"),
    ],
)
def test_the_client_is_the_last_whom_no_trusted_proxy_is(
    peer: str, values: list[str], client: str
) -> None:
    assert Proxies(TRUSTED).client(peer, forwarded(*values)) == client


@pytest.mark.parametrize(
    ("values", "client"),
    [
        (["for=198.51.100.9"], "198.51.100.9"),
        (['for="[2001:db9::1]:4711";proto=https'], "2001:db9::1"),
        (["For=203.0.113.5, proto=http;FOR=198.51.100.9"], "198.51.100.9"),
        (["for=198.51.100.9, for=_hidden"], PEER),
        (["proto=https"], PEER),
    ],
)
def test_the_standard_field_is_read_where_the_usual_one_is_not_there(
    values: list[str], client: str
) -> None:
    headers = forwarded(*values, name="forwarded")
    proxies = Proxies(TRUSTED)

    assert proxies.client(PEER, headers) == client
    assert proxies.client(PEER, [*headers, *forwarded("192.0.2.1")]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("client", "headers", "revealed"),
    [
        ([PEER, 5], forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
        ([PEER, 5], [], ([PEER, 5], "http")),
        (
            [PEER, 5],
            forwarded("http, HTTPS", name="x-forwarded-proto"),
            ([PEER, 5], "https"),
        ),
        (
            [PEER, 5],
            forwarded("for=192.0.2.1;proto=https", name="forwarded"),
            (("192.0.2.1", 0), "https"),
        ),
        (
            [PEER, 5],
            forwarded("gopher", name="x-forwarded-proto"),
            ([PEER, 5], "http"),
        ),
        (
            ["192.0.2.1", 5],
            [*forwarded("192.0.2.9"), *forwarded("https", name="x-forwarded-proto")],
            (["192.0.2.1", 5], "http"),
        ),
        (["testclient", 5], forwarded("192.0.2.9"), (["testclient", 5], "http")),
        (None, forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
        ("", forwarded("192.0.2.1"), (("192.0.2.1", 0), "http")),
    ],
)
def test_a_scope_has_the_client_and_the_scheme_that_the_proxy_tells(
    client: Any, headers: list[tuple[bytes, bytes]], revealed: tuple[Any, str]
) -> None:
    scope = {"client": client, "scheme": "http", "headers": headers}

    Proxies(f"{TRUSTED} unix").reveal(scope)

    assert (scope["client"], scope["scheme"]) == revealed


def test_a_socket_is_not_trusted_unless_it_is_said() -> None:
    assert Proxies("0.0.0.0/0 ::/0").client("", forwarded("192.0.2.1")) == ""


@pytest.mark.parametrize("word", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_what_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(
        InvalidSetting, match=f"--trusted-proxies: '?{word}.*; expected"
    ):
        Proxies(f"{PEER} {word}")
