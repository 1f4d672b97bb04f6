from pathlib import Path

import pytest

from convert.errors import Invalid, Refusal
from convert.inputs import check_input
from convert.report.files import check_output, write_files


def test_files_are_written_together_in_a_new_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "a", tmp_path / "new" / "b"
    write_files({first: b"1", second: b"2"})

    write_files({first: b"3", second: b"4"})

    assert {path.name: path.read_bytes() for path in first.parent.iterdir()} == {
        "a": b"3",
        "b": b"4",
    }


def test_no_file_is_written_where_one_cannot_be(tmp_path: Path) -> None:
    first, folder = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    (folder / "c").mkdir(parents=True)

    with pytest.raises(Invalid, match="b cannot be written: "):
        write_files({first: b"new", tmp_path / "a" / "b": b"new"})

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "b"]
    assert first.read_bytes() == b"old"


def test_a_folder_of_that_name_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    first, folder = tmp_path / "a", tmp_path / "b"
    folder.mkdir()

    with pytest.raises(Refusal, match="b is a folder: give the file another name"):
        write_files({first: b"new", folder: b"new"})

    assert list(tmp_path.iterdir()) == [folder]


def test_a_name_must_say_what_is_in_the_file(tmp_path: Path) -> None:
    check_output(tmp_path / "m.onnx", ".onnx")

    with pytest.raises(Refusal) as refusal:
        check_output(Path("m.pkl"), ".onnx")

    assert str(refusal.value) == (
        "the output is called m.pkl: give it a name ending in .onnx"
    )


def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    check_output(tmp_path / "new" / "folder" / "m.onnx", ".onnx")
    with pytest.raises(Refusal, match=r"nothing can be written in .*file: name anoth"):
        check_output(tmp_path / "file" / "folder" / "m.onnx", ".onnx")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows.csv", "there is no file FOLDER/rows.csv: did you mean 'row.csv'?"),
        (
            "model.pkl",
            "there is no file FOLDER/model.pkl: no file there ends in '.pkl'",
        ),
        ("no/row.csv", "there is no folder FOLDER/no for FOLDER/no/row.csv: "),
        (".", "FOLDER is a folder: name the file in it"),
    ],
)
def test_a_file_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "row.csv").touch()

    with pytest.raises(Refusal) as refusal:
        check_input(tmp_path / name)

    assert str(refusal.value).replace(str(tmp_path), "FOLDER").startswith(message)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "a.pkl", "a.toml"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            "is a Git LFS pointer, not the file itself: run git lfs pull",
        ),
        (
            b"\n<!DOCTYPE html>",
            "is a web page: download the raw file that the page shows",
        ),
    ],
)
def test_what_came_in_the_place_of_a_file_is_named_whatever_the_file(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(Refusal) as refusal:
        check_input(path)

    assert str(refusal.value) == f"{path} {sentence}"


def test_a_file_that_is_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / "row.csv").touch()

    check_input(tmp_path / "row.csv")
