"""Whenever the writing of a model is cut off, what is there is whole and belongs together."""

import errno
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from convert.__main__ import main
from convert.errors import Refusal
from convert.report.beside import MARK, check_card
from convert.report.files import HIDDEN
from server.model_file.content import read_signature
from server.models import Models, load_models
from server.settings import read_settings
from tests.killed import CARD, MODEL, NAMES, PICTURE, write
from tests.models import GOLDEN, make_model, make_signature
from tests.servers import ROOT

NEEDS_STRACE = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")

Files = Mapping[str, bytes]


def make_export(number: int, title: str = "Maths") -> dict[str, bytes]:
    """Return the files of an export whose model predicts `number` more than another."""
    golden = (replace(GOLDEN[0], predictions=(68.5 + number,)),)
    signature = make_signature(
        title=title, version=f"{number:012x}", golden_rows=golden
    )
    card = f"# {title} {number}\n\n![It](m.svg)\n\n{MARK}\n"
    return {
        MODEL: make_model(signature, 66.0 + number),
        CARD: card.encode(),
        PICTURE: f"<svg>{number}</svg>".encode(),
    }


@pytest.fixture(autouse=True)
def without_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no disk: there are a thousand runs here, and a kill is no power cut."""
    monkeypatch.setattr(os, "fsync", os.fstat)


OLD, NEW, NEWER = make_export(1), make_export(2), make_export(3)


def fill(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_everywhere(folder: Path, before: Files, new: Files) -> list[dict[str, bytes]]:
    """Return what is there after each kill, and last without one."""
    fill(folder / "before", before)
    fill(folder / "new", new)
    subprocess.run([sys.executable, "-m", "tests.killed", folder], cwd=ROOT, check=True)
    n_runs = len(list(folder.iterdir())) - 2
    return [files_in(folder / str(n + 1)) for n in range(n_runs)]


def card_of(files: Files) -> bytes:
    """Return what a person takes for the card of the model that is there."""
    card = files.get(CARD, b"")
    if not card.startswith(b"`python -m convert` was stopped while it wrote `m.onnx`"):
        return card
    digest = sha256(files.get(MODEL, b"")).hexdigest().encode()
    _, _, behind = card.partition(b"SHA-256 `" + digest + b"`\n\n")
    return behind.partition(b"\n# The card of the file")[0]


def is_whole(files: Files, *exports: Files) -> bool:
    """Whether a model, its card and its picture are of one export."""
    joined = files.get(CARD, b"").startswith(b"`python -m convert` was stopped")
    return any(
        files[MODEL] == export[MODEL]
        and card_of(files) == export.get(CARD, b"")
        and (joined or files.get(PICTURE) == export.get(PICTURE))
        for export in exports
    )


def distinct(states: list[dict[str, bytes]]) -> list[dict[str, bytes]]:
    """Return the states that differ in more than how much is written of a hidden file."""
    seen = {
        tuple(sorted((n, c) for n, c in state.items() if n in NAMES)): state
        for state in states
    }
    return list(seen.values())


def is_served(folder: Path) -> bool:
    settings = read_settings(["--models-folder", str(folder)], {})
    (model,) = load_models(settings.model_paths())
    model.close()
    return True


@pytest.mark.parametrize(
    "before",
    [OLD, {MODEL: OLD[MODEL]}, {name: OLD[name] for name in (MODEL, CARD)}],
    ids=["all", "model", "model and card"],
)
def test_a_kill_at_any_call_leaves_one_export_and_the_next_run_nothing_else(
    tmp_path: Path, before: Files
) -> None:
    states = kill_everywhere(tmp_path, before, NEW)

    assert len(states) > 60
    assert states[-1] == NEW
    for number, state in enumerate(states, 1):
        assert is_whole(state, before, NEW), f"call {number}"
        assert all(name in NAMES or HIDDEN.fullmatch(name) for name in state)
        write(tmp_path / str(number), NEWER)
        assert files_in(tmp_path / str(number)) == NEWER
    for number, state in enumerate(distinct(states)):
        assert is_served(fill(tmp_path / f"served-{number}", state))


def test_a_kill_of_the_first_run_leaves_no_card_that_is_not_of_the_model(
    tmp_path: Path,
) -> None:
    states = kill_everywhere(tmp_path, {}, NEW)

    assert states[-1] == NEW
    assert any(MODEL in state for state in states[:-1])
    for state in states:
        assert MODEL not in state or is_whole(state, NEW)


@pytest.mark.slow
def test_a_kill_of_the_run_that_follows_a_killed_one_leaves_one_export_too(
    tmp_path: Path,
) -> None:
    killed = distinct(kill_everywhere(tmp_path / "first", OLD, NEW))
    joined = [state for state in killed if b"was stopped" in state[CARD]]

    assert [is_whole(state, OLD) for state in joined] == [True, False, False]
    for number, before in enumerate(joined):
        states = kill_everywhere(tmp_path / str(number), before, NEWER)
        assert all(is_whole(state, OLD, NEW, NEWER) for state in states)
        assert states[-1] == NEWER
        cards = max(state[CARD].count(b"\n# The card of") for state in states)
        assert cards == 2


def test_models_of_one_graph_are_told_apart(tmp_path: Path) -> None:
    retold = make_export(1, title="Mathematics")

    states = kill_everywhere(tmp_path, OLD, retold)

    assert all(is_whole(state, OLD, retold) for state in states)


def test_a_text_that_is_no_card_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / CARD
    path.write_text("# My notes\n")

    with pytest.raises(Refusal, match=r"m\.md would be replaced by the model's card"):
        check_card(path)


@pytest.mark.parametrize("before", [OLD, {}], ids=["over", "first"])
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_call_that_fails_once_changes_nothing_and_more_often_parts_no_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, before: Files
) -> None:
    real, n_calls = getattr(os, call), itertools.count(1)
    failing = range(0)

    def called(*arguments: Any, **options: Any) -> Any:
        if next(n_calls) in failing:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, called)
    write(fill(tmp_path / "counted", before), NEW)
    numbers = range(1, next(n_calls))

    for number, last in itertools.product(numbers, (0, 1, 2, 1000)):
        folder = fill(tmp_path / f"{number}-{last}", before)
        n_calls, failing = itertools.count(1), range(number, number + 1 + last)
        with pytest.raises((Refusal, OSError), match="Read-only file system"):
            write(folder, NEW)
        state = files_in(folder)
        assert last or state == before
        assert MODEL not in state or is_whole(state, *filter(None, [before]), NEW)
    assert len(numbers) >= 4


def test_a_server_takes_nothing_of_a_killed_run_for_a_model(tmp_path: Path) -> None:
    folder = fill(tmp_path / "models", OLD)
    settings = read_settings(["--models-folder", str(folder)], {})
    before = Models.load(settings)
    (folder / ".pinion-0123456789abcdef").write_bytes(NEW[MODEL])

    settled = before.reloaded(settings)
    (folder / MODEL).write_bytes(NEW[MODEL])
    after = settled.reloaded(settings)

    for models, files in ((before, OLD), (settled, OLD), (after, NEW)):
        (model,) = models.by_path.values()
        assert model.signature.sha256 == read_signature(files[MODEL]).sha256
        assert (models.refused, list(models.stamps)) == ({}, [folder / MODEL])


def test_a_card_of_another_version_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, card = tmp_path / MODEL, tmp_path / CARD
    model.write_bytes(OLD[MODEL])
    said = []

    for text in ("000000000001", "000000000002", ""):
        card.write_text(f"version `{text}`\n{MARK if text else ''}\n")
        for command in ("inspect", "verify"):
            assert main([command, str(model)]) == 0
            said.append("is not the card" in capsys.readouterr().err)

    assert said == [False, False, True, True, False, False]


PROGRAM = """
import shutil, sys
from pathlib import Path
from convert.__main__ import main
from convert.commands import export

