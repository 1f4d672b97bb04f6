"""Pickles that old scikit-learns made, converted here: a table of docs/coverage.md.

``python -m tests.old_versions`` makes and converts them, and writes the table; the
first time it installs two environments of each version below the cache folder.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from convert.fitted.frame import make_columns
from convert.saved.environments import cache_folder, era
from convert.saved.interpreters import at_hand
from convert.saved.scan import read_pickle
from convert.tables.table import read_table
from server.model import Model
from server.runtime.session import Session
from tests import old_pipelines
from tests.pairs import NUMBERS, TEXTS, make_homes, with_gaps

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "coverage.md"
TITLE = "## Files of older versions"

VERSIONS = ("1.0.2", "1.1.3", "1.2.2", "1.3.2", "1.4.2", "1.5.2", "1.6.1", "1.7.2")
OLD_PYTHONS = ((3, 9), (3, 10))
"""Each of these versions has a build for one, and none of our code runs on either."""

N_FITTED = 180
LIMIT_S = 1200
RIGHT = "right"
CLOSE = 1e-9
"""Of the size of a prediction, or of 1."""

INTRODUCTION = f"""\
{TITLE}

Made by `python -m tests.old_versions`: each estimator behind a `ColumnTransformer` of
`SimpleImputer`, `StandardScaler` and `OneHotEncoder` is fitted and pickled by that
scikit-learn under Python 3.9 or 3.10, which also writes down what it predicts of {{n_rows}}
rows that it was not fitted on, with gaps and an unknown town. `python -m convert export` reads
the pickle with our own Python ({{here}}); *right* is a file whose predictions and
probabilities are those, within 1e-9 of their size.

{{counts}}

| estimator | {{versions}} |
|---|{{rules}}
"""


class NoOldPython(LookupError):
    """There is none at hand that an old scikit-learn has a build for."""


class Line(NamedTuple):
    """What became of one pickle: `RIGHT`, "wrong by …", or the refusal's sentence."""

    version: str
    estimator: str
    outcome: str


def main() -> None:
    versions = sys.argv[1:] or VERSIONS
    lines = []
    for version in versions:
        with TemporaryDirectory() as folder:
            lines += measure(version, Path(folder))
    before, *_ = DOCUMENT.read_text("utf-8").partition(TITLE)
    DOCUMENT.write_text(f"{before.rstrip()}\n\n{section(lines)}", "utf-8")


def measure(version: str, folder: Path) -> list[Line]:
    """Pickle every estimator with one scikit-learn, and convert each here."""
    make_pickles(version, folder)
    lines = []
    for estimator in old_pipelines.ESTIMATORS:
        started = time.monotonic()
        name = type(estimator).__name__
        lines.append(Line(version, name, convert(folder, name)))
        seconds = time.monotonic() - started
        sys.stdout.write(f"{version} {name}: {lines[-1].outcome} ({seconds:.0f} s)\n")
        sys.stdout.flush()
    return lines


def make_pickles(version: str, folder: Path) -> None:
    """Fit with another scikit-learn, in its own Python."""
    homes = with_gaps(make_homes(), [*NUMBERS, *TEXTS])[
        [*NUMBERS, *TEXTS, *old_pipelines.TARGETS]
    ]
    homes["town"] = homes["town"].replace("", "Bath")
    asked = homes[N_FITTED:].drop(columns=[*old_pipelines.TARGETS])
    asked.loc[asked.index[0], "town"] = "Visby"
    homes[:N_FITTED].to_csv(folder / "fitted.csv", index=False)
    asked.to_csv(folder / "asked.csv", index=False)
    program = str(Path(old_pipelines.__file__))
    _run([_old_python(version), "-I", "-W", "ignore", program, str(folder)])


