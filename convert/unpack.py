"""Reads the bytes of a saved pipeline: decompressed, and at least not a web page."""

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convert.files import check_input
from convert.refusal import Refusal
from server.stand_in import find_stand_in

MAX_BYTES = 4 * 2**30
"""After decompression; 4 GiB of zeros compress to 4 MB."""


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


# the first bytes that joblib goes by (joblib/compressor.py)
COMPRESSIONS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16),
    b"x": zlib.decompressobj,
    b"BZ": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
    b"\x5d\x00": lzma.LZMADecompressor,
    b'\x04"M\x18': _lz4,
}

FOREIGN = {
    b"\x08": (
        "looks like an ONNX file, which is converted already: serve it, or pass the "
        "scikit-learn pipeline that it was made from"
    ),
    b"\x89hdf": "is an HDF5 file (Keras?): only scikit-learn pipelines are converted",
    b"par1": "is a Parquet table, not a pipeline: pass it as --sample",
    b"{": (
        "is JSON, perhaps a booster's own format: save the fitted scikit-learn "
        "estimator around it with joblib.dump"
    ),
}
"""First bytes, in lower case → what the file is and what to do."""


def unpack(path: Path) -> bytes:
    """Return the pickle, or the skops archive, that a file holds.

    Raises
    ------
    Refusal
        There is no such file, it is damaged, or it is something else.
    """
    check_input(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}): check the path"
        ) from error
    if not content:
        raise Refusal(f"{path} is empty: copy or save it again")
    content = _decompress(path, content)
    if stand_in := find_stand_in(content, may_be_packed=True):
        raise Refusal(f"{path} is {stand_in.found}: {stand_in.remedy}")
    beginning = content[:64].lstrip().lower()
    for first, sentence in FOREIGN.items():
        if beginning.startswith(first):
            raise Refusal(f"{path} {sentence}")
    if content.startswith(b"PK\x03\x04") and not is_skops(content):
        raise Refusal(f"{path} is a ZIP archive: unpack it and pass the file in it")
    return content


def is_skops(content: bytes) -> bool:
    """Whether this is the ZIP archive that `skops.io.dump` writes."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "schema.json" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _decompress(path: Path, content: bytes) -> bytes:
    makers = [
        COMPRESSIONS[first] for first in COMPRESSIONS if content.startswith(first)
    ]
    if not makers:
        return content
    try:
        machine = makers[0]()
        plain: bytes = machine.decompress(content, MAX_BYTES + 1)
    except ImportError:
        raise Refusal(f"{path} is compressed with lz4: pip install lz4") from None
    except (OSError, RuntimeError, lzma.LZMAError, zlib.error) as error:
        raise Refusal(
            f"{path} is damaged ({error}): copy it again from where it was saved"
        ) from error
    if len(plain) > MAX_BYTES:
        raise Refusal(
            f"{path} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB: save a smaller "
            "model, or the same one without compression"
        )
    if not machine.eof:
        raise Refusal(f"{path} was cut off: copy it again from where it was saved")
    return plain