def work(arguments, folder, *_):
    shutil.copy("made/m.onnx", folder / export.MODEL)
    shutil.copy("made/m.md", folder / export.CARD)
    return "wrote it"

export.work_behind_wall = work  # seconds of calls that write nothing outside
Path("/here-it-begins").exists()
sys.exit(main("export p.joblib --sample rows.csv --output models/m.onnx".split()))
"""
CALL = re.compile(r"(\w+)\(")
EXPORT, OTHER = ({n: each[n] for n in (MODEL, CARD)} for each in (OLD, NEW))


def strace(folder: Path, *inject: str) -> "subprocess.CompletedProcess[str]":
    """Run the program on a model that is there, with its calls in a log."""
    shutil.rmtree(folder, ignore_errors=True)
    fill(folder / "models", EXPORT)
    fill(folder / "made", OTHER)
    (folder / "tmp").mkdir()
    options = ["-y", "-o", "log", "-e", "trace=%file,%desc", *inject]
    variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
    return subprocess.run(
        ["strace", *options, sys.executable, "-BP", "-c", PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        env=variables | {"PYTHONHASHSEED": "0", "PATH": os.environ["PATH"]},
    )


def calls_of(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield each call behind the mark: its name, the how manieth it is, and its line."""
    counts: Counter[str] = Counter()
    has_begun = False
    for line in (folder / "log").read_text(errors="replace").splitlines():
        if call := CALL.match(line):
            counts[call[1]] += 1
            if has_begun:
                yield call[1], counts[call[1]], line
            has_begun = has_begun or "/here-it-begins" in line


