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
from typing import Any, NamedTuple

import joblib
import msgspec
import onnx
import pytest
from sklearn.linear_model import LinearRegression

from convert.__main__ import COMMANDS
from convert.proof.replay import open_model
from convert.tables.description import read_description
from convert.training.regressors import make_candidate
from server.includes import INCLUDES
from server.settings import SETTINGS
from tests import reference
from tests.servers import ROOT, running_server
from tests.students import make_students

README = ROOT / "README.md"
DOCS = ROOT / "docs"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
GUIDES = sorted((ROOT / "deploy").glob("*/README.md"))
N_GUIDE_LINES = 45
SHIPPED = ROOT / "models" / "student_performance.onnx"
URL = "http://localhost:8080"
N_README_LINES = 150

needs_students = pytest.mark.skipif(
    "STUDENTS_CSV" not in os.environ, reason="STUDENTS_CSV names no table"
)


class Example(NamedTuple):
    """A block that is run, and the JSON or text that is shown after it."""

    commands: str
    kind: str = ""
    shown: str = ""


def section(document: Path, title: str) -> str:
    """Return what stands below a heading, up to the next one of the page."""
    _, _, below = document.read_text("utf-8").partition(f"\n## {title}\n")
    return below.partition("\n## ")[0]


def examples(text: str) -> Iterator[Example]:
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    for (language, commands), (kind, shown) in pairwise([*blocks, ("", "")]):
        if language in ("sh", "python"):
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
        answer = msgspec.json.decode(ended.stdout)
        # each kind of processor adds up in an order of its own
        assert answer == rounded(msgspec.json.decode(example.shown))
    for line in example.shown.splitlines() if example.kind == "text" else ():
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert re.search(f"^{pattern}$", ended.stdout + ended.stderr, re.MULTILINE)


def rounded(shown: Any) -> Any:
    """Return what is shown, equal to what differs from it in the last digits."""
    if isinstance(shown, dict):
        return {name: rounded(value) for name, value in shown.items()}
    if isinstance(shown, list):
        return [rounded(value) for value in shown]
    return pytest.approx(shown, rel=1e-12) if isinstance(shown, float) else shown


def shorten(commands: str) -> str:
    """Return the same commands with less to measure."""
    for long, short in LESS.items():
        commands = commands.replace(long, short)
    return commands


LESS = {
    " --duration 10": "",
    f"bench {URL}": f"bench {URL} --duration 0.5 --warm-up 0.1",
    "convert compare ": "convert compare --trials 1 ",
    "bench startup": "bench startup --rounds 1 --predictions 100 --output startup.json",
    "bench bulk": "bench bulk --seconds 0.2 --output bulk.json",
    "bench stream": "bench stream --output stream.json",
    " --rows 10000000": " --rows 10000",
    "bench runtime": "bench runtime --output runtime.json",
    "--rounds 5": "--rounds 1",
    " .venv-serve/bin/python": f" {sys.executable}",
    " .venv/bin/python": f" {sys.executable}",
}
"""Of an example → what is run: less time, no file of the repository written."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder that has what the repository has, and may be written to."""
    for path in ROOT.iterdir():
        if path.name != "build":
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.external
@pytest.mark.parametrize(
    ("text", "n_examples"),
    [
        (section(README, "Ask for a prediction"), 1),
        ((DOCS / "http.md").read_text("utf-8"), 6),
    ],
    ids=["README.md", "http.md"],
)
def test_the_answers_that_are_shown_are_those_of_the_server(
    checkout: Path, text: str, n_examples: int
) -> None:
    shown = list(examples(text))

    assert [example.kind for example in shown] == ["json"] * n_examples
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
    make, serve = examples((DOCS / "training.md").read_text("utf-8"))
    write_published_table(checkout / "StudentsPerformance.csv", make.commands)

    check(make, checkout, URL)

    arguments = shlex.split(serve.commands)
    assert arguments[:3] == ["python", "-m", "server"]
    with running_server(checkout / arguments[3]) as served:
        assert served.url
    assert_same_model(checkout / arguments[3], SHIPPED)
    assert sorted(path.name for path in (checkout / "build").iterdir()) == [
        "comparison.html",
        "comparison.journal",
        "maths.md",
        "maths.onnx",
        "maths.svg",
        "report.html",
    ]


def assert_same_model(path: Path, other: Path) -> None:
    """Compare two; each kind of processor adds up in an order of its own."""
    (_, made), (_, shipped) = (open_model(each) for each in (path, other))
    operators, wanted = (
        [node.op_type for node in onnx.load(each).graph.node] for each in (path, other)
    )
    assert operators == wanted
    for row, golden in zip(made.golden_rows, shipped.golden_rows, strict=True):
        assert row.row == golden.row
        assert row.predictions == pytest.approx(golden.predictions, rel=1e-12)


