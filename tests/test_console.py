import json
import subprocess
import sys
from pathlib import Path

import pytest

from convert import __version__, console
from convert.__main__ import COMMANDS
from tests.notebook import NOTEBOOK, execute, printed
from tests.servers import ROOT


def run(*words: str, before: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run `pinion`, with what `before` has found before what is ours."""
    program = (
        "import sys; from convert.console import main;"
        f"sys.path.insert(0, {str(before)!r}); main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_is_named_with_what_it_does() -> None:
    said = console.usage()

    for name in [*COMMANDS, "serve", "bench"]:
        assert f"\n  {name} " in said
    assert run().stdout == run("--help").stdout == f"{said}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--version"], f"pinion {__version__}\n"),
        (["export", "--help"], "usage: python -m convert export"),
        (["serve", "--version"], f"pinion {__version__}\n"),
        (["bench", "--help"], "usage: python -m bench"),
    ],
    ids=" ".join,
)
def test_a_command_is_run_as_its_module_would_be(words: list[str], said: str) -> None:
    ended = run(*words)

    assert (ended.returncode, ended.stdout[: len(said)]) == (0, said)


def test_an_unknown_command_is_refused_with_those_there_are() -> None:
    ended = run("exprot")

    assert ended.returncode == 2
    assert "invalid choice: 'exprot'" in ended.stderr


def test_another_package_in_the_place_of_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text("print('another one')")

    ended = run("bench", "http://localhost:1", before=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"refused: {tmp_path}/bench.py hides Pinion's own package of that name: start "
        "pinion in another folder, or give the other one another name\n"
    )


def pinned(folder: Path) -> Path:
    """Write the versions of the tests, without their hashes, as pip's constraints."""
    lines = [
        line.partition(" ")[0]
        for name in ("dev", "test", "convert", "inference")
        for line in (ROOT / f"requirements-{name}.txt").read_text().splitlines()
        if line[:1].isalpha()
    ]
    path = folder / "constraints.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.slow
@pytest.mark.external
def test_a_wheel_exports_serves_and_runs_the_notebook_in_another_folder(
    tmp_path: Path,
) -> None:
    def do(*command: str | Path) -> str:
        ended = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    pip = ["-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    do(sys.executable, *pip, *build, "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("pinion-*.whl")
    do(sys.executable, "-m", "venv", tmp_path / "venv")
    python, pinion = tmp_path / "venv/bin/python", tmp_path / "venv/bin/pinion"
    install: list[str | Path] = [*pip, "install", "--quiet", "-c", pinned(tmp_path)]
    do(python, *install, f"{wheel}[convert]")

    fit = (
        "import joblib, pandas as pd\n"
        "from sklearn.linear_model import LinearRegression\n"
        "from convert import load, to_onnx\n"
        "rows = pd.DataFrame({'area': [1.0, 2.0, 4.0]})\n"
        "model = LinearRegression().fit(rows, 2 * rows['area'])\n"
        "to_onnx(model, rows).save('model.onnx')\n"
        "print(load('model.onnx').predict(rows).round(6).tolist())\n"
        "joblib.dump(model, 'model.joblib'); rows.to_csv('rows.csv', index=False)\n"
    )
    predicted = do(python, "-c", fit)
    exported = do(
        pinion, "export", "model.joblib", "--sample", "rows.csv", "--output", "m.onnx"
    )

    assert predicted == "[2.0, 4.0, 8.0]\n"
    assert exported.startswith("wrote m.onnx, ")
    assert do(pinion, "serve", "--version") == f"pinion {__version__}\n"

    do(python, *install, "ipykernel")
    shown = printed(json.loads(NOTEBOOK.read_text("utf-8")))
    assert printed(execute(python, tmp_path)) == shown
