"""Finds the signature in a model file, and proves that the file is as it was written.

A sealed file's signature begins with the SHA-256 of the whole file, taken with zeros
in the place of its own digits. It stands first, so that no text in the file can be
mistaken for it. It finds damage, not malice: whoever changes a file can seal it again.

Files of protocol 1 were once written without it. They begin with other words, and no
few flipped bits make a sealed file look like one of them: a seal that is lost is found
out too.
"""

import hashlib
import re

from server.model_file.protobuf import fields
from server.signature import METADATA_KEY, UnreadableSignature

BLANK = "0" * 64
"""Stands for the digest until the file is sealed, and while it is hashed."""

UNSEALED = (
    "was written without a digest, so damage to it may go unnoticed; export it again "
    "with python -m convert"
)
"""What a person is told of a file of before."""

_SEALED = re.compile(rb'\{"protocol":\d+,"sha256":"([0-9a-f]{64})",')
_NEVER_SEALED = b'{"protocol":1,"name":'

_METADATA_PROPS = 14  # of ModelProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto


def seal(content: bytes) -> bytes:
    """Return the file with its digest, whose place is `BLANK` until now.

    Raises
    ------
    UnreadableSignature
        If it has no such place.
    NotProtobuf
        If it is not a model file.
    """
    place = find_digest(content)
    if place is None:
        raise UnreadableSignature("the file has no place for a digest")
    start, stop = place
    digest = _digest(content, start, stop).encode()
    return content[:start] + digest + content[stop:]


def check_seal(content: bytes) -> str:
    """Return the digest of a file that is as it was written; "" if it never had one.

    Raises
    ------
    UnreadableSignature
        If its SHA-256 is not the one that it was written with, or as for `find_digest`.
    NotProtobuf
        If it is not a protobuf message, or not a whole one.
    """
    place = find_digest(content)
    if place is None:
        return ""
    said, found = content[slice(*place)].decode(), _digest(content, *place)
    if said != found:
        raise UnreadableSignature(
            f"the file is damaged: its SHA-256 is {found[:12]}…, and it was written with "
            f"{said[:12]}…"
        )
    return found


def find_digest(content: bytes) -> tuple[int, int] | None:
    """Return where the 64 digits stand, None in a file that never had them.

    Raises
    ------
    UnreadableSignature
        If there is none or more than one signature, or it begins neither with a digest
        nor as one that was written without.
    NotProtobuf
        If it is not a protobuf message, or not a whole one.
    """
    start, stop = find_signature(content)
    if sealed := _SEALED.match(content, start, stop):
        return sealed.span(1)
    if content.startswith(_NEVER_SEALED, start, stop):
        return None
    raise UnreadableSignature(
        "the file is damaged: its signature begins neither with a digest nor as one "
        "that was written without"
    )


def find_signature(content: bytes) -> tuple[int, int]:
    """Return where the signature's JSON stands.

    Raises
    ------
    UnreadableSignature
        There is none, or more than one.
    NotProtobuf
    """
    found = find_values(content, METADATA_KEY, "signature")
    if not found:
        raise UnreadableSignature("the file carries no signature")
    if len(found) > 1:
        raise UnreadableSignature(f"the file carries {len(found)} signatures")
    return found[0]


def find_values(content: bytes, key: str, called: str) -> list[tuple[int, int]]:
    """Return where the values of a key of the ``metadata_props`` stand.

    Raises
    ------
    UnreadableSignature
        An entry of the key has more than one value; it is named as it is `called`.
    NotProtobuf
    """
    found = []
    for entry in fields(content, 0, len(content)):
        if entry.number == _METADATA_PROPS:
            parts = list(fields(content, entry.start, entry.stop))
            texts = {part.number: (part.start, part.stop) for part in parts}
            if content[slice(*texts.get(_KEY, (0, 0)))] == key.encode():
                if len(texts) < len(parts):
                    raise UnreadableSignature(f"the file says its {called} twice")
                found.append(texts.get(_VALUE, (0, 0)))
    return found


def blank_digest(content: bytes, *places: tuple[int, int]) -> "hashlib._Hash":
    """Return the SHA-256 of the file with zeros in these places, which are in order."""
    view, position, digest = memoryview(content), 0, hashlib.sha256()
    for start, stop in places:
        digest.update(view[position:start])
        digest.update(b"0" * (stop - start))
        position = stop
    digest.update(view[position:])
    return digest


def _digest(content: bytes, start: int, stop: int) -> str:
    return blank_digest(content, (start, stop)).hexdigest()
