"""Places that lack something: it works there, or one sentence says why it cannot."""

import errno
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from convert.errors import Invalid, Refusal
from convert.inputs import check_input
from convert.libraries import as_refusals
from convert.report.files import write_files
from convert.signing import make_key
from convert.wall.outside import take
from server import model as models_of_server
from server.app import App
from server.machine import N_OWN_FILES
from server.model import OutOfReach, read_file
from server.models import Models
from server.settings import read_settings
from server.watch import Watch
from tests.models import make_model, make_row, make_signature
from tests.servers import ROOT

WAIT_SECONDS = 30

RUN = """
import runpy, sys
sys.argv[0:1] = []
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

NO_THREADS = """
import threading
def start(_):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""

UNLOADED = """
import sys
class Finder:
    def find_spec(name, *_):
        if name == "httptools":
            raise ImportError({!r})
sys.meta_path.insert(0, Finder)
"""

UNKNOWN_IDNA = """
import socket
def find(*_, **options):
    raise LookupError("unknown encoding: idna")
socket.getaddrinfo = find
"""

NO_SPARE = """
from server import process
process.SPARE_BYTES = 2**60
"""

BLOCKING = (
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)

CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static long long *offset;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void start(void) {
    int file = open(getenv("CLOCK_OFFSET"), O_RDONLY);
    real = dlsym(RTLD_NEXT, "clock_gettime");
    offset = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += *offset;
    return failed;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


NAMESPACES = "-m" if os.geteuid() == 0 else "-rm"


def has_namespaces() -> bool:
    words = ["unshare", NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not has_namespaces(), reason="no namespace of mounts can be made here"
)
outside_tmp = pytest.mark.skipif(
    ROOT.is_relative_to("/tmp"),
    reason="without /tmp there is no project",
)
needs_compiler = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "m.onnx")


def write_model(path: Path, name: str = "m") -> Path:
    path.write_bytes(make_model(make_signature(name=name)))
    return path


def shell(
    place: str, *words: str | Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run words of Python in a place, such as `ulimit -n 8; exec "$@" 2>&-`."""
    return subprocess.run(
        ["bash", "-c", place, "bash", sys.executable, *map(str, words)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_SECONDS,
        check=False,
    )


@contextmanager
def served(
    place: str, *words: str | Path, **environment: str
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Serve in a place, and require that it ends well when it is asked to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = ("-m", "server", "--port", str(port), "--ready-seconds", "0")
    process = subprocess.Popen(
        ["bash", "-c", place, "bash", sys.executable, *map(str, (*own, *words))],
        cwd=ROOT,
        env=os.environ | environment,
    )
    try:
        await_port(process, port)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        try:
            exit_code = process.wait(WAIT_SECONDS)
        finally:
            process.kill()  # what did not hear it
    assert exit_code == 0


def await_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nobody listens: {process.poll()}")


def predict(url: str) -> httpx.Response:
    return httpx.post(f"{url}/predict", json=make_row(), timeout=WAIT_SECONDS)


def ask(address: httpx.URL) -> int:
    """Return the status of one request, 0 for a connection that was not let in.

    Two hundred at once are none for httpx.
    """
    connection = HTTPConnection(address.host, address.port, WAIT_SECONDS)
    with closing(connection), suppress(ConnectionError):
        connection.request(
            "POST",
            "/predict",
            json.dumps(make_row()),
            {"Content-Type": "application/json"},
        )
        return connection.getresponse().status
    return 0


@contextmanager
def no_file_grows() -> Iterator[None]:
    """Let the system refuse what a full disk would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    "streams",
    ["<&- >&- 2>&-", "2>&-", ">&-", "2>/dev/full", "2> >(exec true)"],
)
def test_no_stream_is_needed_to_serve_and_no_connection_takes_its_place(
    streams: str, model: Path
) -> None:
    with served(f'exec "$@" {streams}', model) as (url, process):
        answer = predict(url)
        links = [os.readlink(f"/proc/{process.pid}/fd/{each}") for each in range(3)]

    assert answer.status_code == 200
    assert [link for link in links if link.startswith(("socket:", "anon_inode:"))] == []


