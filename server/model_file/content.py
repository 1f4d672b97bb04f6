"""Reads a model file, and refuses what is none before a session is made of it."""

import stat
from pathlib import Path

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


def read_content(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    OSError
        The system does not give them.
    NotModelFile
        It is a pipe or a device, too large, empty, or is something else by its first bytes.
    """
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise NotModelFile("a pipe or a device, not a file")
    if status.st_size > MAX_BYTES:
        raise NotModelFile(
            f"{status.st_size:,} bytes, and ONNX has at most {MAX_BYTES:,}"
        )
    content = path.read_bytes()  # refuses a folder
    if not content:
        raise NotModelFile("an empty file")
    if stand_in := find_stand_in(content):
        raise NotModelFile(*stand_in)
    return content


def read_signature(content: bytes) -> Signature:
    """Return the signature of a file that is whole and says nothing impossible.

    Raises
    ------
    UnreadableSignature
    """
    try:
        digest = check_seal(content)
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