def version(path: Path) -> str:
    return open_model(path)[1].version


def save_pipeline(folder: Path) -> None:
    """Write the files that commands name: a pipeline, its parts, rows."""
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
def test_a_table_becomes_a_model_as_the_readme_says(checkout: Path) -> None:
    make_students(300).to_csv(checkout / "students.csv", index=False)
    (example,) = examples(section(README, "From a table to a model"))

    check(example, checkout, URL)

    _, signature = open_model(checkout / "build" / "maths.onnx")
    (target,) = signature.targets
    assert target.name == "math_score"


@pytest.mark.slow
@pytest.mark.external
def test_a_pipeline_becomes_a_url_as_the_readme_says(checkout: Path) -> None:
    fit, serve, ask = examples(section(README, "From your own pipeline to a URL"))

    run(f"python -c {shlex.quote(fit.commands)}", checkout)

    path, url = served_file(serve)
    with running_server(checkout / path) as served:
        check(
            ask._replace(commands=ask.commands.replace(url, URL)), checkout, served.url
        )


def served_file(example: Example) -> tuple[str, str]:
    """Return the model file that a server is given, and where it then listens."""
    *program, path, flag, port = shlex.split(example.commands)
    assert (program, flag) == (["python", "-m", "server"], "--port")
    return path, f"http://localhost:{port}"


@pytest.mark.slow
def test_a_saved_pipeline_becomes_a_model_as_its_page_says(checkout: Path) -> None:
    save_pipeline(checkout)
    (example,) = examples((DOCS / "pipelines.md").read_text("utf-8"))

    check(example, checkout, URL)

    assert version(checkout / "build" / "student.onnx") == version(
        checkout / "build" / "pipeline.onnx"
    )


def test_a_model_is_signed_as_the_page_on_security_says(checkout: Path) -> None:
    (checkout / "build").mkdir()
    shutil.copy(SHIPPED, checkout / "build" / "maths.onnx")
    (example,) = examples(section(DOCS / "security.md", "A model file"))
    *signing, serving = example.commands.splitlines()
    program, keys = serving.split(" --trusted-keys ")

    run("\n".join(signing), checkout)

    assert program == "python -m server build/maths.onnx"
    path = checkout / "build" / "maths.onnx"
    with running_server(path, "--trusted-keys", checkout / keys) as served:
        assert served.line.startswith("serving student_performance on ")


@pytest.mark.slow
def test_the_measurements_run_as_they_are_described(checkout: Path) -> None:
    (example,) = examples((DOCS / "benchmarks.md").read_text("utf-8"))

    with running_server() as served:
        check(example, checkout, served.url)

    assert (checkout / "change.svg").read_text("utf-8").startswith("<?xml ")


@needs_students
@pytest.mark.slow
def test_the_examples_of_the_converter_run_one_after_the_other(checkout: Path) -> None:
    save_pipeline(checkout)
    shutil.copy(os.environ["STUDENTS_CSV"], checkout / "students.csv")
    before = set(checkout.iterdir())

    for name in COMMANDS:
        (example,) = examples(section(DOCS / "commands.md", name))
        check(example, checkout, URL)

    made = {path.name for path in {*checkout.iterdir()} - before}
    assert made == {
        "build",
        "compare.html",
        "compare.journal",
        "compare.json",
        "report.html",
    }
    assert {path.name for path in (checkout / "build").glob("*.onnx")} == {
        "maths.onnx",
        "price.onnx",
        "student.onnx",
    }


@pytest.mark.slow
def test_the_examples_of_the_measurements_run(checkout: Path) -> None:
    """Those of `container` and `contest` need an engine, and frameworks."""
    page = DOCS / "commands.md"
    load, *others = (
        next(examples(section(page, f"bench{name}")))
        for name in ("", " startup", " bulk", " stream", " runtime")
    )

    with running_server() as served:
        measure = load.commands.splitlines()[1].replace("after", "before")
        check(Example(measure), checkout, served.url)
        check(load, checkout, served.url)
    for example in others:
        check(example, checkout, URL)

    assert (checkout / "change.svg").read_text("utf-8").startswith("<?xml ")
    for name in ("bulk", "runtime", "startup", "stream"):
        assert msgspec.json.decode((checkout / f"{name}.json").read_bytes())


def test_the_example_of_serve_starts_a_server() -> None:
    (example,) = examples(section(DOCS / "commands.md", "serve"))
    path, _ = served_file(example)

    with running_server(path) as served:
        assert served.line.startswith("serving student_performance on ")


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


