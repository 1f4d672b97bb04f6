import os
import sys
from pathlib import Path

import pytest

from convert.wall import watch
from convert.wall.watch import Use, measure

pytestmark = pytest.mark.slow  # real processes, and what this kernel offers

GIB = 2**30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_processes_of_a_session_and_what_a_folder_holds_are_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1000))
    n_bytes = sum(path.lstat().st_size for path in tmp_path.rglob("*"))

    found = measure(os.getsid(0), tmp_path)

    assert found.n_processes >= 1
    assert found.n_bytes > 2**20
    assert (found.n_entries, found.n_folder_bytes) == (2, n_bytes)


def test_counting_ends_where_the_limit_is_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_ENTRIES", 3)
    for number in range(9):
        (tmp_path / str(number)).touch()

    found = measure(-1, tmp_path)

    assert (found.n_entries, found.beyond(GIB)) == (4, "wrote more than 3 files")


def test_a_folder_that_cannot_be_looked_into_is_beyond_the_limit(
    tmp_path: Path,
) -> None:
    before = Path.cwd()
    os.chdir(tmp_path)
    for _ in range(30):  # its path is longer than any can be
        os.mkdir("x" * 200)
        os.chdir("x" * 200)
    os.chdir(before)

    assert measure(-1, tmp_path).beyond(GIB) == "wrote more than 8 GiB"


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert measure(-1, tmp_path / "gone") == Use()


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (Use(64, GIB, 10_000, 8 * GIB), ""),
        (Use(n_processes=65), "started more than 64 processes"),
        (Use(n_bytes=GIB + 1), "took more than 1 GiB of memory"),
        (Use(n_entries=10_001), "wrote more than 10,000 files"),
        (Use(n_folder_bytes=8 * GIB + 1), "wrote more than 8 GiB"),
    ],
)
def test_the_limit_that_is_passed_is_named(use: Use, said: str) -> None:
    assert use.beyond(GIB) == said
