"""Reads a model file, and refuses what is none before a session is made of it."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import NamedTuple

from server import signature as signatures
from server.model_file.contradictions import contradictions
from server.model_file.external_data import has_external_data
from server.model_file.operators import foreign_parts
from server.model_file.protobuf import NotProtobuf
from server.model_file.seal import check_seal, find_signature
from server.model_file.stand_in import find_stand_in
from server.signature import Signature, UnreadableSignature

MAX_BYTES = 2**31 - 1
"""Of a protobuf message, so of an ONNX file that is one file."""


class Admission(NamedTuple):
    """Which files are let in.

    Parameters
    ----------
    max_bytes
        Of a file; a larger one is not read.
    trusted_keys
        Public keys, of which one must have signed the file; None lets everybody in.
    """

    max_bytes: int = MAX_BYTES
    trusted_keys: frozenset[bytes] | None = None


EVERYBODY = Admission()

CHUNK_BYTES = 2**20

MAX_CHARACTERS = 2**22
"""Of a file of keys: 40,000 with their names."""

NO_FILE = "a pipe or a device, not a file"

ANOTHER_FILE = "name a model file that python -m convert made"


class NotModelFile(ValueError):
    """There is no model file of this name; the message says what there is.

    Parameters
    ----------
    remedy
        What to do, where the message does not say it.
    """

    def __init__(self, found: str, remedy: str = ANOTHER_FILE) -> None:
        super().__init__(found)
        self.remedy = remedy


def read_content(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file, which is neither waited for nor read beyond its limit.

    Raises
    ------
    OSError
        The system does not give them.
    NotModelFile
        It is a pipe or a device, too large, empty, or is something else by its first bytes.
    """
    _check_status(path.stat(), max_bytes)  # a device may act when it is opened
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        _check_status(status, max_bytes)
        content = _read(file, status.st_size or CHUNK_BYTES, max_bytes)
    if not content:
        raise NotModelFile("an empty file")
    if stand_in := find_stand_in(content):
        raise NotModelFile(*stand_in)
    return content


def read_text(path: Path) -> str:
    """Return a text that a person wrote, which is neither long nor waited for.

    Raises
    ------
    OSError
        The system does not give it, or it is no file, or has no end within
        `MAX_CHARACTERS`.
    UnicodeDecodeError
    """
    if not _is_file(path.stat()):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    with open(path, encoding="utf-8", opener=_open_at_once) as file:
        text = file.read(MAX_CHARACTERS + 1)
    if len(text) > MAX_CHARACTERS:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return text


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for anybody at the other end; a folder is refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_file(status: os.stat_result) -> bool:
    """Whether it can be opened, of which a folder is refused then."""
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def _check_status(status: os.stat_result, max_bytes: int) -> None:
    if not _is_file(status):
        raise NotModelFile(NO_FILE)
    if status.st_size > max_bytes:
        raise NotModelFile(*_too_large(status.st_size, max_bytes))


def _read(file: io.FileIO, n_expected: int, max_bytes: int) -> bytes:
    """Return all of it, however much was expected: a file of /proc says 0.

    Raises
    ------
    NotModelFile
        It is longer than it said, and than it may be.
    """
    parts, n_bytes = [], 0
    while part := file.read(min(n_expected, max_bytes - n_bytes) + 1):
        parts.append(part)
        n_bytes += len(part)
        if n_bytes > max_bytes:
            raise NotModelFile(*_too_large(n_bytes, max_bytes))
    return b"".join(parts)


def _too_large(n_bytes: int, max_bytes: int) -> tuple[str, str]:
    """Return what was found, and the remedy."""
    if max_bytes == MAX_BYTES:
        return f"{n_bytes:,} bytes, and ONNX has at most {MAX_BYTES:,}", ANOTHER_FILE
    return (
        f"{n_bytes:,} bytes, and at most {max_bytes:,} are read",
        "serve a smaller model, or choose more with --max-model-bytes or "
        "PINION_MAX_MODEL_BYTES",
    )


def read_signature(
    content: bytes, trusted_keys: frozenset[bytes] | None = None
) -> Signature:
    """Return the signature of a file that is whole and says nothing impossible.

    Parameters
    ----------
    trusted_keys
        Public keys, of which one must have signed the file; None asks for no owner.

    Raises
    ------
    UnreadableSignature
    """
    try:
        digest = check_seal(content)
        if trusted_keys is not None:
            # who trusts everybody does without it
            from server.model_file.origin import check_origin

            check_origin(content, trusted_keys)
        if has_external_data(content):
            raise UnreadableSignature(
                "numbers of the graph stand in another file (external data), and a "
                "model is one file"
            )
        for part in foreign_parts(content):
            raise UnreadableSignature(
                f"its graph has {part}, which the converter never writes"
            )
        start, stop = find_signature(content)
    except NotProtobuf as error:
        raise UnreadableSignature(f"not a whole model file ({error})") from error
    signature = signatures.read(content[start:stop])
    if signature.sha256 != digest:
        raise UnreadableSignature("the signature says its SHA-256 in two places")
    for contradiction in contradictions(signature):
        raise UnreadableSignature(f"the signature is wrong: {contradiction}")
    return signature
