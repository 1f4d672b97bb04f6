import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from convert.errors import Refusal
from convert.saved.budget import Limits
from convert.saved.unpack import is_skops, unpack


def write(folder: Path, content: bytes) -> Path:
    path = folder / "pipeline.pkl"
    path.write_bytes(content)
    return path


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "{}")
    return file.getvalue()


@pytest.mark.parametrize("compression", ["zlib", "gzip", "bz2", "lzma", "xz", "lz4"])
def test_what_joblib_compressed_is_decompressed(
    tmp_path: Path, compression: str
) -> None:
    if compression == "lz4":
        pytest.importorskip("lz4")
    path = tmp_path / "numbers.joblib"
    joblib.dump(list(range(1000)), path, compress=(compression, 3))
    plain = tmp_path / "plain.joblib"
    joblib.dump(list(range(1000)), plain)

    assert unpack(path) == plain.read_bytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: copy or save it again"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            "is a Git LFS pointer, not the file itself: run git lfs pull",
        ),
        (
            b"\n<!DOCTYPE html>\n<html>",
            "is a web page: download the raw file that the page shows",
        ),
        (
            b"\x08\x0a\x12\x06pinion",
            "looks like an ONNX file, which is converted already: serve it, or pass "
            "the scikit-learn pipeline that it was made from",
        ),
        (b"PAR1\x15", "is a Parquet table, not a pipeline: pass it as --sample"),
        (
            zipped("model.pkl"),
            "is a ZIP archive: unpack it and pass the file in it",
        ),
        (
            gzip.compress(b"N." * 100, mtime=0)[:-9],
            "was cut off: copy it again from where it was saved",
        ),
        (
            b"\x1f\x8b123",
            "is damaged (Error -3 while decompressing data: unknown compression "
            "method): copy it again from where it was saved",
        ),
    ],
)
def test_another_kind_of_file_is_refused_by_name(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = write(tmp_path, content)

    with pytest.raises(Refusal) as refusal:
        unpack(path)

    assert str(refusal.value) == f"{path} {sentence}"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.pkl"
    (tmp_path / "now.pkl").touch()

    with pytest.raises(Refusal) as refusal:
        unpack(path)

    assert str(refusal.value) == (f"there is no file {path}: did you mean 'now.pkl'?")


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, bz2.compress, lzma.compress],
    ids=["gzip", "bz2", "lzma"],
)
def test_a_small_file_cannot_fill_the_memory(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path, compress(bytes(2**20 + 1)))

    with pytest.raises(Refusal) as refusal:
        unpack(path, Limits(free_bytes=2**20))

    assert str(refusal.value) == (
        f"{path} unpacks to more than 1 MiB: save a smaller model, or the same one "
        "without compression"
    )


def test_a_skops_file_is_known_by_its_schema() -> None:
    saved = skops.io.dumps(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]))

    assert is_skops(saved)
    assert not is_skops(zipped("model.pkl"))
    assert not is_skops(b"PK\x03\x04 and no more")


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"\x80\x04")
    with path.open("r+b") as file:
        file.truncate(13 * 10**9)  # has no blocks on the disk

    with pytest.raises(Refusal) as refusal:
        unpack(path)

    assert str(refusal.value).startswith(f"{path} has more than ")


def test_a_device_is_no_file() -> None:
    with pytest.raises(
        Refusal, match="/dev/zero is a device, which has no end: name a file"
    ):
        unpack(Path("/dev/zero"))


def test_the_compression_of_an_old_joblib_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, b"ZF0x10             x\x9c")

    with pytest.raises(Refusal, match=r"was written by a joblib before 0\.10"):
        unpack(path)