@pytest.mark.parametrize(
    ("place", "words", "exit_code", "said"),
    [
        (
            'ulimit -n 16; exec "$@"',
            (),
            2,
            "error: the process may open 16 files and needs 24, and one for each "
            "connection; let it open more (ulimit -n)\n",
        ),
        (
            'exec "$@"',
            ("--host", "a..b"),
            1,
            "error: cannot listen on 'a..b': no name of a host; choose another with "
            "--host\n",
        ),
        (
            'exec "$@"',
            ("--host", b"a\xff".decode(errors="surrogateescape")),
            1,
            "error: cannot listen on 'a\\udcff': no name of a host; choose another with "
            "--host\n",
        ),
        (
            'exec "$@"',
            ("--keys-file", "/dev/zero"),
            2,
            "error: --keys-file /dev/zero: a pipe or a device, not a file\n",
        ),
        (
            'exec "$@"',
            ("--trusted-keys", "/dev/zero"),
            2,
            "error: --trusted-keys or PINION_TRUSTED_KEYS: /dev/zero cannot be read: a "
            "pipe or a device, not a file\n",
        ),
        (
            "exec \"$1\" -m server $'a\\nerror: b.onnx'",
            (),
            2,
            "error: a\\nerror: b.onnx: No such file or directory; name a model file that "
            "python -m convert made\n",
        ),
    ],
)
def test_a_place_where_nothing_can_be_served_is_one_sentence(
    place: str, words: tuple[str, ...], exit_code: int, said: str, model: Path
) -> None:
    result = shell(place, "-m", "server", model, "--port", "0", *words)

    assert (result.returncode, result.stderr) == (exit_code, said)


@pytest.mark.parametrize("n_kib", [64_000, 66_000, 70_000, 74_000])
def test_too_little_memory_to_start_is_one_sentence_without_a_wrong_remedy(
    n_kib: int, model: Path
) -> None:
    place = f'ulimit -v {n_kib}; exec "$@"'
    result = shell(place, "-m", "server", model, "--port", "0")

    assert result.returncode in {1, 2}
    assert result.stderr.startswith("error: ")
    assert result.stderr.endswith("; give the process more\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "fault",
    [
        UNLOADED.format("a.so: failed to map segment from shared object"),
        UNKNOWN_IDNA,
        NO_SPARE,
    ],
    ids=["library", "idna", "spare"],
)
def test_memory_that_runs_out_before_anybody_is_served_is_one_sentence(
    fault: str, model: Path
) -> None:
    result = shell('exec "$@"', "-c", fault + RUN, "server", model, "--port", "0")

    assert (result.returncode, result.stderr) == (
        1,
        "error: there is too little memory to serve; give the process more\n",
    )


def test_a_library_that_fails_for_another_reason_keeps_its_traceback(
    model: Path,
) -> None:
    fault = UNLOADED.format("a defect")
    result = shell('exec "$@"', "-c", fault + RUN, "server", model, "--port", "0")

    assert result.stderr.splitlines()[-1] == "ImportError: a defect"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("server", "--port", "0"), "error"),
        (("convert", "inspect", "models/student_performance.onnx"), "refused"),
    ],
)
def test_no_more_threads_are_one_sentence(words: tuple[str, ...], said: str) -> None:
    result = shell('exec "$@"', "-c", NO_THREADS + RUN, *words)

    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        f"{said}: can't start new thread: let the process have more (ulimit -u, or the "
        "pids of its container), or more memory\n",
    )


@pytest.mark.parametrize("option", ["--keys-file", "--trusted-keys"])
def test_no_file_of_keys_is_waited_for_or_read_without_end(
    option: str, model: Path, tmp_path: Path
) -> None:
    pipe, endless = tmp_path / "pipe", tmp_path / "endless"
    os.mkfifo(pipe)
    with endless.open("wb") as file:
        file.truncate(2**24)
    words = ("-m", "server", model, "--port", "0", option)
    results = [shell('exec "$@"', *words, path) for path in (pipe, endless)]

    assert [each.returncode for each in results] == [2, 2]
    assert [each.stderr.split(": ")[-1] for each in results] == [
        "a pipe or a device, not a file\n",
        "File too large\n",
    ]


