"""The C boundary under valgrind: nothing lost, and nothing touched beside its memory.

onnxruntime runs there as it is: valgrind hides AVX-512 from it. Two things are turned
off, because neither is ours:

- ``--undef-value-errors=no``: CPython 3.11 reads the first digit of an integer that has
  none, and does not use it. It reports nothing else, and the run takes half the time.
- `SUPPRESSED`: the loader of glibc compares the words of a path eight bytes at a time,
  and so reads beyond a short one while it opens the library.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.servers import ROOT
from tests.test_session import make_student

pytestmark = [
    pytest.mark.slow,
    pytest.mark.external,
    pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind"),
]

SUPPRESSED = """\
{
   a path of the loader is read by words
   Memcheck:Addr8
   fun:strncmp
   fun:is_dst
}
"""

PROGRAM = """\
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from server.runtime.session import RuntimeFault, Session, Tensor

path = Path(sys.argv[1])
columns = [["female"], ["a\\0b" + "x" * 300], [1.0], [2.0]]
session = Session(path)
names = [port.name for port in session.inputs]
feed = {name: Tensor(each, (1, 1)) for name, each in zip(names, columns)}
flat = {name: Tensor(each, (1,)) for name, each in zip(names, columns)}

def fail(ask):
    try:
        ask()
    except RuntimeFault:
        return
    raise AssertionError("it was not refused")

def use(number):
    for n_rows in (0, 1, 3, number):
        session.predict(("terms", "prediction"), [each * n_rows for each in columns], n_rows)
    session.run(("terms",), feed)
    session.metadata("signature")
    fail(lambda: session.run(("terms",), flat))  # refused by onnxruntime
    fail(lambda: session.predict(("terms",), [["x", "\\ud800"], *columns[1:]], 2))
    fail(lambda: Session(b"no model"))
    with Session(path) as other:
        other.predict(("terms",), columns, 1)

with ThreadPoolExecutor(3) as pool:
    list(pool.map(use, range(int(sys.argv[2]))))
session.close()
"""

SPOILT = """\
from ctypes import create_string_buffer, memmove
from server.runtime.library import Library, RuntimeFault

def check(library, status):
    if status:
        raise RuntimeFault(library.GetErrorMessage(status).decode())

Library.check = check  # the status is not released
memmove(create_string_buffer(64), bytes(72), 72)
"""

FEW, MANY = 4, 40


class Found(NamedTuple):
    """What valgrind saw where a stack goes through ctypes or onnxruntime.

    Parameters
    ----------
    n_lost_blocks
        To which no pointer is left at the end. Those of which one into the middle is
        left are not counted: the interpreter has hundreds.
    invalid
        Reads, writes and releases of what is not there: the functions on the stack.
    """

    n_lost_blocks: int
    invalid: list[str]


def run(folder: Path, n_times: int, program: str = PROGRAM) -> Found:
    model, report = folder / "student.onnx", folder / f"{n_times}.xml"
    suppressed = folder / "suppressed"
    model.write_bytes(make_student())
    suppressed.write_text(SUPPRESSED)
    ended = subprocess.run(
        [
            "valgrind",
            "--leak-check=full",
            "--undef-value-errors=no",
            "--num-callers=40",
            f"--suppressions={suppressed}",
            "--xml=yes",
            f"--xml-file={report}",
            *(sys.executable, "-c", program, model, str(n_times)),
        ],
        env=os.environ | {"PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
    return _read(report)


def _read(report: Path) -> Found:
    n_lost_blocks, invalid = 0, []
    for error in ElementTree.parse(report).iter("error"):
        files = {Path(each.text or "").name for each in error.iter("obj")}
        if not any("_ctypes" in name or "onnxruntime" in name for name in files):
            continue
        kind = error.findtext("kind", "")
        if kind in ("Leak_DefinitelyLost", "Leak_IndirectlyLost"):
            n_lost_blocks += int(error.findtext("xwhat/leakedblocks", ""))
        if kind.startswith(("Invalid", "Mismatched")):
            functions = [each.text or "" for each in error.iter("fn")]
            invalid.append(f"{kind}: {' < '.join(functions[:9])}")
    return Found(n_lost_blocks, invalid)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return run(tmp_path_factory.mktemp("few"), FEW)


def test_no_block_is_lost_by_a_run_and_nothing_else_is_touched(
    few: Found, tmp_path: Path
) -> None:
    """The one block that is lost describes the memory, for as long as the process."""
    assert few == Found(n_lost_blocks=1, invalid=[])
    assert run(tmp_path, MANY) == few


def test_a_block_that_is_lost_and_a_byte_beside_its_memory_are_seen(
    few: Found, tmp_path: Path
) -> None:
    found = run(tmp_path, FEW, SPOILT + PROGRAM)

    assert found.n_lost_blocks == few.n_lost_blocks + 2 * FEW
    assert len(found.invalid) == 1
    assert found.invalid[0].startswith("InvalidWrite: ")
