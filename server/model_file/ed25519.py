"""Verifies Ed25519 signatures (RFC 8032, section 5.1.7), in whole numbers alone.

What has two encodings has one here: S below L, a key's coordinate below p, R byte for
byte. Keys of a small order, which sign everything, are none. No secret is ever here.
"""

import hashlib
from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493  # order of the base point
D: Final = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]  # X, Y, Z and T of x = X/Z, y = Y/Z and xy = T/Z
_NEUTRAL: Final[Point] = (0, 1, 1, 0)


def verifies(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Return whether the owner of the key signed the message."""
    key = _decoded(public_key)
    if len(signature) != 64 or key is None or _has_small_order(key):
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    hashed = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(hashed, "little") % L
    x, y, z, t = key
    return _encoded(_combined(s, _BASE, k, (P - x, y, z, P - t))) == signature[:32]


def is_key(public_key: bytes) -> bool:
    """Return whether it is the one encoding of a point that can be somebody's key."""
    key = _decoded(public_key)
    return key is not None and not _has_small_order(key)


def _has_small_order(point: Point) -> bool:
    for _ in range(3):
        point = _add(point, point)
    return point[0] == 0 and point[1] == point[2]


def _decoded(encoded: bytes) -> Point | None:
    if len(encoded) != 32:
        return None
    number = int.from_bytes(encoded, "little")
    y, sign = number % 2**255, number >> 255
    if y >= P:
        return None
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * _ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = x if x % 2 == sign else P - x
    return x, y, 1, x * y % P


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P % 2) << 255).to_bytes(32, "little")


def _add(first: Point, second: Point) -> Point:
    """Add two points, or a point to itself (section 5.1.4)."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _combined(s: int, base: Point, k: int, key: Point) -> Point:
    """Return s · base + k · key, both in one walk over their bits."""
    addends = (_NEUTRAL, base, key, _add(base, key))
    total = _NEUTRAL
    for bit in reversed(range(L.bit_length())):
        total = _add(total, total)
        if chosen := (s >> bit & 1) + 2 * (k >> bit & 1):
            total = _add(total, addends[chosen])
    return total


_BASE = _decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or _NEUTRAL
