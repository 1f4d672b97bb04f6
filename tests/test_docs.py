"""What the documents show is run, section by section; what they list is complete."""

import csv
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import joblib
import msgspec
import pytest

from convert.description import read_description
from convert.regressors import make_candidate
from convert.verify import open_model
from server.settings import SETTINGS
from tests.servers import ROOT, running_server
from tests.students import make_students

README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHIPPED = ROOT / "models" / "student_performance.onnx"
URL = "http://localhost:8080"

needs_students = pytest.mark.skipif(
    "STUDENTS_CSV" not in os.environ, reason="STUDENTS_CSV names no table"
)


class Example(NamedTuple):
    """A block of shell commands, and the JSON or text that is shown after it."""

    commands: str
    kind: str = ""
    shown: str = ""


def section(document: Path, title: str) -> str:
    """Return what stands below a heading."""
    _, _, below = document.read_text("utf-8").partition(f"# {title}\n")
    return below.partition("\n#")[0]


def examples(text: str) -> Iterator[Example]:
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    for (language, commands), (kind, shown) in pairwise([*blocks, ("", "")]):
        if language == "sh":
            is_output = kind in ("json", "text")
            yield Example(commands, *((kind, shown) if is_output else ()))


def run(commands: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run commands as a newcomer does, in a checkout with its environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = f"set -euo pipefail\n{commands}"
    # what the make above these tests tells a make below it
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MF"))
    }
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=inherited | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def check(example: Example, folder: Path, url: str) -> None:
    """Run an example against the server at `url`; it gives what the document shows."""
    ended = run(shorten(example.commands).replace(URL, url), folder)
    if example.kind == "json":
        assert msgspec.json.decode(ended.stdout) == msgspec.json.decode(example.shown)
    for line in example.shown.splitlines() if example.kind == "text" else ():
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert re.search(f"^{pattern}$", ended.stdout + ended.stderr, re.MULTILINE)


def shorten(commands: str) -> str:
    """Return the same commands with less to measure."""
    commands = commands.replace(" --duration 10", "").replace(
        f"bench {URL}", f"bench {URL} --duration 0.5 --warm-up 0.1"
    )
    return commands.replace("convert compare ", "convert compare --trials 1 ")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder that has what the repository has, and may be written to."""
    for path in ROOT.iterdir():
        if path.name != "build":
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.external
def test_the_answers_of_the_readme_are_those_of_the_server(checkout: Path) -> None:
    shown = list(examples(section(README, "Ask for a prediction")))

    assert [example.kind for example in shown] == ["json"] * 3
    with running_server() as served:
        for example in shown:
            check(example, checkout, served.url)


def write_published_table(path: Path, commands: str) -> None:
    """Write the students' table with the names that `--rename` in `commands` reads."""
    raw_names = {ours: raw for raw, ours in re.findall(r"'(.+?)=(.+?)'", commands)}
    with (
        Path(os.environ["STUDENTS_CSV"]).open(newline="") as ours,
        path.open("w") as raw,
    ):
        header, *rows = csv.reader(ours)
        names = [raw_names.get(name, name) for name in header]
        csv.writer(raw).writerows([names, *rows])


@needs_students
@pytest.mark.slow
def test_the_published_table_becomes_the_shipped_graph(checkout: Path) -> None:
    make, serve = examples(section(README, "From a table to a model"))
    write_published_table(checkout / "StudentsPerformance.csv", make.commands)

    check(make, checkout, URL)

    arguments = shlex.split(serve.commands)
    assert arguments[:3] == ["python", "-m", "server"]
    with running_server(checkout / arguments[3]) as served:
        assert served.url
    assert version(checkout / arguments[3]) == version(SHIPPED)
    assert sorted(path.name for path in (checkout / "build").iterdir()) == [
        "comparison.html",
        "comparison.journal",
        "maths.md",
        "maths.onnx",
        "maths.svg",
        "report.html",
    ]


def version(path: Path) -> str:
    return open_model(path).version


def save_pipeline(folder: Path) -> None:
    """Write the files that the README's commands name: a pipeline, its parts, rows."""
    students = make_students(120)
    students.to_csv(folder / "rows.csv", index=False)
    X = students.drop(columns="math_score")
    numbers = [str(name) for name in X.select_dtypes("number")]
    categories = [str(name) for name in X if name not in numbers]
    pipeline = make_candidate("ridge", numbers, categories, 0)
    pipeline.fit(X, students["math_score"])
    joblib.dump(pipeline, folder / "pipeline.joblib")
    for name, part in (("preprocessor", pipeline[0]), ("model", pipeline[1])):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(part))


@pytest.mark.slow
def test_a_saved_pipeline_becomes_a_model_as_the_readme_says(checkout: Path) -> None:
    save_pipeline(checkout)
    (example,) = examples(section(README, "From your own pipeline"))

    check(example, checkout, URL)

    assert version(checkout / "build" / "student.onnx") == version(
        checkout / "build" / "pipeline.onnx"
    )


@pytest.mark.slow
def test_the_measurements_run_as_they_are_described(checkout: Path) -> None:
    (example,) = examples(BENCHMARKS.read_text("utf-8"))

    with running_server() as served:
        check(example, checkout, served.url)

    assert (checkout / "change.svg").read_text("utf-8").startswith("<?xml ")


def test_make_serve_takes_the_settings_of_the_environment(tmp_path: Path) -> None:
    """With an environment that is made already, whose Python tells how it is called."""
    for name in ("Makefile", "requirements-inference.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv-serve" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PINION_HOST $*"\n')
    python.chmod(0o755)
    (tmp_path / ".venv-serve" / "installed-{}.{}".format(*sys.version_info)).touch()
    (command,) = re.findall(
        r"`(PINION_HOST=\S+ make serve)`", README.read_text("utf-8")
    )

    ended = run(f"PYTHON='{sys.executable}' {command}", tmp_path)

    assert ended.stdout.splitlines()[-1] == "0.0.0.0 -m server"


def test_every_example_of_the_readme_is_run() -> None:
    """Those of make are run by `test_makefile`, those of docker by `test_image`."""
    started = [example.commands.split()[0] for example in examples(README.read_text())]

    assert started == [
        "make",
        *("curl", "curl", "curl"),
        "students=(StudentsPerformance.csv",
        *("python", "python"),
        "docker",
    ]


def test_every_description_that_is_shown_can_be_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "description.md").read_text("utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "model.toml"
    path.write_text(shown, "utf-8")

    description = read_description(path)

    assert set(description.features) == {"reading_score"}
    (feature,) = description.features.values()
    assert {name for name in feature.__struct_fields__ if f"{name} = " in shown} == set(
        feature.__struct_fields__
    )


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for setting in SETTINGS:
        row = (
            f"| `{setting.flag}` | `{setting.variable}` | {setting.default} "
            f"| {setting.sentence} |"
        )
        assert row in text


def test_every_route_stands_in_the_readme() -> None:
    source = (ROOT / "server" / "routes.py").read_text()
    paths = re.findall(r'Route\("([^"]+)"', source)

    assert len(paths) == 8
    for path in paths:
        assert f"{path}`" in README.read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)[)#]", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target
