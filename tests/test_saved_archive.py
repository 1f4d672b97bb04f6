import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import Refusal
from convert.saved.archive import Archive, is_archive
from convert.saved.budget import LIMITS, Limits
from convert.saved.damage import Damaged

FILES = {"schema.json": b"{}" * 500, "größe/1.npy": bytes(range(256)), "empty": b""}

TOO_LARGE = (
    "it has more members, or larger ones, than this converter reads: save it with "
    "joblib.dump"
)


def zipped(
    files: dict[str, bytes] = FILES, packed: int = zipfile.ZIP_DEFLATED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, packed)
    return file.getvalue()


def twice(name: str) -> bytes:
    """Return an archive of two members, whose names were of one length until now."""
    return zipped({name: b"a", "x" * len(name): b"b"}).replace(b"x", name[:1].encode())


def damage(content: bytes, member: str = "schema.json") -> str:
    with pytest.raises(Damaged) as damaged:
        Archive(content).read(member)
    return str(damaged.value)


def refusal(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Refusal) as refused:
        Archive(content, limits)
    return str(refused.value)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"made by hand" * 5000], ids=len)
def test_an_archive_has_the_members_that_were_put_into_it(
    packed: int, comment: bytes
) -> None:
    file = io.BytesIO(zipped(packed=packed))
    with zipfile.ZipFile(file, "a") as written:
        written.comment = comment

    archive = Archive(file.getvalue())

    assert {name: archive.read(name) for name in archive.sizes} == FILES
    assert archive.sizes == {name: len(content) for name, content in FILES.items()}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (zipped(), True),
        (zipped({}), False),
        (b"\x80\x04N.", False),
        (b"PK\x03", False),
        (b" " + zipped(), False),
    ],
    ids=["members", "none", "pickle", "short", "inside"],
)
def test_an_archive_is_known_by_how_it_begins(content: bytes, expected: bool) -> None:
    assert is_archive(content) is expected


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04", zipped()[:-1], zipped()[:200]], ids=len
)
def test_an_archive_without_its_end_was_cut_off(content: bytes) -> None:
    assert damage(content) == "it has no directory, so it was cut off"


def test_a_member_that_is_not_there_is_missing() -> None:
    assert damage(zipped(), "1.npy") == "a part of it is missing"


def test_two_members_of_one_name_are_damaged() -> None:
    assert damage(twice("aaaa")) == "two of its members have one name"


def test_a_member_of_another_content_than_its_checksum_is_damaged() -> None:
    content = zipped({"a": b"hello"}, zipfile.ZIP_STORED)

    assert damage(content.replace(b"hello", b"hallo"), "a") == (
        "Bad CRC-32 for file 'a'"
    )


def test_a_member_of_another_length_than_it_says_is_damaged() -> None:
    content = bytearray(zipped({"a": b"hello" * 9}))
    directory = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, directory + 24, 10**6)

    assert damage(bytes(content), "a") == "a part of it is cut off"


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        (0x01, "File 'a' is encrypted, password required for extraction"),
        (0x20, "compressed patched data (flag bit 5)"),
        (0x40, "strong encryption (flag bit 6)"),
    ],
)
def test_what_python_does_not_unpack_is_damaged(flag: int, sentence: str) -> None:
    content = bytearray(zipped({"a": b"hello"}))
    content[content.index(b"PK\x03\x04") + 6] |= flag
    content[content.index(b"PK\x01\x02") + 8] |= flag

    assert damage(bytes(content), "a") == sentence


def test_an_archive_of_a_later_version_is_damaged() -> None:
    content = bytearray(zipped())
    content[content.index(b"PK\x01\x02") + 6] = 99

    assert damage(bytes(content)) == "zip file version 9.9"


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_in_blocks_however_large_is_refused(packed: int) -> None:
    assert refusal(zipped(packed=packed)) == (
        "its members are compressed in another way than by deflating: save it with "
        "compression=zipfile.ZIP_DEFLATED"
    )


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    content = zipped({"a": bytes(2**20), "b": bytes(2**20)})

    assert sum(Archive(content, Limits(free_bytes=2**21)).sizes.values()) == 2**21
    assert refusal(content, Limits(free_bytes=2**21 - 1, packing=1)) == (
        "it unpacks to more than 1 MiB: save a smaller model, or the same one without "
        "compression"
    )


def test_a_directory_may_have_four_megabytes() -> None:
    names = [f"{number}".zfill(2**16 - 46) for number in range(64)]

    largest = zipped(dict.fromkeys(names, b""))

    assert list(Archive(largest).sizes) == names
    assert refusal(zipped(dict.fromkeys([*names, "a"], b""))) == TOO_LARGE


def test_an_archive_of_the_large_form_is_refused() -> None:
    content = zipped({f"{index}": b"" for index in range(2**16)})
    assert b"PK\x06\x07" in content

    assert refusal(content) == TOO_LARGE


@given(position=st.integers(0, 2**20), byte=st.integers(0, 255))
def test_one_wrong_byte_is_read_or_reported(position: int, byte: int) -> None:
    content = bytearray(zipped())
    content[position % len(content)] = byte

    try:
        archive = Archive(bytes(content))
        read = {name: archive.read(name) for name in archive.sizes}
    except (Damaged, Refusal):
        return

    assert sorted(read.values()) == sorted(FILES.values())
