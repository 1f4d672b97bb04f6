"""Reads the bytes of a saved pipeline: decompressed, and at least not a web page."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from convert.errors import Refusal, Unreadable
from convert.inputs import check_input
from convert.saved.archive import Archive, is_archive
from convert.saved.budget import LIMITS, Limits, memory_bytes
from convert.saved.damage import Damaged
from server.model_file.stand_in import find_stand_in

SCHEMA = "schema.json"
"""The member that only a skops file has."""

PIECE_BYTES = 2**18
"""Of a compressed file, read at once, and four times as many unpacked."""

LZMA_BYTES = 80 * 2**20
"""What unpacking may take; the strongest setting of xz takes 65 MiB."""


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


def _lzma() -> Any:
    return lzma.LZMADecompressor(memlimit=LZMA_BYTES)


# the first bytes that joblib goes by (joblib/compressor.py)
COMPRESSIONS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16),
    b"x": zlib.decompressobj,
    b"BZ": bz2.BZ2Decompressor,
    b"\xfd7zXZ": _lzma,
    b"\x5d\x00": _lzma,
    b'\x04"M\x18': _lz4,
}

FOREIGN = {
    b"\x08": (
        "looks like an ONNX file, which is converted already: serve it, or pass the "
        "scikit-learn pipeline that it was made from"
    ),
    b"\x89hdf": "is an HDF5 file (Keras?): only scikit-learn pipelines are converted",
    b"par1": "is a Parquet table, not a pipeline: pass it as --sample",
    b"zf0x": (
        "was written by a joblib before 0.10: load it with that one, and save it again "
        "with a newer"
    ),
    b"{": (
        "is JSON, perhaps a booster's own format: save the fitted scikit-learn "
        "estimator around it with joblib.dump"
    ),
}
"""First bytes, in lower case → what the file is and what to do."""


def unpack(path: Path, limits: Limits = LIMITS) -> bytes:
    """Return the pickle, or the skops archive, that a file holds.

    Raises
    ------
    Unreadable
        There is no such file, it is damaged, it is something else, or it is larger than
        `limits`, as it is or unpacked.
    """
    check_input(path)
    content = _read(path, min(limits.file_bytes, memory_bytes() // 2))
    if not content:
        raise Unreadable(f"{path} is empty: copy or save it again")
    content = _decompress(path, content, limits)
    if stand_in := find_stand_in(content, may_be_packed=True):
        raise Unreadable(f"{path} is {stand_in.found}: {stand_in.remedy}")
    beginning = content[:64].lstrip().lower()
    for first, sentence in FOREIGN.items():
        if beginning.startswith(first):
            raise Unreadable(f"{path} {sentence}")
    if is_archive(content):
        _check_skops(path, content, limits)
    return content


def _read(path: Path, most: int) -> bytes:
    if not (path.is_file() or path.is_fifo()):
        raise Unreadable(f"{path} is no file: name one")
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            pieces = [] if size > most else list(_pieces(file, size, most))
    except OSError as error:
        raise Unreadable(
            f"{path} cannot be read ({error.strerror}): check the path"
        ) from error
    if size > most or sum(map(len, pieces)) > most:
        raise Unreadable(
            f"{path} has more than {most // 2**20} MiB, half of this machine's memory "
            "or more: save a smaller model, or convert it on a machine with more"
        )
    return b"".join(pieces)


def _pieces(file: BinaryIO, size: int, most: int) -> Iterator[bytes]:
    """Yield what is in a file at once, and in a pipe, which has no size, as it comes."""
    n_bytes = 0
    piece = file.read(size + 1)
    while piece and n_bytes <= most:
        yield piece
        n_bytes += len(piece)
        piece = file.read(PIECE_BYTES)


def _check_skops(path: Path, content: bytes, limits: Limits) -> None:
    try:
        names = Archive(content, limits).sizes
    except Refusal as refusal:
        raise Unreadable(f"{path} cannot be read: {refusal}") from refusal
    except Damaged as error:
        raise Unreadable(
            f"{path} is a damaged ZIP archive ({error}): copy it again from where it was "
            "saved"
        ) from error
    if SCHEMA not in names:
        raise Unreadable(f"{path} is a ZIP archive: unpack it and pass the file in it")


def is_skops(content: bytes) -> bool:
    """Whether this is the ZIP archive that `skops.io.dump` writes."""
    if not is_archive(content):
        return False
    try:
        return SCHEMA in Archive(content).sizes
    except Damaged:
        return False


def _decompress(path: Path, content: bytes, limits: Limits) -> bytes:
    makers = [
        COMPRESSIONS[first] for first in COMPRESSIONS if content.startswith(first)
    ]
    if not makers:
        return content
    try:
        machine = makers[0]()
        plain = _unpacked(machine, content, limits.unpacked_bytes_of(len(content)))
    except ImportError:
        raise Unreadable(f"{path} is compressed with lz4: pip install lz4") from None
    except Refusal as refusal:
        raise Unreadable(f"{path} {refusal}") from refusal
    except (EOFError, OSError, RuntimeError, lzma.LZMAError, zlib.error) as error:
        raise Unreadable(
            f"{path} is damaged ({error}): copy it again from where it was saved"
        ) from error
    if not machine.eof:
        raise Unreadable(f"{path} was cut off: copy it again from where it was saved")
    return plain


def _unpacked(machine: Any, content: bytes, most: int) -> bytes:
    pieces = []
    n_bytes = 0
    for piece in _unpack_pieces(machine, memoryview(content)):
        pieces.append(piece)
        n_bytes += len(piece)
        if n_bytes > most:
            raise Unreadable(
                f"unpacks to more than {most // 2**20} MiB: save a smaller model, or "
                "the same one without compression"
            )
    return b"".join(pieces)


def _unpack_pieces(machine: Any, content: memoryview) -> Iterator[bytes]:
    """Yield what a decompressor makes, of which each piece is small."""
    for at in range(0, len(content), PIECE_BYTES):
        waiting: Any = content[at : at + PIECE_BYTES]
        while not machine.eof:
            piece = machine.decompress(waiting, 4 * PIECE_BYTES)
            waiting = getattr(machine, "unconsumed_tail", b"")  # zlib gives it back
            yield piece
            if not waiting and len(piece) < 4 * PIECE_BYTES:
                break
