import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from convert.errors import Refusal
from convert.inputs import check_input
from convert.report import files
from convert.report.files import check_output, write_files
from tests.servers import ROOT

LEFT = ".pinion-0123456789abcdef"
"""By a run that was killed."""


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

    with pytest.raises(Refusal, match="a cannot be written: File exists"):
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


def test_each_file_is_on_the_disk_before_its_name_and_its_name_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, bytes | str]] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        done.append(("sync", path.name if path.is_dir() else path.read_bytes()))
        sync(descriptor)

    def watched_replace(source: Path, target: Path) -> None:
        done.append(("rename", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)

    write_files({tmp_path / "new" / "a": b"1", tmp_path / "new" / "b": b"2"})

    assert done == [
        ("sync", tmp_path.name),
        ("sync", b"1"),
        ("sync", b"2"),
        ("rename", "a"),
        ("sync", "new"),
        ("rename", "b"),
        ("sync", "new"),
    ]


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    others = [".pinion-notes", f"{LEFT}0", ".a.12", "pinion-0123456789abcdef"]
    for name in [LEFT, *others]:
        (tmp_path / name).touch()
    (tmp_path / ".pinion-aaaaaaaaaaaaaaaa").mkdir()
    os.mkfifo(tmp_path / ".pinion-bbbbbbbbbbbbbbbb")
    (tmp_path / ".pinion-cccccccccccccccc").symlink_to(tmp_path / ".a.12")

    write_files({tmp_path / "a": b"1"})

    assert {path.name for path in tmp_path.iterdir()} == {
        *("a", ".pinion-aaaaaaaaaaaaaaaa", ".pinion-cccccccccccccccc"),
        *others,
    }


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a file or a folder, as a run of another process does."""
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def test_what_a_run_still_writes_is_left_though_its_folder_seems_free(
    tmp_path: Path,
) -> None:
    (tmp_path / LEFT).write_bytes(b"half")

    with locked(tmp_path / LEFT):  # from another machine, on a network file system
        write_files({tmp_path / "a": b"1"})

    assert sorted(path.name for path in tmp_path.iterdir()) == [LEFT, "a"]


def test_a_file_that_is_written_is_locked_until_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    were_locked = []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        with pytest.raises(BlockingIOError), open(source, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        were_locked.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)

    write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})

    assert were_locked == ["a", "b"]


def test_a_run_says_who_keeps_it_waiting_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(tmp_path):
        monkeypatch.setattr(files, "WAIT_S", 0.0)
        with pytest.raises(Refusal) as refusal:
            write_files({tmp_path / "a": b"1"})

    assert str(refusal.value) == (
        f"another run has been writing in {tmp_path} for 0 s: end it, or name another "
        "folder"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_run_waits_for_the_end_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = locked(tmp_path)
    other.__enter__()
    slept = []

    def end_the_other(seconds: float) -> None:
        slept.append(seconds)
        other.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", end_the_other)
    write_files({tmp_path / "a": b"1"})

    assert (slept, (tmp_path / "a").read_bytes()) == ([files.TICK_S], b"1")


def test_the_lock_of_a_killed_run_ends_with_it(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from convert.report import files\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_files({Path(sys.argv[1], 'a'): b'1'})\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT).returncode == -9
    (left,) = tmp_path.iterdir()
    assert files.HIDDEN.fullmatch(left.name)

    write_files({tmp_path / "b": b"2"})

    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def failing(call: Callable[..., Any], number: int, code: int) -> Callable[..., Any]:
    """Return a call of the system that fails once, the `number`th time."""
    left = [number]

    def called(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise OSError(code, os.strerror(code))
        return call(*arguments, **options)

    return called


def test_that_a_file_is_not_there_after_all_is_brought_to_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        there.append((tmp_path / "a").exists())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(os, "replace", failing(os.replace, 2, errno.EIO))

    with pytest.raises(Refusal, match="b cannot be written: Input/output error"):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})

    assert there == [False, False, True, True, False]


def test_no_file_and_no_folder_stays_open(tmp_path: Path) -> None:
    (tmp_path / LEFT).touch()
    before = os.listdir("/proc/self/fd")

    write_files({tmp_path / "new" / "a": b"1", tmp_path / "b": b"2"})

    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("code", sorted(files.NOT_OFFERED))
def test_a_file_system_without_locks_is_written_and_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    (tmp_path / LEFT).touch()
    monkeypatch.setattr(fcntl, "flock", refused)

    write_files({tmp_path / "a": b"1"})

    assert sorted(path.name for path in tmp_path.iterdir()) == [LEFT, "a"]


def test_a_folder_that_is_not_brought_to_the_disk_by_itself_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(os.fsync, 2, errno.EINVAL))

    write_files({tmp_path / "a": b"1"})

    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("has_links", [True, False])
@pytest.mark.parametrize("number", [1, 2])
def test_what_was_replaced_is_put_back_where_a_file_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, has_links: bool
) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    first.write_bytes(b"old")
    third.write_bytes(b"old")
    if not has_links:
        monkeypatch.setattr(os, "link", failing(os.link, 1, errno.EPERM))
    monkeypatch.setattr(os, "replace", failing(os.replace, 1 + number, errno.EROFS))

    with pytest.raises(Refusal) as refusal:
        write_files({first: b"new", second: b"new", third: b"new"})

    path = (second, third)[number - 1]
    assert str(refusal.value) == f"{path} cannot be written: Read-only file system"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old",
        "c": b"old",
    }


def test_an_interrupt_between_two_files_leaves_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    replace = os.replace

    def interrupted(source: Path, target: Path) -> None:
        replace(source, target)
        if target == second:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)

    with pytest.raises(KeyboardInterrupt):
        write_files({first: b"new", second: b"new"})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old"
    }


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
