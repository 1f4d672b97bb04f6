"""Programs that would do harm, run behind the wall; they show what it keeps."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convert.errors import Refusal
from convert.wall import landlock, outside, watch
from convert.wall.outside import WallLimits, private_folder, take, work

pytestmark = pytest.mark.slow  # real processes, and what this kernel offers

ROOT = Path(__file__).parent.parent
GIB = 2**30
LIMITS = WallLimits(20, 3 * GIB)
SAVED = Path("saved.pkl")

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has the means"
)


def has_landlock() -> bool:
    try:
        return landlock.version() >= landlock.SCOPES_VERSION
    except OSError:
        return False


with_landlock = pytest.mark.skipif(
    sys.platform != "linux" or not has_landlock(),
    reason="this kernel has no Landlock 6",
)


@pytest.fixture(autouse=True)
def behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "LAUNCHER", ("-m", "tests.behind"))


@pytest.fixture
def folder() -> Iterator[Path]:
    with private_folder() as made:
        yield made


def run(
    program: str, folder: Path, limits: WallLimits = LIMITS, *read: Path
) -> list[str]:
    return work([program], folder, limits, read=[SAVED, *read]).splitlines()


def refusal(program: str, folder: Path, limits: WallLimits = LIMITS) -> str:
    with pytest.raises(Refusal) as refused:
        run(program, folder, limits)
    return str(refused.value)


def tried(attempt: str) -> str:
    """Return a program that prints what became of one expression."""
    return f"""
import os, signal, socket, subprocess
try:
    print("done", {attempt})
except OSError as error:
    print(error.strerror)
