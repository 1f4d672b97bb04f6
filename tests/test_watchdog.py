"""Runs that do not end by themselves are ended, or end the process."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.model import Model, UnservableModel
from server.runtime import watchdog
from server.runtime.session import RuntimeFault, RunTooLong, Session, Tensor
from server.runtime.watchdog import GRACE_SECONDS, WATCHDOG, Watchdog, Watched
from tests.hostile_models import make_loop, make_quadratic, make_slow
from tests.models import make_model
from tests.servers import ROOT, running_server

FOR_EVER = Tensor([2**62], (1,))


class Told(Watched):
    """What can be told to end, and counts how often it was."""

    n_times = 0

    def tell(self) -> bool:
        self.n_times += 1
        return True


def make_watchdog(seconds: int) -> tuple[Watchdog, list[int]]:
    """Return one that nobody else looks at, and where it says that it would exit."""
    left: list[int] = []
    looking = Watchdog(left.append)
    looking.seconds = seconds
    return looking, left


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the watchdog of this process end what takes longer than a second."""
    monkeypatch.setattr(WATCHDOG, "seconds", 1)
    over = threading.Event()

    def look_on() -> None:
        while not over.wait(0.1):
            WATCHDOG.look()

    looking = threading.Thread(target=look_on)
    looking.start()
    yield
    over.set()
    looking.join()


def test_a_run_is_told_once_its_time_is_over_and_not_before() -> None:
    looking, left = make_watchdog(3)
    run = Told("a run", looking)
    run.started, run.is_kept = looking.now, True

    found = []
    for _ in range(5):
        looking.look()
        found.append((run.n_times, run.is_kept))

    assert found == [(0, True), (0, True), (0, True), (1, False), (2, False)]
    assert left == []


def test_a_run_that_does_not_listen_ends_the_process(
    capfd: pytest.CaptureFixture[str],
) -> None:
    looking, left = make_watchdog(3)
    run = Told("a run of a.onnx", looking)
    run.started = looking.now

    for _ in range(3 + GRACE_SECONDS):
        looking.look()
    assert left == []
    looking.look()

    assert left == [1]
    assert capfd.readouterr().err == (
        "error: a run of a.onnx took longer than 3 s (--run-seconds or "
        "PINION_RUN_SECONDS) and did not end within 5 s after it was told to: the "
        "process ends\n"
    )


def test_what_cannot_be_told_ends_the_process_at_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    looking, left = make_watchdog(2)
    opening = Watched("to open a.onnx", looking)
    opening.started = looking.now

    for _ in range(3):
        looking.look()

    assert left == [1]
    assert capfd.readouterr().err == (
        "error: to open a.onnx took longer than 2 s (--run-seconds or "
        "PINION_RUN_SECONDS): the process ends\n"
    )


def test_what_rests_or_is_gone_is_not_looked_at() -> None:
    looking, left = make_watchdog(1)
    resting, gone = Told("a run", looking), Told("another", looking)
    gone.started = looking.now
    del gone

    for _ in range(20):
        looking.look()

    assert (resting.n_times, left, len(looking._watched)) == (0, [], 1)


def test_a_run_that_ends_while_it_is_judged_is_not_told() -> None:
    """Nor the next one of the same size, which the run in its place would be."""
    looking, left = make_watchdog(1)

    class Ending(Told):
        """Ends, and starts once more, between the two looks at it."""

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "is_kept" and self.started:
                super().__setattr__("started", looking.now)

    run = Ending("a run", looking)
    run.started = looking.now
    for _ in range(2):
        looking.look()

    assert (run.n_times, left) == (0, [])


def test_without_a_start_nothing_is_over_time() -> None:
    looking = Watchdog()
    run = Told("a run", looking)
    run.started = looking.now

    for _ in range(100):
        looking.look()

    assert run.n_times == 0


def test_one_thread_looks_however_often_it_is_started() -> None:
    before = threading.active_count()
    looking = Watchdog()

    for seconds in (5, 7):
        looking.start(seconds)

    assert threading.active_count() == before + 1
    assert (looking.is_over(-6), looking.is_over(-7)) == (False, True)
    while looking.now == 1:  # until it has looked
        time.sleep(0.05)