@NEEDS_STRACE
@pytest.mark.slow
@pytest.mark.external
def test_a_kill_at_any_system_call_of_export_leaves_one_export(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert strace(folder).returncode == 0
    calls = list(calls_of(folder))
    states = []
    for name, count, line in calls:
        run = strace(folder, "-e", f"inject={name}:signal=SIGKILL:when={count}")
        assert run.returncode == -9, (line, run.stderr)
        state = files_in(folder / "models")
        assert is_whole(state, EXPORT, OTHER), line
        states.append(state)
        write(folder / "models", OTHER)
        assert files_in(folder / "models") == OTHER

    assert {name for name, _, _ in calls} >= {"write", "fsync", "rename", "flock"}
    assert len(distinct(states)) == 4  # the old, two with both cards, and the new
    for number, state in enumerate(distinct(states)):
        assert is_served(fill(tmp_path / f"served-{number}", state))
    sys.stdout.write(f"{len(states)} kills\n")


@NEEDS_STRACE
@pytest.mark.slow
@pytest.mark.external
@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ENOSPC", "No space left on device"),
        ("EIO", "Input/output error"),
        ("EROFS", "Read-only file system"),
    ],
)
def test_a_fault_of_the_disk_is_one_sentence_and_changes_nothing(
    tmp_path: Path, error: str, said: str
) -> None:
    folder = tmp_path / "run"
    assert strace(folder).returncode == 0
    calls = [
        (name, count, line)
        for name, count, line in calls_of(folder)
        if "models" in line
        and (name in ("write", "fsync", "rename") or "O_CREAT" in line)
    ]
    for name, count, line in calls:
        run = strace(folder, "-e", f"inject={name}:error={error}:when={count}")
        assert (run.returncode, run.stdout) == (2, ""), line
        assert re.fullmatch(f"refused: .*m.* cannot be written: {said}\n", run.stderr)
        assert files_in(folder / "models") == EXPORT, line

    assert Counter(name for name, _, _ in calls) == {
        "openat": 3,
        "write": 3,
        "fsync": 6,
        "rename": 3,
    }
    sys.stdout.write(f"{len(calls)} faults of {error}\n")
