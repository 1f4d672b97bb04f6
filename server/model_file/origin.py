"""Says whose a model file is: an Ed25519 signature over all of it, which it carries.

It stands in an entry of its own of the ``metadata_props``, with the public key that it
is of. Signed is the SHA-256 of the file with zeros in the places of this signature and
of the file's digest; the digest is taken last, over the signature too, so that whoever
knows nothing of signatures reads the file, and finds damage to all of it.
"""

import binascii
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from server.model_file.content import read_text
from server.model_file.ed25519 import is_key, verifies
from server.model_file.protobuf import fields
from server.model_file.seal import blank_digest, find_digest, find_values
from server.signature import UnreadableSignature, UntrustedOrigin

ORIGIN_KEY = "pinion.origin"
CONTEXT = b"pinion model file 1\0"
"""Before the digest that is signed: what it is, so that it can be nothing else."""

_ORIGIN = re.compile(rb"ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})")
_PEM = re.compile("-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----")
_LINE = re.compile(r"([0-9a-fA-F]{64})(?:\s.*)?|#.*|")
_DER = bytes.fromhex("302a300506032b6570032100")
"""Of RFC 8410, before the 32 bytes of a key."""


class UnreadableKeys(ValueError):
    """A file of public keys cannot be read; the message says where."""


class Origin(NamedTuple):
    """Whose signature a file carries, and where its digits stand."""

    public_key: bytes
    signature: bytes
    place: tuple[int, int]


def find_origin(content: bytes) -> Origin | None:
    """Return what a file says of its origin, None if it is not signed.

    Raises
    ------
    UnreadableSignature
        It says it twice, or in other words.
    NotProtobuf
    """
    found = find_values(content, ORIGIN_KEY, "origin")
    if not found:
        return None
    said = _ORIGIN.fullmatch(content, *found[0])
    if said is None or len(found) > 1:
        raise UnreadableSignature("the file says its origin twice, or in other words")
    public_key, signature = (bytes.fromhex(each.decode()) for each in said.groups())
    return Origin(public_key, signature, said.span(2))


def signed_message(content: bytes, origin: Origin) -> bytes:
    """Return what the signature of a file is of.

    Raises
    ------
    UnreadableSignature
        The file has no place for a digest, or it is not as it was written.
    NotProtobuf
    """
    digits = find_digest(content)
    if digits is None:
        raise UnreadableSignature("the file has no place for a digest")
    return CONTEXT + blank_digest(content, *sorted((digits, origin.place))).digest()


def check_origin(content: bytes, trusted_keys: Collection[bytes]) -> None:
    """Refuse a file that none of the trusted keys has signed.

    Raises
    ------
    UntrustedOrigin
    UnreadableSignature
    NotProtobuf
    """
    origin = find_origin(content)
    if origin is None:
        raise UntrustedOrigin(
            "it is not signed, and only signed files are served (--trusted-keys); sign "
            "it with python -m convert sign"
        )
    key = origin.public_key
    if key not in trusted_keys:
        raise UntrustedOrigin(
            f"it is signed with the key {key.hex()[:16]}…, which is not among the "
            f"{len(trusted_keys)} of --trusted-keys"
        )
    if not verifies(origin.signature, signed_message(content, origin), key):
        raise UntrustedOrigin(
            f"its signature is not of this file, or not of the key {key.hex()[:16]}…, as "
            "it says; take it from where it was signed once more"
        )


def read_trusted_keys(path: Path) -> frozenset[bytes]:
    """Return the public keys in a file: PEM, or 64 hexadecimal digits a line.

    What follows a key in its line, and what follows a ``#``, is for people.

    Raises
    ------
    UnreadableKeys
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UnreadableKeys(f"{path} cannot be read: {reason}") from error
    keys = [*map(_key_of_pem, _PEM.findall(text))]
    # a block leaves its line breaks, so that lines keep their numbers
    rest = _PEM.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(rest.splitlines(), 1):
        said = _LINE.fullmatch(line.strip())
        if said is None:
            raise UnreadableKeys(
                f"line {number} of {path} is no public key of Ed25519, as python -m "
                "convert sign --new-key writes it"
            )
        if said[1]:
            keys.append(bytes.fromhex(said[1]))
    if not keys:
        raise UnreadableKeys(f"there is no public key in {path}")
    for key in keys:
        if not is_key(key):
            raise UnreadableKeys(
                f"{path} has {key.hex() or 'a block'}, which is no key"
            )
    return frozenset(keys)


def _key_of_pem(text: str) -> bytes:
    """Return the 32 bytes in a block, or too few of them."""
    try:
        der = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except binascii.Error:
        return b""
    return der.removeprefix(_DER) if der.startswith(_DER) else b""


def with_origin(content: bytes, origin: Origin) -> bytes:
    """Return the file with this origin in the place of another one; its digest is not renewed.

    Raises
    ------
    NotProtobuf
    """
    said = b"ed25519 %s %s" % (
        origin.public_key.hex().encode(),
        origin.signature.hex().encode(),
    )
    key = ORIGIN_KEY.encode()
    entry = b"\x0a%c%s\x12%c\x01%s" % (len(key), key, len(said) - 128 | 128, said)
    return _without_origin(content) + b"\x72%c\x01%s" % (len(entry) - 128 | 128, entry)


def _without_origin(content: bytes) -> bytes:
    old = {stop for _, stop in find_values(content, ORIGIN_KEY, "origin")}
    kept, position = [], 0
    for field in fields(content, 0, len(content)):
        if field.stop not in old:
            kept.append(content[position : field.stop])
        position = field.stop
    return b"".join(kept)