def test_a_stop_is_heard_where_its_signal_was_blocked(model: Path) -> None:
    with served(f'exec "$1" -c "{BLOCKING}" "$@"', model) as (url, _):
        assert predict(url).status_code == 200


def test_with_64_files_200_clients_at_once_are_answered_and_so_is_who_comes_later(
    model: Path,
) -> None:
    with served('ulimit -n 64; exec "$@"', model) as (url, _):
        address = httpx.URL(url)
        with ThreadPoolExecutor(200) as clients:
            statuses = Counter(clients.map(lambda _: ask(address), range(200)))
        with ExitStack() as silent:
            for _ in range(200):
                one = socket.create_connection((address.host, address.port or 0))
                silent.enter_context(one)
            among_silent = ask(address)
        later = ask(address)

    assert statuses.keys() <= {200, 503, 0}
    assert statuses[200] + statuses[503] >= 64 - N_OWN_FILES
    assert (among_silent, later) == (200, 200)


@needs_namespaces
@outside_tmp
@pytest.mark.parametrize(
    "place",
    [
        "mount -t tmpfs -o ro none /var/tmp && mount -t tmpfs -o ro none /tmp",
        "mount -t tmpfs -o ro none /proc",
        "mount -t tmpfs -o ro none /sys",
    ],
)
def test_it_is_served_without_tmp_proc_sys_or_home(place: str) -> None:
    within = f'unset HOME TMPDIR; {place} && exec "$@"'
    with served(f"exec unshare {NAMESPACES} bash -c '{within}' bash \"$@\"") as (
        url,
        _,
    ):
        names = [each["name"] for each in httpx.get(f"{url}/models").json()["models"]]

    assert names == ["student_performance"]


@pytest.mark.slow
@needs_compiler
def test_a_clock_that_jumps_changes_dates_and_nothing_else(tmp_path: Path) -> None:
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(CLOCK)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True
    )
    offset = tmp_path / "offset"
    offset.write_bytes(struct.pack("q", 0))
    model = write_model(tmp_path / "m.onnx")
    clock = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    rate = ("--reload-seconds", "1", "--max-rate-per-address", "3")
    with (
        served('exec "$@"', model, *rate, **clock) as (url, _),
        httpx.Client(base_url=url) as client,
    ):
        years = []
        for n_years in (0, -20, 30):
            with offset.open("r+b") as file:
                file.write(struct.pack("q", n_years * 365 * 86_400))
            name = f"y{abs(n_years)}"
            write_model(model, name)
            wait_until(lambda name=name: name in client.get("/models").text)
            time.sleep(1)  # the date is made once a second, and so is the rate
            answers = [client.post("/predict", json=make_row()) for _ in range(5)]
            assert [each.status_code for each in answers].count(200) >= 3
            assert answers[-1].status_code == 429
            years.append(int(answers[0].headers["Date"].split()[3]))

    assert [year - years[0] for year in years] == [
        0,
        pytest.approx(-20, abs=1),
        pytest.approx(30, abs=1),
    ]


