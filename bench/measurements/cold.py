"""`python -m bench cold`: what a function of AWS Lambda weighs, and its first answer.

Every function is a fresh process on the same core that answers one event of a function
URL, in interleaved rounds. Python's byte-code is there already, which the others have
not on Lambda's disk unless it is in their zip.
"""

import argparse
import json
import os
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.arguments import add_model, add_output, add_table, count, names
from bench.errors import Refusal
from bench.figures.rounds import Figures, run_rounds, text_spread, write_json
from bench.subjects.answer import KnownRequest
from bench.subjects.contender import BUILD, FUNCTIONS, Contender, read_contenders
from bench.subjects.machine import describe_run
from bench.subjects.program import choose_cores, clean_environment, pinned
from bench.subjects.sklearn_pipeline import write_pipeline
from deploy.aws.function.build import build
from server.model import Model

OUTPUT = Path("bench/results/cold.json")
ARCHITECTURE = "x86_64"
LARGEST_UNPACKED_MB = 250
"""Of a zip on AWS Lambda: docs.aws.amazon.com, Lambda quotas, November 2026."""

TIMEOUT_S = 120
NOT_OF_A_ZIP = {"pip", "__pycache__", ".bin"}


@dataclass(frozen=True)
class Subject:
    """A function as it is started here.

    Parameters
    ----------
    files
        Of its zip: sizes are theirs.
    """

    contender: Contender
    environment: Mapping[str, str]
    files: Sequence[Path]


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    core, _ = choose_cores()
    with TemporaryDirectory(prefix="cold-") as name:
        folder = Path(name)
        question = ask(options.model)
        event = folder / "event.json"
        event.write_text(json.dumps(as_event(question.body)))
        subjects = _prepare(options, folder)
        sizes = {each.contender.name: measure_size(each.files) for each in subjects}
        figures = run_rounds(
            {
                each.contender.name: _measuring(
                    each, options.model, event, question, core
                )
                for each in subjects
            },
            options.rounds,
        )
    result = {
        **describe_run(),
        "core": core,
        "labels": {each.contender.name: each.contender.label for each in subjects},
        "requirements": {
            each.contender.name: each.contender.requirements for each in subjects
        },
        "sizes": sizes,
        "figures": figures,
    }
    write_json(options.output, result)
    return tabulate(result)


def ask(path: Path) -> KnownRequest:
    """Return the first golden row of a model, and its prediction."""
    model = Model.load(path)
    signature = json.loads(json.dumps(model.signature, default=_plain))
    model.close()
    return KnownRequest.take(signature)


def _plain(thing: Any) -> Any:
    return {name: getattr(thing, name) for name in thing.__struct_fields__}


def as_event(body: bytes) -> dict[str, Any]:
    """Return the event of a function URL that posts a body."""
    return {
        "version": "2.0",
        "rawPath": "/predict",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST", "path": "/predict", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def _prepare(options: argparse.Namespace, folder: Path) -> list[Subject]:
    subjects = []
    for contender in read_contenders(options.only, FUNCTIONS):
        if contender.needs_pipeline and options.table is None:
            raise Refusal(f"{contender.name} serves scikit-learn: give --table")
        contender.install()
        given = {"BENCH_MODEL": str(options.model.resolve())}
        if contender.needs_pipeline:
            given["BENCH_PIPELINE"] = str(BUILD / "pipeline.pkl")
            write_pipeline(options.table, BUILD / "pipeline.pkl")
        if contender.requirements:
            root = contender.packages
        else:
            root = folder / "function"
            _unpack(options.model, folder / "function.zip", root)
            given |= {"PYTHONPATH": str(root), "LAMBDA_TASK_ROOT": str(root)}
        subjects.append(Subject(contender, given, _files(root)))
    return subjects


def _unpack(model: Path, archive: Path, root: Path) -> None:
    build([model], archive, ARCHITECTURE)
    with zipfile.ZipFile(archive) as file:
        file.extractall(root)


def _files(root: Path) -> list[Path]:
    """Return what would be in a zip; our own has its byte-code with it."""
    return [
        path
        for path in root.rglob("*")
        if path.is_file()
        and (
            root.name == "function"
            or NOT_OF_A_ZIP.isdisjoint(path.relative_to(root).parts)
        )
    ]


def measure_size(files: Iterable[Path]) -> dict[str, float]:
    """Return the megabytes of files, as they are and each compressed for itself."""
    unpacked = zipped = 0
    for path in files:
        content = path.read_bytes()
        unpacked += len(content)
        zipped += len(zlib.compress(content, 9))
    return {"zip_mb": round(zipped / 1e6, 1), "unpacked_mb": round(unpacked / 1e6, 1)}


def _measuring(
    subject: Subject, model: Path, event: Path, question: KnownRequest, core: int
) -> Callable[[], Figures]:
    command = subject.contender.fill_command(model, event=event)
    environment = {**clean_environment(), **subject.environment}
    return lambda: measure(command, environment, question, core)


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    question: KnownRequest,
    core: int,
) -> Figures:
    """Start a function, check its answer, and return what that took.

    Returns
    -------
    ``cpu_ms`` of user and kernel mode from the start of the process to its end, and
    ``peak_mib``, the most memory that it had until it had answered (VmHWM).

    Raises
    ------
    Refusal
        If it ends without an answer or before its memory was read, or answers something
        else.
    """
    with pinned(core):
        process = subprocess.Popen(  # noqa: S603 - from a file of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment},
        )
    assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018
    with process.stdin, process.stdout, process.stderr:
        answer = process.stdout.readline()
        peak_kib = _peak_kib(process.pid) if answer else 0
        process.stdin.close()
        said = process.stderr.read()[-500:].decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if not peak_kib:
        raise Refusal(f"`{' '.join(command)}` gave no answer; it said: {said}")
    question.check(command[0], answer)
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"cpu_ms": cpu_s * 1000, "peak_mib": peak_kib / 1024}


def _peak_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    # a program that has ended has none
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) if peaks else 0


def tabulate(result: Mapping[str, Any]) -> str:
    """Return sizes, medians and ranges as text."""
    lines = [
        f"{'':<34}{'zip, MB':>9}{'unpacked':>10}"
        f"{'CPU to the first answer, ms':>32}{'peak memory, MiB':>26}"
    ]
    for name, label in result["labels"].items():
        size, figures = result["sizes"][name], result["figures"][name]
        mark = "" if size["unpacked_mb"] <= LARGEST_UNPACKED_MB else "*"
        lines.append(
            f"{label:<34}{size['zip_mb']:>9.1f}{size['unpacked_mb']:>9.1f}{mark or ' '}"
            f"{text_spread(figures['cpu_ms']):>32}{text_spread(figures['peak_mib']):>26}"
        )
    lines.append(f"* no zip: more than {LARGEST_UNPACKED_MB} MB, it needs an image")
    return "\n".join(lines)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench cold",
        description="Compare functions of AWS Lambda: the size of their zip, and CPU and "
        "memory from a fresh process to the first answer. Installs each of them under "
        "build/contest on its first run.",
        epilog="example: python -m bench cold --only pinion,fastapi_onnxruntime "
        "--rounds 3",
    )
    add = parser.add_argument
    add_model(parser)
    add("--only", type=names, default=[], metavar="NAME,…", help="default: all")
    add("--rounds", type=count, default=7, metavar="N", help="default: 7")
    add_table(parser)
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
