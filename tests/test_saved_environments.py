import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convert.errors import Refusal
from convert.saved import environments
from convert.saved.environments import (
    Environment,
    cache_folder,
    find_python,
    needed_environment,
    requirements,
)
from convert.saved.examine import examine
from convert.saved.interpreters import Interpreter, suitable_releases
from convert.saved.scan import Scan

HERE = importlib.metadata.version("scikit-learn")
ROOT = Path(__file__).parent.parent
DILL = Scan((("dill._dill", "_create_array"),))

# As most tutorials do it: a preprocessor and a model apart, saved with dill.
TUTORIAL = """
import dill
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.students import make_students

students = make_students()
X, y = students.drop(columns="math_score"), students["math_score"]
words = X.select_dtypes(include="object").columns
numbers = X.select_dtypes(exclude="object").columns
preprocessor = ColumnTransformer([
    ("numbers", Pipeline([("impute", SimpleImputer(strategy="median")),
                          ("scale", StandardScaler())]), numbers),
    ("words", Pipeline([("impute", SimpleImputer(strategy="most_frequent")),
                        ("encode", OneHotEncoder()),
                        ("scale", StandardScaler(with_mean=False))]), words),
])
model = LinearRegression().fit(preprocessor.fit_transform(X), y)
for name, part in (("preprocessor", preprocessor), ("model", model)):
    with open(name + ".pkl", "wb") as file:
        dill.dump(part, file)
print(list(model.predict(preprocessor.transform(X))[:5]))
"""

PREDICT = """
from pathlib import Path
from convert.saved.load import load_pipeline
from tests.students import make_students

pipeline = load_pipeline(preprocessor=Path("preprocessor.pkl"), model=Path("model.pkl"))
print(list(pipeline.predict(make_students().drop(columns="math_score"))[:5]))
"""

ASK = "import json, numpy, sklearn; print(json.dumps([sklearn.__version__, numpy.__version__[0]]))"


def test_a_file_of_this_version_needs_no_environment() -> None:
    assert needed_environment([Scan(()), Scan((), (HERE,))]) is None


def test_a_file_of_another_version_needs_that_one() -> None:
    assert needed_environment([Scan((), ("1.3.2",)), Scan(())]) == "1.3.2"


def test_parts_of_two_versions_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        needed_environment([Scan((), ("1.3.2",)), Scan((), ("1.5.0",))])

    assert str(refusal.value) == (
        "the files were written by scikit-learn 1.3.2 and 1.5.0, and one pipeline runs "
        "in one of them: save all parts again with one version"
    )


@pytest.mark.parametrize("version", ["1.3.2 -r x", "../1.3.2", "one", ""])
def test_a_version_that_is_none_reaches_neither_pip_nor_a_path(version: str) -> None:
    with pytest.raises(Refusal, match="which is no version: have it saved again"):
        needed_environment([Scan((), (version,))])


@pytest.mark.parametrize(
    ("version", "module", "era"),
    [
        ("1.2.2", "numpy", ("numpy<2", "scipy<1.11", "pandas<2.1")),
        ("1.5.1", "numpy.core.multiarray", ("numpy<2", "scipy<1.15", "pandas<2.3")),
        ("1.5.1", "numpy._core.multiarray", ("numpy>=2", "scipy<1.15", "pandas<2.3")),
        ("1.99.0", "numpy._core.multiarray", ("numpy>=2", "scipy", "pandas")),
    ],
)
def test_the_libraries_are_of_the_same_era(
    version: str, module: str, era: tuple[str, ...]
) -> None:
    packages = requirements(version, [Scan(((module, "dtype"),))])

    assert packages[:4] == (f"scikit-learn=={version}", *era)


def name_of(packages: tuple[str, ...]) -> str:
    here = Interpreter(Path(sys.executable), sys.version_info[:2])
    return Environment("1.3.2", here, packages).name


def test_another_pickler_makes_no_other_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = requirements("1.3.2", [Scan(())])
    dilled = requirements("1.3.2", [DILL])
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "9.9" if name in ("cloudpickle", "dill") else version(name),
    )
    later = requirements("1.3.2", [DILL])

    assert dilled == plain
    assert {*later} - {*plain} == {"cloudpickle==9.9", "dill==9.9"}
    assert name_of(later) == name_of(plain)
    assert name_of((*plain, "lightgbm==4.7.0")) != name_of(plain)


def test_a_skops_file_brings_its_reader() -> None:
    packages = requirements("1.3.2", [Scan((), ("1.3.2",), readers=("skops",))])

    assert f"skops=={importlib.metadata.version('skops')}" in packages


def test_another_python_takes_what_it_has_builds_of() -> None:
    exact = requirements("1.3.2", [DILL])[4:]

    assert requirements("1.3.2", [DILL], exactly=False)[4:] == tuple(
        package.replace("==", "<=") for package in exact
    )