@pytest.mark.usefixtures("one_second")
def test_a_loop_that_an_input_keeps_turning_is_ended() -> None:
    with Session(make_loop(), "a.onnx") as session:
        with pytest.raises(RunTooLong) as fault:
            session.run(["y"], {"x": FOR_EVER})

        assert str(fault.value) == (
            "a run of a.onnx took longer than 1 s (--run-seconds or PINION_RUN_SECONDS)"
        )
        assert session.run(["y"], {"x": Tensor([7], (1,))}) == [Tensor([7], (1,))]


@pytest.mark.usefixtures("one_second")
def test_the_next_run_of_the_same_size_is_another() -> None:
    with Session(make_loop()) as session:
        for _ in range(2):
            assert session.predict(["y"], [[7]], 1) == [Tensor([7], (1,))]
            with pytest.raises(RunTooLong):
                session.predict(["y"], [[2**62]], 1)
            assert session._idle == {}


@pytest.mark.usefixtures("one_second")
def test_a_run_in_another_thread_goes_on() -> None:
    with Session(make_loop()) as session, Session(make_model()) as other:
        columns: list[list[Any]] = [["male"], ["standard"], [80.0]]
        ended: list[str] = []

        def run_for_ever() -> None:
            try:
                session.run(["y"], {"x": FOR_EVER})
            except RunTooLong as fault:
                ended.append(str(fault))

        running = threading.Thread(target=run_for_ever)
        running.start()
        while running.is_alive():
            assert other.predict(["prediction"], columns, 1)[0].values == [81.0]

    assert len(ended) == 1


def test_a_run_of_before_in_a_traceback_is_no_run() -> None:
    """An exception keeps the run alive that it came from."""
    with Session(make_loop()) as session:
        with pytest.raises(RuntimeFault, match="Loop") as fault:
            session.predict(["y"], [[1, 2]], 2)

        kept = [each() for each in WATCHDOG._watched]

        assert fault.value.__traceback__ is not None
        assert kept
        assert all(each is None or each.started == 0 for each in kept)


def run_program(program: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
    )


OPEN = """\
import sys
from pathlib import Path
from server.runtime import watchdog
from server.model import Model
watchdog.GRACE_SECONDS = 0
watchdog.WATCHDOG.start(1)
Model.load(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("is_folded", "said"),
    [
        (True, "to open {path} took longer than 1 s ({setting})"),
        (
            False,
            "a run of {path} took longer than 1 s ({setting}) and did not end within 0 s "
            "after it was told to",
        ),
    ],
)
def test_what_does_not_end_when_it_is_told_is_one_sentence_and_exit_code_1(
    tmp_path: Path, is_folded: bool, said: str
) -> None:
    """One operator of seconds that never asks, and constants folded at the load."""
    path = tmp_path / "a.onnx"
    path.write_bytes(make_slow(40 if is_folded else 1, 5000, is_folded))

    ended = run_program(OPEN, path)

    sentence = said.format(path=path, setting=watchdog.SETTING)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        f"error: {sentence}: the process ends\n",
    )


def test_golden_rows_over_time_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "GRACE_SECONDS", 100)
    path = tmp_path / "a.onnx"
    path.write_bytes(make_slow(60, 1000))
    monkeypatch.setattr(WATCHDOG, "seconds", None)
    WATCHDOG.start(1)

    with pytest.raises(UnservableModel) as refusal:
        Model.load(path)

    assert str(refusal.value) == (
        f"{path}: its golden rows take longer than 1 s; serve a smaller model, or choose "
        "more with --run-seconds or PINION_RUN_SECONDS"
    )


def test_a_request_that_takes_too_long_is_told_so_and_the_next_one_is_answered(
    tmp_path: Path,
) -> None:
    """It costs as much as the number of its rows says, squared."""
    path = tmp_path / "a.onnx"
    path.write_bytes(make_quadratic(60, 4000))
    with running_server(path, "--run-seconds", "1") as served:
        rows = [{"reading score": 80.0}] * 900
        slow = httpx.post(f"{served.url}/predict", json=rows, timeout=100)
        quick = httpx.post(f"{served.url}/predict", json=rows[0], timeout=100)
        served.process.terminate()

        assert slow.json() == {
            "type": "/problems/overloaded",
            "title": "The server is busy",
            "status": 503,
            "detail": "A run took longer than 1 s; fewer rows take less.",
        }
        assert (slow.status_code, slow.headers["retry-after"]) == (503, "1")
        assert quick.json() == {"prediction": 80.0}
        assert served.process.wait(timeout=20) == 0
