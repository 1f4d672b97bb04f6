"""What is no model file is refused before anything is made of it."""

import gzip
import os
import pickle
from pathlib import Path

import pytest

from server.model import Model, UnservableModel
from server.model_file.content import (
    MAX_BYTES,
    Admission,
    NotModelFile,
    read_content,
    read_signature,
)
from server.model_file.seal import seal
from server.signature import METADATA_KEY, UnreadableSignature
from tests.models import make_model, make_signature

REMEDY = "name a model file that python -m convert made"
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"abc")
    (tmp_path / "b.onnx").symlink_to(tmp_path / "a.onnx")

    assert read_content(tmp_path / "a.onnx") == b"abc"
    assert read_content(tmp_path / "b.onnx") == b"abc"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.onnx")

    with pytest.raises(NotModelFile, match="a pipe or a device, not a file"):
        read_content(tmp_path / "a.onnx")


def test_an_endless_device_is_not_read() -> None:
    with pytest.raises(NotModelFile, match="a pipe or a device, not a file"):
        read_content(Path("/dev/zero"))


def test_more_than_onnx_can_hold_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.onnx").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: it takes no room

    with pytest.raises(
        NotModelFile, match=r"2,147,483,648 bytes, and ONNX has at most"
    ):
        read_content(tmp_path / "a.onnx")


def test_more_than_is_let_in_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    n_bytes = path.stat().st_size

    model = Model.load(path, Admission(n_bytes))
    model.close()
    with pytest.raises(UnservableModel) as refusal:
        Model.load(path, Admission(n_bytes - 1))

    assert model.signature.name == "student"
    assert str(refusal.value) == (
        f"{path}: {n_bytes:,} bytes, and at most {n_bytes - 1:,} are read; serve a "
        "smaller model, or choose more with --max-model-bytes or PINION_MAX_MODEL_BYTES"
    )


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_a_file_that_is_longer_than_it_says_is_read_up_to_the_limit() -> None:
    path = Path("/proc/self/maps")

    with pytest.raises(NotModelFile, match="101 bytes, and at most 100 are read"):
        read_content(path, 100)

    assert path.stat().st_size == 0
    assert len(read_content(path)) > 100


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.onnx"
    os.mkfifo(path)
    of_a_file = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda _: of_a_file)

    with pytest.raises(NotModelFile, match="a pipe or a device, not a file"):
        read_content(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", f"an empty file; {REMEDY}"),
        (POINTER, "a Git LFS pointer, not the file itself; run git lfs pull"),
        (b"\n<html>", "a web page; download the raw file that the page shows"),
        (gzip.compress(b"a", mtime=0), "compressed with gzip; unpack it"),
        (
            pickle.dumps({}),
            "a pickle; pass a pipeline to python -m convert export, or save a table as CSV",
        ),
    ],
)
def test_what_stands_for_a_file_is_named(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)

    with pytest.raises(UnservableModel) as refusal:
        Model.load(path)

    assert str(refusal.value) == f"{path}: {why}"


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnservableModel) as refusal:
        Model.load(tmp_path)

    assert str(refusal.value) == f"{tmp_path}: Is a directory; {REMEDY}"


def with_json(change: bytes, to: bytes) -> bytes:
    """Return the file with a change of its JSON that keeps its length, sealed anew."""
    content = make_model(make_signature(description="." * 40))
    assert content.count(change) == 1
    filled = to + b" " * (len(change) - len(to))
    return seal(content.replace(change, filled))


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b'"features":[{', b'"features":31'),
        (b'"kind":"number"', b'"kind":"colour"'),
        (b'"observed":[17.0,100.0]', b'"observed":[17.0]'),
        (b'"minimum":0.0', b'"minimum":[]'),
        (b'"golden_tolerance":1e-9', b'"golden_tolerance":NaN'),
        (b'"maximum":100.0', b'"maximum":1e999'),
        (b'"predictions":[68.5]', b'"predictions":[null]'),
        (b"." * 40, b"." * 38 + b"\xff\xfe"),
        (b"." * 40, b"." * 39 + b'"'),
        (b"." * 40, b'","a":' + b"[" * 34),
    ],
)
def test_json_of_other_types_is_one_sentence(change: bytes, to: bytes) -> None:
    with pytest.raises(UnreadableSignature, match="the model's signature is damaged: "):
        read_signature(with_json(change, to))


def test_json_that_is_deep_is_one_sentence() -> None:
    content = make_model()
    key = METADATA_KEY.encode()
    text = b'{"protocol":1,"name":' + b"[" * 50_000
    entry = b"\n%c%s\x12" % (len(key), key) + _varint(len(text)) + text
    start = content.index(b"\n%c%s" % (len(key), key)) - 3
    deep = content[:start] + b"r" + _varint(len(entry)) + entry

    with pytest.raises(UnreadableSignature, match="damaged"):
        read_signature(deep)


def test_ten_megabytes_of_text_are_served() -> None:
    signature = make_signature(description="é" * 5_000_000)

    model = Model.from_content(make_model(signature))
    model.close()

    assert model.signature.description == signature.description


def _varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])
