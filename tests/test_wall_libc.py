import errno
import os
import sys
from pathlib import Path

import pytest

from convert.wall.libc import call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its C library")


def error_of(name: str, *arguments: object) -> OSError:
    with pytest.raises(OSError) as raised:  # noqa: PT011
        call(name, *arguments)
    return raised.value


def test_what_a_function_returns_is_returned() -> None:
    assert [call("getpid"), call("getuid")] == [os.getpid(), os.getuid()]
    assert call("abs", -3) == 3


def test_a_number_is_given_as_wide_as_a_register(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        call("lseek", file.fileno(), 2**32 + 5, os.SEEK_SET)
        call("lseek", file.fileno(), -1, os.SEEK_CUR)

        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 2**32 + 4


def test_bytes_are_a_text_of_c(tmp_path: Path) -> None:
    assert call("mkdir", os.fsencode(tmp_path / "made"), 0o700) == 0
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("close", (-1,), errno.EBADF),
        ("mkdir", (b"/", 0o700), errno.EEXIST),
        ("rmdir", (b"/no/such/folder",), errno.ENOENT),
        ("syscall", (10**6,), errno.ENOSYS),
    ],
)
def test_what_the_system_refuses_is_an_error_of_python(
    name: str, arguments: tuple[object, ...], number: int
) -> None:
    error = error_of(name, *arguments)

    assert (error.errno, error.strerror, error.filename) == (
        number,
        os.strerror(number),
        name,
    )


def test_an_error_is_the_class_that_python_has_for_it() -> None:
    assert type(error_of("rmdir", b"/no/such/folder")) is FileNotFoundError


def test_a_function_that_this_library_lacks_is_named() -> None:
    assert str(error_of("no_such_function")) == (
        "this C library has no no_such_function"
    )