def test_the_libraries_that_a_file_imports_are_added() -> None:
    plain = requirements("1.3.2", [Scan(())])
    boosted = requirements("1.3.2", [Scan((("lightgbm.basic", "Booster"),))])
    table = requirements("1.3.2", [Scan(())], ["--sample", "rows.parquet"])

    assert {*boosted} - {*plain} == {
        f"lightgbm=={importlib.metadata.version('lightgbm')}"
    }
    assert {*table} - {*plain} == {f"pyarrow=={importlib.metadata.version('pyarrow')}"}


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("PINION_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/ann/.cache/pinion")

    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache_folder() == Path("/cache/pinion")

    monkeypatch.setenv("PINION_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(Refusal, match="name another with --cache or PINION_CACHE"):
        find_python(
            "1.7.2", [], cache=tmp_path / "cache"
        )  # has a build for this Python


def in_background(cache: Path) -> subprocess.Popen[str]:
    program = (
        "import logging\nfrom pathlib import Path\n"
        "from convert.saved.environments import find_python\nfrom convert.saved.scan import Scan\n"
        "logging.basicConfig(level=logging.INFO)\n"
        f"print(find_python('1.3.2', [{DILL}], cache=Path({str(cache)!r})))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_in(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.suffix != ".lock"]


@pytest.mark.slow
def test_an_interrupted_environment_leaves_nothing(tmp_path: Path) -> None:
    making = in_background(tmp_path)
    while not left_in(tmp_path):
        assert making.poll() is None
        time.sleep(0.05)
    making.send_signal(signal.SIGINT)
    making.communicate(timeout=60)

    assert making.returncode != 0
    assert left_in(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (
            "0.24.2",
            "the file needs scikit-learn 0.24.2, which has no build for Python 3.11 and "
            "later, which this converter needs: fit the pipeline again with "
            "scikit-learn 1.1.3 or later and save that",
        ),
        (
            "1.3.99",
            "the file needs scikit-learn 1.3.99, which has no build for Python "
            f"{'.'.join(map(str, suitable_releases('1.3.99')[0]))}: fit the pipeline "
            "again with a version that has one and save that",
        ),
        (
            "1.3.2",
            "the file needs scikit-learn 1.3.2, and pip reaches no package index to "
            "install it from: run once with a network, or point pip at a mirror",
        ),
    ],
)
def test_what_pip_cannot_install_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, sentence: str
) -> None:
    if version == "1.3.2":
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(Refusal) as refusal:
        find_python(version, [], cache=tmp_path)

    assert str(refusal.value) == sentence
    assert left_in(tmp_path) == []


PIP = "ERROR: Cannot install category-encoders==2.11.2 and scikit-learn==1.3.0 because "
PIP += "these package versions have conflicting dependencies."


@pytest.mark.parametrize("goes_without", [True, False])
def test_what_does_not_go_with_the_old_version_is_asked_for_in_any(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    goes_without: bool,
    tmp_path: Path,
) -> None:
    packages = ("scikit-learn==1.3.0", "numpy<2", "onnx==1.2", "joblib==9.9")
    loosened = ["scikit-learn==1.3.0", "numpy<2", "onnx==1.2", "joblib"]
    asked = []

    def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
        if "install" not in command:
            return subprocess.CompletedProcess(command, 0, "1.4.2\n", "")
        asked.append(command[command.index(":all:") + 1 :])
        is_fine = goes_without and "joblib" in command
        return subprocess.CompletedProcess(command, int(not is_fine), "", PIP)

    monkeypatch.setattr(environments, "_run", run)
    caplog.set_level("INFO")
    here = Interpreter(Path(sys.executable), sys.version_info[:2])
    wanted = Environment("1.3.0", here, packages)

    if goes_without:
        wanted._install(tmp_path)
        version = importlib.metadata.version("joblib")
        assert caplog.messages == [
            f"joblib 1.4.2 goes with it, and {version}, which is installed here, does not"
        ]
    else:
        with pytest.raises(Refusal) as refusal:
            wanted._install(tmp_path)
        assert str(refusal.value) == (
            "the file needs scikit-learn 1.3.0, and pip cannot install it with the rest "
            f"({PIP.removeprefix('ERROR: ').rstrip('.')}): install versions here that go "
            "together, or fit the pipeline again with those that are installed"
        )
    assert asked == [list(packages), loosened]


@pytest.mark.slow
def test_files_of_1_3_2_predict_as_they_did_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"

    two = [in_background(cache), in_background(cache)]
    outputs = [run.communicate() for run in two]

    said = "".join(errors for _, errors in outputs)
    assert said.count("making an environment with scikit-learn 1.3.2 and Python ") == 1
    (environment,) = left_in(cache)
    python = str(cache / environment / "bin" / "python")
    assert [found.strip() for found, _ in outputs] == [python, python]
    assert json.loads(said_by(python, ASK)) == ["1.3.2", "1"]

    before = said_by(python, TUTORIAL)
    scans = [examine(Path("preprocessor.pkl")), examine(Path("model.pkl"))]

    assert needed_environment(scans) == "1.3.2"
    assert requirements("1.3.2", scans) == requirements("1.3.2", [DILL])
    assert said_by(python, PREDICT) == before


def said_by(python: str, program: str) -> str:
    return subprocess.run(
        [python, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