@pytest.mark.external
def test_files_are_answered_as_the_page_of_clients_says(checkout: Path) -> None:
    text = section(DOCS / "clients.md", "Files of any size, by curl")

    with running_server() as served:
        for example in examples(text):
            check(example, checkout, served.url)


def test_every_example_is_run_by_a_test() -> None:
    """Those of make are run by `test_makefile`, those of docker by `test_image`.

    That of the keys is run by `test_access`, those of other servers' clients by
    `test_engines_clients`, those of the road to AWS by `test_deploy_guide`, those of the
    other places, as far as they can run offline, by `test_elsewhere`.
    """
    started = {
        document.name: [
            example.commands.split()[0]
            for example in examples(document.read_text("utf-8"))
        ]
        for document in DOCUMENTS
    }

    assert {name: words for name, words in started.items() if words} == {
        "README.md": ["make", "curl", "python", "from", "python", "curl", "docker"],
        "access.md": ["key=$(openssl"],
        "azure.md": ["az"] * 4,
        "beanstalk.md": ["pip"],
        "benchmarks.md": ["python"],
        "clients.md": [
            *("import", "import", "from", "import", "printf", "printf", "printf"),
            *("printf", "import", "import", "curl"),
        ],
        "cloud-run.md": ["gcloud"] * 3,
        "commands.md": ["python"] * len(list(reference.commands())),
        "compose.md": ["export", "git", "docker", "docker"],
        "container.md": ["docker"],
        "deploy.md": [
            *("python3", ".venv-aws/bin/python"),
            *("export", "aws", "sudo", "aws"),
            ".venv-aws/bin/python",
        ],
        "ecs-express.md": ["aws"] * 3,
        "fly.md": ["fly"] * 4,
        "http.md": ["curl"] * 6,
        "lightsail.md": ["docker", "aws", "aws"],
        "pipelines.md": ["python"],
        "python.md": ["model"],
        "raspberry-pi.md": ["sudo", "sudo"],
        "security.md": ["python"],
        "training.md": ["students=(StudentsPerformance.csv", "python"],
    }


def test_the_container_of_the_readme_is_that_of_its_page() -> None:
    (short,) = examples(section(README, "Run it in a container"))
    (long,) = examples((DOCS / "container.md").read_text("utf-8"))

    assert short.commands == "".join(long.commands.splitlines(keepends=True)[:2])


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= N_README_LINES


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.parent.name)
def test_the_guide_of_an_engine_is_a_page(guide: Path) -> None:
    assert len(guide.read_text("utf-8").splitlines()) <= N_GUIDE_LINES


def test_every_description_that_is_shown_can_be_read(tmp_path: Path) -> None:
    text = (DOCS / "description.md").read_text("utf-8")
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
    text = (DOCS / "settings.md").read_text("utf-8")
    for setting in SETTINGS:
        row = (
            f"| `{setting.flag}` | `{setting.variable}` | {setting.default} "
            f"| {setting.sentence} |"
        )
        assert row in text


def test_every_route_is_documented() -> None:
    source = (ROOT / "server" / "routes.py").read_text()
    paths = re.findall(r'Route\(\s*"([^"]+)"', source)

    assert len(paths) == 16
    for path in paths:
        assert f"{path}`" in (DOCS / "http.md").read_text("utf-8")


def test_every_include_is_documented() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|", section(DOCS / "http.md", "Include"), re.MULTILINE
    )

    assert tuple(rows) == INCLUDES


@pytest.mark.parametrize(
    "document",
    [*DOCUMENTS, *GUIDES, *DOCS.glob("*.ipynb")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8"))

    for target in targets:
        path, _, anchor = target.partition("#")
        if ":" not in path:
            page = document.parent / path if path else document
            assert page.exists(), target
            assert not anchor or anchor in anchors(page), target


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a page."""
    text = re.sub("```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_lines_of_python_do_what_they_say(tmp_path: Path) -> None:
    (example,) = examples((DOCS / "python.md").read_text("utf-8"))
    students = make_students(120)
    X, y = students[["reading_score"]], students["math_score"]
    joblib.dump((LinearRegression().fit(X, y), X), tmp_path / "fitted.joblib")
    before = (
        f"import sys; sys.path.append({str(ROOT)!r}); import joblib\n"
        "from convert import to_onnx\n"
        "pipeline, X_train = joblib.load('fitted.joblib')\n"
    )

    run(f"python -c {shlex.quote(before + example.commands)}", tmp_path)

    assert open_model(tmp_path / "models" / "price.onnx")[1].name == "price"