def convert(folder: Path, name: str) -> str:
    """Run the command as anybody does; return what became of it."""
    pickled, output = folder / f"{name}.pkl", folder / f"{name}.onnx"
    command = [sys.executable, "-m", "convert", "export", str(pickled)]
    command += ["--sample", str(folder / "asked.csv"), "--output", str(output)]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT_S
    )
    if run.returncode:
        return run.stderr.replace(str(pickled), f"{name}.pkl").strip().splitlines()[-1]
    expected = json.loads((folder / f"{name}.json").read_text())
    return _compare(expected, output, folder / "asked.csv")


def versions_in(folder: Path) -> set[str]:
    """Return the scikit-learns that the pickles of a folder say wrote them."""
    return {
        version
        for path in folder.glob("*.pkl")
        for version in read_pickle(path.read_bytes()).sklearn_versions
    }


def _compare(expected: dict[str, list[Any]], output: Path, rows: Path) -> str:
    model = Model.load(output)
    model.close()
    frame = read_table(rows).frame
    columns = make_columns(frame, model.signature.features)
    labels = np.array(model.signature.targets[0].classes)
    found = {}
    with Session(output.read_bytes()) as session:
        for name in {port.name for port in session.outputs} - {"contributions"}:
            (tensor,) = session.predict([name], columns, len(frame))
            found[name] = np.array(tensor.values).reshape(len(frame), -1)
    if len(labels):
        answers = labels[found["label_index"][:, 0].astype(int)].tolist()
        if answers != expected["predictions"]:
            return "wrong labels"
        return _distance(expected.get("probabilities"), found.get("probabilities"))
    return _distance(expected["predictions"], found["prediction"])


def _distance(expected: Any, found: Any) -> str:
    if expected is None or found is None:
        return RIGHT if found is expected else "wrong: probabilities on one side only"
    truth = np.reshape(expected, found.shape)
    difference = np.abs(found - truth).max()
    is_near = difference <= CLOSE * max(1.0, np.abs(truth).max())
    return RIGHT if is_near else f"wrong by {difference:.0e}"


def _old_python(version: str) -> str:
    """Return the python of an environment with an old scikit-learn; make it first."""
    python = at_hand(OLD_PYTHONS[version >= "1.7"])
    if python is None:
        raise NoOldPython(f"for scikit-learn {version}")
    folder = cache_folder() / "tests" / f"scikit-learn-{version}"
    inside = folder / "bin" / "python"
    if not (folder / "whole").exists():
        _run([str(python), "-I", "-m", "venv", "--clear", str(folder)])
        packages = [f"scikit-learn=={version}", *era(version, {"numpy.core"})]
        install = ["-I", "-m", "pip", "install", "-q", "--only-binary", ":all:"]
        _run([str(inside), *install, *packages])
        (folder / "whole").touch()
    return str(inside)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, timeout=LIMIT_S)


def section(lines: Sequence[Line]) -> str:
    versions = list(dict.fromkeys(line.version for line in lines))
    refusals = list(dict.fromkeys(x.outcome for x in lines if x.outcome != RIGHT))
    outcomes = {(line.estimator, line.version): line.outcome for line in lines}
    n_right = sum(line.outcome == RIGHT for line in lines)
    text: str = INTRODUCTION.format(
        here="{}.{}".format(*sys.version_info),
        n_rows=len(make_homes()) - N_FITTED,
        counts=f"{n_right} of {len(lines)} files are right, "
        f"{sum(line.outcome.startswith('wrong') for line in lines)} wrong.",
        versions=" | ".join(versions),
        rules="---|" * len(versions),
    )

    def cell(estimator: str, version: str) -> str:
        outcome = outcomes[estimator, version]
        return RIGHT if outcome == RIGHT else f"({refusals.index(outcome) + 1})"

    for estimator in dict.fromkeys(line.estimator for line in lines):
        cells = " | ".join(cell(estimator, version) for version in versions)
        text += f"| {estimator} | {cells} |\n"
    notes = [f"{number}. {said}\n" for number, said in enumerate(refusals, 1)]
    return text + "\n" * bool(notes) + "".join(notes)


if __name__ == "__main__":
    main()