def wait_until(is_so: Any) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_bytes_of_a_file_name_that_are_no_text_do_not_hide_the_models(
    tmp_path: Path,
) -> None:
    write_model(tmp_path / "m.onnx")
    words = ("--models-folder", tmp_path, "--reload-seconds", "1")
    with served('exec "$@"', *words) as (url, process):
        (tmp_path / os.fsdecode(b"x\xff.onnx")).write_text("no model")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "refused" in httpx.get(f"{url}/models").text)
        refused = httpx.get(f"{url}/models").json()["refused"]

    assert [each["file"] for each in refused] == ["x\\udcff.onnx"]
    assert refused[0]["detail"].startswith("x\\udcff.onnx: not a whole model file")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "let everybody read it"),
        (errno.ESTALE, "name another with --models-folder"),
    ],
)
def test_a_folder_that_the_system_does_not_give_ends_no_server(
    number: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> bool:
        raise OSError(number, os.strerror(number), str(self))

    write_model(tmp_path / "a.onnx")
    settings = read_settings(["--models-folder", str(tmp_path)])
    before = Models.load(settings)
    app = App(list(before.by_path.values()), settings)
    watch = Watch(app, before, settings, on_change=lambda: None)
    monkeypatch.setattr(Path, "exists", refuse)

    after = before.reloaded(settings)
    watch._next_look = 0
    watch.look()

    said = f"{tmp_path}/ cannot be read: {os.strerror(number)}; {remedy}"
    assert after.by_path == before.by_path
    assert after.refused == {tmp_path: said}


@pytest.mark.parametrize("is_alone", [True, False])
def test_why_a_file_is_not_served_is_looked_at_again_though_none_can_be_read(
    is_alone: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "b.onnx").symlink_to(folder / "b.onnx")
    settings = read_settings(["--models-folder", str(folder)])
    served = Models.load(settings._replace(models=(write_model(tmp_path / "a.onnx"),)))
    if not is_alone:
        write_model(folder / "a.onnx", "a")
    before = served.reloaded(settings)
    watch = Watch(
        App(list(before.by_path.values()), settings), before, settings, lambda: None
    )
    (folder / "b.onnx").unlink()
    if is_alone:
        folder.rmdir()
    watch._is_settled()
    is_read_again = watch._is_settled()
    after = before.reloaded(settings)

    assert "Too many levels of symbolic links" in before.refused[folder / "b.onnx"]
    assert is_read_again
    assert list(after.refused) == ([folder] if is_alone else [])


def test_a_model_that_nobody_lets_the_server_read_is_no_other_file_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(models_of_server, "read_content", refuse)
    with pytest.raises(OutOfReach) as refused:
        read_file(tmp_path / "a.onnx")

    assert str(refused.value) == "Permission denied; let everybody read it"


@pytest.mark.parametrize(
    "fault", [OSError(24, "Too many open files"), MemoryError()], ids=["file", "memory"]
)
def test_what_the_system_does_not_give_is_asked_for_again(
    fault: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise fault

    settings = read_settings(["--models-folder", str(tmp_path)])
    write_model(tmp_path / "a.onnx", "a")
    before = Models.load(settings)
    write_model(tmp_path / "b.onnx", "b")
    with monkeypatch.context() as patched:
        name = "read_content" if isinstance(fault, OSError) else "read_signature"
        patched.setattr(models_of_server, name, refuse)
        without = before.reloaded(settings)
    after = without.reloaded(settings)

    names = [
        [each.signature.name for each in it.by_path.values()] for it in (without, after)
    ]
    assert (names, list(without.refused)) == (
        [["a"], ["a", "b"]],
        [tmp_path / "b.onnx"],
    )
    assert after.refused == {}


def test_a_file_before_another_takes_its_name_and_no_two_models_have_one(
    tmp_path: Path,
) -> None:
    write_model(tmp_path / "b.onnx")
    settings = read_settings(["--models-folder", str(tmp_path)])
    before = Models.load(settings)
    write_model(tmp_path / "a.onnx")

    after = before.reloaded(settings)

    assert list(after.by_path) == [tmp_path / "a.onnx"]
    assert list(after.refused) == [tmp_path / "b.onnx"]


@pytest.mark.parametrize(
    ("streams", "exit_code"),
    [("2>&-", 2), ("2>/dev/full", 2), ("2> >(exec true)", 2), ("<&- >&- 2>&-", 2)],
)
def test_a_refusal_that_nobody_can_read_is_still_exit_code_2(
    streams: str, exit_code: int
) -> None:
    words = ("-m", "convert", "inspect", "no.onnx")
    result = shell(f'exec "$@" {streams}', *words)

    assert (result.returncode, result.stdout) == (exit_code, "")


def test_a_name_with_a_new_line_is_said_in_one() -> None:
    result = shell('exec "$@"', "-m", "convert", "inspect", "a\nrefused: b.onnx")

    assert (result.returncode, result.stderr) == (
        2,
        "refused: there is no file a\\nrefused: b.onnx: no file there ends in '.onnx'\n",
    )


@pytest.mark.parametrize("streams", ["2>&-", "<&-", ">&- 2>&-"])
def test_the_converter_needs_no_stream(streams: str, model: Path) -> None:
    result = shell(f'exec "$@" {streams}', "-m", "convert", "inspect", model)

    assert (result.returncode, result.stderr) == (0, "")


def test_an_output_in_ascii_shows_the_rest_and_is_json_for_programs() -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    words = ("-m", "convert", "inspect", "models/student_performance.onnx")
    shown = shell('exec "$@"', *words, **ascii_only)
    for_programs = shell('exec "$@"', *words, "--json", **ascii_only)
    whole = shell('exec "$@"', *words, "--json", PYTHONIOENCODING="utf-8")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\\xb1" in shown.stdout
    assert json.loads(for_programs.stdout) == json.loads(whole.stdout)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (MemoryError(), "there is too little memory; give the process more"),
        (
            ImportError("a.so: failed to map segment from shared object"),
            "there is too little memory; give the process more",
        ),
        (
            OSError("matplotlib: a temporary directory could not be created: MPL"),
            "no folder for temporary files can be written: name one in TMPDIR",
        ),
        (
            RuntimeError("can't start new thread"),
            "can't start new thread: let the process have more (ulimit -u, or the pids "
            "of its container), or more memory",
        ),
        (
            OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a.csv"),
            "a.csv: Too many open files: let the process open more (ulimit -n)",
        ),
        (
            OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
            "Resource temporarily unavailable: let the process have more (ulimit -u, or "
            "the pids of its container), or more memory",
        ),
    ],
)
def test_what_the_converter_lacks_is_said_with_its_remedy(
    fault: Exception, said: str
) -> None:
    with pytest.raises(Refusal) as refused, as_refusals():
        raise fault

    assert str(refused.value) == said


