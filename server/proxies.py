"""Proxies that are trusted to say who asks.

What a client says of itself counts for nothing: each proxy adds the address of whom it
has heard behind those that were there, so that they are read from their end, as far as
the proxies are known.
"""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from server.contracts.contract import Headers
from server.http.asgi import Scope
from server.settings import InvalidSetting

SOCKET = "unix"
"""Stands for whoever comes over a socket of the file system, who has no address."""

MAX_HOPS = 20


class Proxies:
    """The proxies that are trusted.

    Parameters
    ----------
    addresses
        Addresses and networks with spaces between; `unix` is a socket's peer.

    Raises
    ------
    InvalidSetting
        One of them is neither.
    """

    def __init__(self, addresses: str) -> None:
        words = addresses.split()
        self._trusts_sockets = SOCKET in words
        self._networks = [_network(word) for word in words if word != SOCKET]
        self._is_trusted = lru_cache(256)(self._find_trust)

    def reveal(self, scope: Scope) -> None:
        """Put into a scope the client and the scheme that a trusted proxy tells of."""
        address, *_ = scope.get("client") or [""]
        if not self._is_trusted(address):
            return
        client = self.client(address, scope["headers"])
        if client != address:
            scope["client"] = (client, 0)
        scheme = _scheme(scope["headers"])
        if scheme:
            scope["scheme"] = scheme

    def client(self, peer: str, headers: Headers) -> str:
        """Return the address of whom the peer speaks for, or its own.

        That is the last that no trusted proxy has; where all have one, the first. Behind
        what is no address nothing is known.
        """
        if not self._is_trusted(peer):
            return peer
        client = peer
        for hop in reversed([*_hops(headers)][-MAX_HOPS:]):
            address = _address(hop)
            if not address:
                return client
            client = address
            if not self._is_trusted(address):
                return client
        return client

    def _find_trust(self, text: str) -> bool:
        if not text:
            return self._trusts_sockets
        known = _address(text)
        return known != "" and any(ip_address(known) in it for it in self._networks)


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(word)
    except ValueError as error:
        raise InvalidSetting(
            f"--trusted-proxies: {error}; expected addresses, networks as 10.0.0.0/8, "
            f"or {SOCKET}"
        ) from error


def _hops(headers: Headers) -> Iterator[str]:
    """Yield who has asked whom, the client first.

    X-Forwarded-For is what nearly all proxies write; where it is, Forwarded (RFC 7239)
    may be the client's own.
    """
    lists = _values(headers, b"x-forwarded-for")
    if lists:
        for each in lists:
            yield from each.split(",")
        return
    for each in _values(headers, b"forwarded"):
        for element in each.split(","):
            yield _parameter(element, "for")


def _scheme(headers: Headers) -> str:
    """Return what the last proxy was asked by: http, https, or nothing."""
    said = _values(headers, b"x-forwarded-proto")
    if said:
        scheme = said[-1].split(",")[-1]
    else:
        elements = ",".join(_values(headers, b"forwarded")).split(",")
        scheme = _parameter(elements[-1], "proto")
    scheme = scheme.strip().lower()
    return scheme if scheme in ("http", "https") else ""


def _values(headers: Headers, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]


def _parameter(element: str, wanted: str) -> str:
    """Return a parameter of an element of Forwarded, nothing where there is none."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == wanted:
            return value.strip().strip('"')
    return ""


def _address(text: str) -> str:
    """Return the address in what may have a port, nothing where there is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)  # how IPv6's sockets name IPv4's
    return str(mapped or address)
