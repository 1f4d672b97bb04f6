"""Hostile files, each given to the real command as a stranger would give it.

`python -m tests.hostile` runs all of them, or those whose name has a word that it is
given, and prints what came of each: refused with its sentence, or a fault. None of
them is ever loaded in this process, and none does more than to leave a marker.
"""

import argparse
import functools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests import (  # noqa: F401 - each adds to the list
    hostile_archives,
    hostile_lengths,
    hostile_names,
    hostile_states,
    hostile_streams,
)
from tests.hostile_file import HOSTILE, Hostile, sample
from tests.servers import ROOT
from tests.trials import Judge, Trial, try_all

LIMIT_S = 600
"""Much more than any of them may take: a test may run beside others."""

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal may obey."""

TRUST = re.compile(r"add --trust ([^,:]*)")


@dataclass
class Outcome:
    """What the command did with one file."""

    code: int
    said: str
    faults: list[str] = field(default_factory=list)
    cpu_s: float = 0.0
    memory_mib: float = 0.0

    @property
    def word(self) -> str:
        if self.faults:
            return ", ".join(self.faults)
        return "refused" if self.code == 2 else "harmless"

    @property
    def sentence(self) -> str:
        lines = self.said.strip().splitlines()
        return lines[-1] if lines else ""


def run(file: Hostile, folder: Path) -> Outcome:
    """Give one file to `python -m convert export`, in a folder of its own."""
    marker = folder / "marker"
    words = _prepared(file, folder, marker)
    before = _tree(folder)
    outcome = _command(words, folder)
    outcome.faults += _faults(outcome, marker)
    allowed = {"out/model.onnx", "out/model.md"} if outcome.code == 0 else set()
    if written := _tree(folder) - before - allowed - {"marker"}:
        outcome.faults.append(f"wrote {', '.join(sorted(written))}")
    return outcome


def _prepared(file: Hostile, folder: Path, marker: Path) -> list[str]:
    for name in ("out", "tmp", "home", "work"):
        (folder / name).mkdir()
    (folder / "pipeline.pkl").write_bytes(file.build(marker))
    sample(file.rows).to_csv(folder / "rows.csv", index=False)
    return [
        *(sys.executable, "-m", "convert", "export", str(folder / "pipeline.pkl")),
        *("--sample", str(folder / "rows.csv")),
        *("--output", str(folder / "out/model.onnx"), "--cache", str(folder / "cache")),
    ]


def _command(words: list[str], folder: Path) -> Outcome:
    """Run it to its end, and count its CPU and its memory, its children's too."""
    variables = {
        **os.environ,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        # no environment of a version is made for a stranger's file
        "PIP_INDEX_URL": "http://127.0.0.1:9",
        "PIP_RETRIES": "0",
        "UV_OFFLINE": "1",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        ended = subprocess.run(
            words,
            cwd=folder / "work",
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode(errors="replace")
        return Outcome(-1, said, [f"hangs for more than {LIMIT_S} s"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = ended.stderr.decode(errors="replace")
    return Outcome(ended.returncode, said, cpu_s=cpu_s)


def _faults(outcome: Outcome, marker: Path) -> Iterator[str]:
    if marker.exists():
        yield "RAN CODE"
    if outcome.code < 0 and not outcome.faults:
        yield f"died of signal {-outcome.code}"
    elif outcome.code not in (0, 2, -1):
        yield f"exit code {outcome.code}"
    if "Traceback" in outcome.said:
        yield "traceback"
    refusals = re.findall("^refused: ", outcome.said, re.MULTILINE)
    if outcome.code == 2 and len(refusals) != 1:
        yield f"{len(refusals)} sentences"
    if outcome.code == 2 and not outcome.sentence.startswith("refused: "):
        yield "says more behind the sentence"
    if CONTROL.search(outcome.said):
        yield "sends control characters"
    if len(outcome.sentence) > MAX_SENTENCE:
        yield f"a sentence of {len(outcome.sentence)} characters"
    for offered in TRUST.findall(outcome.sentence):
        if not re.fullmatch(r"[\w.]+( --trust [\w.]+)*", offered):
            yield "offers text of the file for pasting"


MAX_SENTENCE = 1000


def make(index: int, folder: Path) -> Judge:
    """Write the file of an index, and return what converts it in this process."""
    file = list(HOSTILE.values())[index]
    path, rows = folder / "pipeline", folder / "rows.csv"
    path.write_bytes(file.build(folder / "marker"))
    sample(file.rows).to_csv(rows, index=False)
    return functools.partial(_convert, path, rows)


def _convert(path: Path, rows: Path) -> str:
    from convert.conversion import convert
    from convert.fitted.sample import read_sample
    from convert.saved.load import load_pipeline
    from convert.tables.description import Description

    pipeline = load_pipeline(path)
    sampled = read_sample(rows, pipeline, [])
    convert(pipeline, sampled, [], Description(name="model"))
    return "harmless"


def try_files(files: Sequence[Hostile]) -> Iterator[tuple[Hostile, Trial]]:
    """Give files to the converter without its command and its wall, in children."""
    listed = list(HOSTILE.values())
    indices = [listed.index(file) for file in files]
    for trial in try_all(indices, make):
        yield listed[trial.index], trial


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def chosen(words: Sequence[str]) -> list[Hostile]:
    """Return the files whose name or kind has one of the words; all without any."""
    return [
        file
        for file in HOSTILE.values()
        if not words or any(word in f"{file.kind}: {file.name}" for word in words)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("words", nargs="*", help="in the name or kind of a file")
    parser.add_argument("--part", default="1/1", help="I/N: only that part of the list")
    parser.add_argument("--bare", action="store_true", help="without command and wall")
    options = parser.parse_args()
    if options.bare:
        return report_bare(chosen(options.words))
    part, n_parts = map(int, options.part.split("/"))
    kinds: dict[str, Counter[str]] = {}
    slowest: list[tuple[float, str]] = []
    n_faults = 0
    for file in chosen(options.words)[part - 1 :: n_parts]:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            outcome = run(file, Path(folder))
        wall_s = time.monotonic() - start
        n_faults += bool(outcome.faults)
        word = outcome.word if not outcome.faults else "FAULT"
        kinds.setdefault(file.kind, Counter())[word] += 1
        slowest.append((outcome.cpu_s, file.name))
        sys.stdout.write(
            f"{outcome.word:10} {outcome.cpu_s:6.1f} s CPU {wall_s:6.1f} s  "
            f"{file.kind}: {file.name}\n           {outcome.sentence[:300]!r}\n"
        )
        sys.stdout.flush()
    for kind, counts in kinds.items():
        said = ", ".join(f"{n} {word}" for word, n in sorted(counts.items()))
        sys.stdout.write(f"{kind}: {said}\n")
    for cpu_s, name in sorted(slowest, reverse=True)[:5]:
        sys.stdout.write(f"{cpu_s:.1f} s of CPU: {name}\n")
    sys.stdout.write(f"{n_faults} of {len(slowest)} at fault\n")
    return int(n_faults > 0)


def report_bare(files: Sequence[Hostile]) -> int:
    """Print what comes of files where nothing stands between them and the machine."""
    from tests.fuzz_saved import warm_up

    warm_up()
    counts: Counter[str] = Counter()
    for file, trial in try_files(files):
        counts[trial.word] += 1
        said = f"{trial.word:10} {file.kind}: {file.name}\n           {trial.said[:300]!r}\n"
        sys.stdout.write(said)
        sys.stdout.flush()
    sys.stdout.write(f"{dict(counts)}\n")
    return int(any(word not in ("refused", "harmless") for word in counts))


if __name__ == "__main__":
    sys.exit(main())