def test_another_fault_of_python_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"^a defect$"), as_refusals():
        raise RuntimeError("a defect")


@needs_namespaces
@outside_tmp
def test_without_a_folder_for_temporary_files_the_remedy_is_tmpdir() -> None:
    program = "import tempfile\nfrom convert.libraries import as_refusals\n" + (
        "with as_refusals(): tempfile.mkdtemp()"
    )
    within = (
        "unset TMPDIR TEMP TMP; cd /proc && for each in /tmp /var/tmp; do mount -t tmpfs "
        '-o ro none $each; done; exec "$@"'
    )
    place = f"exec unshare {NAMESPACES} bash -c '{within}' bash \"$@\""
    result = shell(place, "-c", program, PYTHONPATH=str(ROOT))

    assert result.stderr.splitlines()[-1] == (
        "convert.errors.Refusal: no folder for temporary files can be written: name one "
        "in TMPDIR"
    )


def test_a_disk_that_is_full_is_named_with_the_file_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    old = tmp_path / "a.onnx"
    old.write_bytes(b"old")
    key = tmp_path / "key.pem"
    for write, path in (
        (lambda: write_files({old: b"new"}), old),
        (lambda: make_key(key), key),
    ):
        with pytest.raises(Invalid) as refused, no_file_grows():
            write()
        assert str(refused.value) == f"{path} cannot be written: File too large"

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_device_and_a_link_to_nowhere_are_named_as_what_they_are(
    tmp_path: Path,
) -> None:
    device, loop, lost = (
        tmp_path / f"{name}.csv" for name in ("device", "loop", "lost")
    )
    device.symlink_to("/dev/zero")
    loop.symlink_to(loop)
    lost.symlink_to("nowhere.csv")
    said = []
    for path in (device, loop, lost):
        with pytest.raises(Refusal) as refused:
            check_input(path)
        said.append(str(refused.value))

    assert said == [
        f"{device} is a device, which has no end: name a file",
        f"{loop} is a link to {loop}, where there is no file: name another",
        f"{lost} is a link to nowhere.csv, where there is no file: name another",
    ]


def test_what_is_taken_from_behind_the_wall_takes_the_memory_of_its_bytes(
    tmp_path: Path,
) -> None:
    (tmp_path / "model").write_bytes(b"content")
    tracemalloc.start()
    try:
        content = take(tmp_path, "model", 2**30)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert content == b"content"
    assert most_bytes < 2**20
