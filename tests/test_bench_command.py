import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from bench.__main__ import main
from tests.standin import serve

QUICK = ["--duration", "0.3", "--warm-up", "0", "--connections", "2"]


def run_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_json_holds_every_figure() -> None:
    with serve() as (url, _):
        run = run_bench(url, *QUICK, "--rate", "100", "--json")

    outcome = json.loads(run.stdout)
    histogram = HdrHistogram.decode(outcome.pop("histogram_ns"))
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert histogram.get_total_count() == outcome["n_requests"] == 30
    assert list(outcome) == [
        "date",
        "command",
        "commit",
        "machine",
        "model",
        "model_version",
        "rows_per_request",
        "form",
        "seed",
        "url",
        "loop",
        "connections",
        "rate",
        "duration_s",
        "warm_up_s",
        "timeout_s",
        "is_interrupted",
        "n_requests",
        "requests_per_second",
        "latency_ms",
        "n_errors",
        "errors",
        "client",
        "limits",
    ]


def test_a_run_with_errors_shows_them_and_exits_with_1() -> None:
    with serve("fail") as (url, _):
        run = run_bench(url, *QUICK)

    assert run.returncode == 1
    assert "(HTTP 503: " in run.stdout


def test_two_runs_are_compared_and_drawn(tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    picture = tmp_path / "change.svg"
    with serve() as (url, _):
        for path in (before, after):
            path.write_text(run_bench(url, *QUICK, "--rows", "3", "--json").stdout)

    run = run_bench("--compare", str(before), str(after), "--picture", str(picture))

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0].split() == ["before", "after", "after/before"]
    assert picture.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "http://127.0.0.1:1",
            "nothing listens on 127.0.0.1:1: start the server first "
            "(python -m server --port 1), or correct the address",
        ),
        (
            "localhost:8080",
            "'localhost:8080' is no address that can be measured: "
            "give one such as http://localhost:8080",
        ),
        (
            "http://localhost:80800",
            "'http://localhost:80800' has no usable port: Port out of range 0-65535",
        ),
    ],
)
def test_an_address_that_cannot_be_measured_is_refused(
    url: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([url]) == 2

    assert capsys.readouterr().err == f"bench: {sentence}\n"


def test_an_address_with_a_path_too_many_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve() as (url, _):
        status = main([f"{url}/predict"])

    assert status == 2
    assert capsys.readouterr().err == (
        f"bench: GET {url}/predict/models answered 404 without a model's JSON: this is "
        "no Pinion server, or its address has another path (usually it has none, as in "
        f"{url})\n"
    )


def test_a_server_that_refuses_our_rows_is_not_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve("refuse") as (url, _):
        status = main([url])

    assert status == 2
    assert capsys.readouterr().err == (
        f"bench: POST {url}/predict answered 422 to a row made from the server's own "
        "signature, so there is nothing to measure; it said: "
        '{"title": "Rows do not match", "detail": "\'lunch\' is not known"}\n'
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read as a run's JSON: Expecting property name"),
        ("{}", "is no run of the bench: write one with"),
    ],
)
def test_a_file_that_is_no_run_is_refused(
    content: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(content)

    assert main(["--compare", str(path), str(path)]) == 2

    assert capsys.readouterr().err.startswith(f"bench: {path} {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give the server's address, or two files to --compare"),
        (["http://localhost", "--rate", "0"], "0 is not more than 0"),
        (["http://localhost", "--duration", "inf"], "inf is no finite number"),
        (["http://localhost", "--rows", "0"], "0 is less than 1"),
        (["http://localhost", "--picture", "no/a.svg"], "there is no folder no"),
        (["http://localhost", "--picture", "a.gif"], "a.gif ends neither in .svg nor"),
    ],
)
def test_a_wrong_argument_is_named(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_ctrl_c_ends_a_run_early_with_what_was_measured() -> None:
    with serve() as (url, _):
        command = [sys.executable, "-m", "bench", url, "--duration", "600"]
        ours, theirs = os.openpty()
        bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
        while b" 2." not in os.read(ours, 65536):  # seconds of the progress line
            pass
        bench.send_signal(signal.SIGINT)
        output, _ = bench.communicate(timeout=60)
    for end in (ours, theirs):
        os.close(end)

    assert bench.returncode == 130
    assert b"errors                     0" in output
    assert re.search(rb"note: interrupted after \d+\.\d of 600 s", output)


def test_ctrl_c_in_a_whole_measurement_writes_nothing(tmp_path: Path) -> None:
    output = tmp_path / "startup.json"
    command = [sys.executable, "-m", "bench", "startup", "--predictions", "1000000000"]
    bench = subprocess.Popen(
        [*command, "--output", str(output)], stderr=subprocess.PIPE, text=True
    )
    assert bench.stderr is not None
    assert bench.stderr.readline() == "warm-up: server\n"
    time.sleep(2)  # it is predicting now
    bench.send_signal(signal.SIGINT)
    _, said = bench.communicate(timeout=30)

    assert (bench.returncode, said) == (
        130,
        "bench: interrupted, nothing was written\n",
    )
    assert not output.exists()


def test_a_python_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    output = str(tmp_path / "startup.json")
    command = [sys.executable, "-m", "bench", "startup", "--python", "/nowhere/python"]
    ended = subprocess.run(
        [*command, "--output", output], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr == "bench: /nowhere/python: No such file or directory\n"


def test_progress_is_shown_on_a_terminal_only() -> None:
    ours, theirs = os.openpty()
    with serve() as (url, _):
        command = [sys.executable, "-m", "bench", url, *QUICK]
        subprocess.run(command, stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)

    assert " requests  0 errors" in os.read(ours, 65536).decode()
    os.close(ours)
