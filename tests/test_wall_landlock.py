"""What is asked of kernels that are not here; this one's are asked in test_wall_outside.py."""

import os
import struct
from pathlib import Path

import pytest

from convert.wall import landlock
from convert.wall.landlock import (
    ADD_RULE,
    CREATE_RULESET,
    EXECUTE,
    IOCTL_DEV,
    KEEP,
    READ,
    READ_FILE,
    REFER,
    RESTRICT_SELF,
    RUN,
    TRUNCATE,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="only Linux has it")


class Kernel:
    """One of a version; it writes down what it is asked."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.ruleset: tuple[int, ...] = ()
        self.rights: list[int] = []
        self.is_restricted = False

    def call(self, _: str, number: int, *arguments: object) -> int:
        if number == CREATE_RULESET and arguments[0] == 0:
            return self.version
        if number == CREATE_RULESET:
            content, n_bytes, _flags = arguments
            assert isinstance(content, bytes)
            assert len(content) == n_bytes
            self.ruleset = struct.unpack(f"={len(content) // 8}Q", content)
            return os.open(os.devnull, os.O_RDONLY)
        if number == ADD_RULE:
            rule = arguments[2]
            assert isinstance(rule, bytes)
            self.rights.append(struct.unpack("=Qi", rule)[0])
        self.is_restricted |= number == RESTRICT_SELF
        return 0


@pytest.mark.parametrize(
    ("version", "ruleset"),
    [
        (1, (2**13 - 1,)),
        (2, (2**14 - 1,)),
        (3, (2**15 - 1,)),
        (4, (2**15 - 1, 3)),
        (5, (2**16 - 1, 3)),
        (6, (2**16 - 1, 3, 3)),
        (7, (2**16 - 1, 3, 3)),
        (9, (2**16 - 1, 3, 3)),
    ],
)
def test_each_kernel_is_asked_for_what_it_knows(
    version: int,
    ruleset: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(version)
    monkeypatch.setattr(landlock, "call", kernel.call)

    landlock.restrict([(str(tmp_path), KEEP), (str(tmp_path / "none"), RUN)])

    assert kernel.ruleset == ruleset
    assert kernel.rights == [KEEP & ruleset[0]]
    assert kernel.is_restricted


def test_a_file_is_given_no_right_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(7)
    monkeypatch.setattr(landlock, "call", kernel.call)
    (tmp_path / "file").touch()

    landlock.restrict([(str(tmp_path / "file"), RUN), (str(tmp_path), READ)])

    assert kernel.rights == [READ_FILE | EXECUTE, READ]


def test_the_folder_runs_nothing_and_asks_no_device() -> None:
    assert KEEP & (EXECUTE | IOCTL_DEV) == 0
    assert KEEP & (REFER | TRUNCATE) == REFER | TRUNCATE
