"""Opens a ZIP archive that somebody else made, within limits.

Python's reader lists all members before anything can be asked of it, and lets bzip2 and
LZMA unpack a block however large. So the directory is measured before, and those two are
refused.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from types import MappingProxyType

from convert.errors import Unreadable
from convert.saved.budget import LIMITS, Limits
from convert.saved.damage import Damaged

MAX_DIRECTORY_BYTES = 4 * 2**20
"""The 39 000 arrays of 13 000 histogram predictors need 3 MB."""

END = struct.Struct("<4s4H2LH")
END_SIGNATURE = b"PK\x05\x06"
END_OF_LARGE = b"PK\x06\x07"
LONGEST_COMMENT = 2**16

READABLE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def is_archive(content: bytes) -> bool:
    """Whether these are the first bytes of a ZIP archive with something in it."""
    return content.startswith(b"PK\x03\x04")


class Archive:
    """The members of an archive.

    Parameters
    ----------
    sizes
        Name → bytes, unpacked.
    """

    def __init__(self, content: bytes, limits: Limits = LIMITS) -> None:
        _check_directory(content)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise Damaged(str(error)) from error
        members = self._archive.infolist()
        self.sizes: Mapping[str, int] = MappingProxyType(
            {member.filename: member.file_size for member in members}
        )
        self._check(members, limits.unpacked_bytes_of(len(content)))

    def _check(self, members: list[zipfile.ZipInfo], most: int) -> None:
        if len(self.sizes) < len(members):
            raise Damaged("two of its members have one name")
        if any(member.compress_type not in READABLE for member in members):
            raise Unreadable(
                "its members are compressed in another way than by deflating: save it "
                "with compression=zipfile.ZIP_DEFLATED"
            )
        if sum(self.sizes.values()) > most:
            raise Unreadable(
                f"it unpacks to more than {most // 2**20} MiB: save a smaller model, or "
                "the same one without compression"
            )

    def read(self, name: str) -> bytes:
        """Return a member.

        Raises
        ------
        Damaged
            There is none of that name, or it is not whole.
        """
        if name not in self.sizes:
            raise Damaged("a part of it is missing")
        try:
            content = self._archive.read(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            OSError,
            RuntimeError,  # it wants a password
            ValueError,
        ) as error:
            raise Damaged(str(error) or "a part of it is cut off") from error
        if len(content) != self.sizes[name]:
            raise Damaged("a part of it is cut off")
        return content


def _check_directory(content: bytes) -> None:
    """Refuse what would take Python's reader long to list.

    Raises
    ------
    Damaged
        If it has no directory.
    Unreadable
        If the directory has more than `MAX_DIRECTORY_BYTES`, or is of the kind for
        larger archives.
    """
    at = content.rfind(END_SIGNATURE, -END.size - LONGEST_COMMENT)
    if at < 0 or at + END.size > len(content):
        raise Damaged("it has no directory, so it was cut off")
    *_, n_bytes, _, _ = END.unpack_from(content, at)
    is_large = content[max(at - 20, 0) : at].startswith(END_OF_LARGE)
    if is_large or n_bytes > MAX_DIRECTORY_BYTES:
        raise Unreadable(
            "it has more members, or larger ones, than this converter reads: save it "
            "with joblib.dump"
        )