"""


@with_landlock
@pytest.mark.parametrize(
    "place", ["outside", "/dev/shm/pinion", "/proc/self/oom_score_adj", "~/../../x"]
)
def test_nothing_is_written_outside_the_folder(
    place: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / place if place == "outside" else Path(place).expanduser()

    said = run(tried(f"open({str(path)!r}, 'w').write('1')"), folder)

    assert said == ["Permission denied"]
    assert not (tmp_path / "outside").exists()


@on_linux
def test_in_the_folder_everything_is_written_and_nothing_is_run(folder: Path) -> None:
    program = tried(
        "open(os.path.expanduser('~/new'), 'w').write('#!/bin/sh'), "
        "subprocess.run(['/bin/sh', os.path.expanduser('~/new')]).returncode"
    )

    assert run(program, folder) == ["done 9 0"]
    assert (folder / "new").read_text() == "#!/bin/sh"


@with_landlock
def test_what_is_written_is_not_executed(folder: Path) -> None:
    program = tried("subprocess.run([os.path.expanduser('~/new')])")
    (folder / "new").write_text("#!/bin/sh\n")
    (folder / "new").chmod(0o755)

    assert run(program, folder) == ["Permission denied"]


@with_landlock
def test_only_what_is_needed_is_read(folder: Path, tmp_path: Path) -> None:
    needed, other = tmp_path / "needed", tmp_path / "other"
    for path in (needed, other):
        path.write_text("secret")

    said = [
        run(tried(f"open({str(path)!r}).read()"), folder, LIMITS, needed)
        for path in (needed, other)
    ]

    assert said == [["done secret"], ["Permission denied"]]


@on_linux
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket_is_opened(family: str, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        said = run(tried(f"socket.socket(socket.{family})"), folder)

    assert said == ["Operation not permitted"]


@with_landlock
@pytest.mark.parametrize("name", ["mem", "environ", "maps"])
def test_the_memory_of_the_process_before_the_wall_is_not_read(
    name: str, folder: Path
) -> None:
    program = tried(f"open(f'/proc/{{os.getppid()}}/{name}', 'rb').read(1)")

    assert run(program, folder) == ["Permission denied"]


@with_landlock
def test_no_other_process_is_sent_a_signal(folder: Path) -> None:
    program = tried(f"os.kill(os.getppid(), {signal.SIGTERM.value})")

    assert run(program, folder) == ["Operation not permitted"]


@on_linux
@pytest.mark.parametrize(
    "attempt",
    [
        "os.setsid()",
        "os.setpgid(0, 0)",
        "os.chmod('/', 0o755)",
        "os.utime(os.path.expanduser('~'))",
        "os.setpriority(os.PRIO_PROCESS, 0, 1)",
        "__import__('resource').prlimit(os.getppid(), 0, (1, 1))",
    ],
)
def test_calls_that_no_computation_needs_are_refused(
    attempt: str, folder: Path
) -> None:
    assert run(tried(attempt), folder) == ["Operation not permitted"]


def test_the_variables_may_hold_secrets_and_stay_outside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")

    said = run("import os; print(*sorted(os.environ), sep='\\n')", folder)

    assert "AWS_SECRET_ACCESS_KEY" not in said
    assert {"HOME", "PATH", "SOURCE_DATE_EPOCH", "TMPDIR"} <= {*said}


MORE_TIME = "give it more with --time-limit, or try it with a smaller model"
MORE_MEMORY = "give it more with --memory-limit, or try it on a machine with more"


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(99)"])
def test_what_does_not_end_is_stopped(program: str, folder: Path) -> None:
    assert refusal(program, folder, WallLimits(2, GIB)) == (
        "saved.pkl took longer than 2 s behind the wall and was stopped; nothing was "
        f"written: {MORE_TIME}"
    )


@on_linux
def test_more_memory_than_there_is_is_one_sentence(folder: Path) -> None:
    assert refusal("bytearray(100 * 2**30)", folder) == (
        "saved.pkl takes more memory than there is behind the wall (3 GiB); nothing was "
        f"written: {MORE_MEMORY}"
    )


@on_linux
def test_memory_counts_over_all_processes(folder: Path) -> None:
    program = "import os, time\nfor _ in range(9): os.fork() or time.sleep(bytearray(2**28) and 99)"

    assert refusal(program + "\ntime.sleep(99)", folder, WallLimits(20, GIB)) == (
        "saved.pkl took more than 1 GiB of memory behind the wall and was stopped; "
        f"nothing was written: {MORE_MEMORY}"
    )


@on_linux
@pytest.mark.parametrize(
    ("program", "done"),
    [
        (
            "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
            "started more than 64 processes",
        ),
        (
            "for number in range(10**9): open(f'{folder}/{number}', 'w')",
            "wrote more than 10,000 files",
        ),
        (
            "for number in range(10**9): open(f'{folder}/{number}', 'wb').write(bytes(2**24))",
            "wrote more than 0.25 GiB",
        ),
    ],
)
def test_whoever_fills_the_machine_is_stopped(
    program: str, done: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_FOLDER_BYTES", 2**28)

    assert refusal(program, folder) == (
        f"saved.pkl {done} behind the wall and was stopped; nothing was written: it is "
        "no pipeline that scikit-learn saved"
    )
    assert not running(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
    ],
)
def test_a_crash_is_one_sentence(program: str, name: str, folder: Path) -> None:
    assert refusal(program, folder) == (
        f"saved.pkl made the converter crash behind the wall ({name}); nothing was "
        "written: it is damaged or is not what it says, so copy or save it again"
    )


@on_linux
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "OpenBLAS blas_thread_init: RLIMIT_NPROC 1 current, 1 max",
            "was being read behind the wall when a library could start no thread; "
            "nothing was written: let the process have more (ulimit -u, or the pids of "
            "its container), or more memory",
        ),
        (
            "another",
            "made the converter crash behind the wall (SIGINT); nothing was written: it "
            "is damaged or is not what it says, so copy or save it again",
        ),
    ],
)
def test_openblas_that_ends_its_process_for_want_of_a_thread_is_no_damage(
    said: str, why: str, folder: Path
) -> None:
    program = (
        f"import signal, sys; print({said!r}, file=sys.stderr, flush=True); "
        "signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "signal.raise_signal(signal.SIGINT)"
    )

    assert refusal(program, folder).endswith(f" {why}")


def test_a_traceback_is_one_sentence(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert refusal("[][0]", folder) == (
        "saved.pkl made the converter fail behind the wall (IndexError: list index out "
        "of range, <string>, line 1); nothing was written: save it again, or if that "
        "changes nothing report it"
    )
    assert caplog.messages == []


def running(folder: Path) -> str:
    """Return the processes behind the wall of a folder."""
    command = ["pgrep", "-fa", f"tests[.]behind {folder}"]
    return subprocess.run(command, capture_output=True, text=True).stdout


@on_linux
def test_a_daemon_does_not_outlive_the_work(folder: Path) -> None:
    program = (
        "import os, time\nif not os.fork(): os.fork(); time.sleep(99)\nprint('gone')"
    )

    assert run(program, folder) == ["gone"]
    assert not running(folder)


@on_linux
def test_the_work_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from convert.wall import outside\n"
        "outside.LAUNCHER = ('-m', 'tests.behind')\n"
        f"outside.work(['import time; print(1); time.sleep(99)'], Path({str(tmp_path)!r}), "
        "outside.WallLimits(99, 2**30), read=[Path('saved.pkl')])"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while not running(tmp_path):
        assert starter.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)  # until it is behind the wall
    starter.kill()
    starter.wait()
    time.sleep(0.5)

    assert not running(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_an_interrupted_command_leaves_no_process(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from convert import __main__; from convert.wall import outside\n"
        "from convert.commands import export\n"
        "outside.LAUNCHER = ('-m', 'tests.behind')\n"
        f"export.run = lambda _: outside.work(['import time; time.sleep(99)'], "
        f"Path({str(tmp_path)!r}), outside.WallLimits(99, 2**30), read=[Path('saved.pkl')])\n"
        "raise SystemExit(__main__.main(['export', '--sample', 'x', '--output', 'y']))"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while not running(tmp_path):
        assert starter.poll() is None
        time.sleep(0.05)
    starter.send_signal(signal.SIGINT)
    _, said = starter.communicate(timeout=60)

    assert (starter.returncode, said) == (130, "interrupted: nothing was written\n")
    assert not running(tmp_path)


def test_what_a_terminal_would_obey_is_shown_and_what_is_long_is_cut(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    program = r"""
import sys
print("\x1b[31mred \x9b2J \u202egnp")
sys.stderr.write("\x1b]0;title\x07\n" + "x" * 100_000 + "\n")
sys.stderr.write("\x1e20\treading …\n")
"""

    assert run(program, folder) == [r"\x1b[31mred \x9b2J \u202egnp"]
    assert caplog.messages == [r"\x1b]0;title\x07", "x" * 50_000, "reading …"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
@pytest.mark.parametrize(
    "kind", ["link", "pipe", "folder", "large", "empty", "nothing"]
)
def test_what_stands_in_the_place_of_a_file_is_not_taken(
    kind: str, folder: Path
) -> None:
    path = folder / "model.onnx"
    match kind:
        case "link":
            path.symlink_to("/etc/passwd")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_bytes(bytes(101))
        case "empty":
            path.touch()

    with pytest.raises(Refusal, match="what came from behind the wall is no file"):
        take(folder, path.name, 100)


def test_a_folder_goes_with_all_that_is_in_it() -> None:
    with private_folder() as folder:
        (folder / "a" / "b").mkdir(parents=True)
        assert folder.stat().st_mode & 0o77 == 0 or sys.platform == "win32"

    assert not folder.exists()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no such files")
def test_a_file_that_a_shell_has_opened_is_read(folder: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"rows")
    os.close(writer)
    path = Path(f"/dev/fd/{reader}")

    said = run(tried(f"open({str(path)!r}).read()"), folder, LIMITS, path)

    os.close(reader)
    assert said == ["done rows"]
