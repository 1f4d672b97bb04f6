"""Replays model files on whatever runtime there is, and says how far they are off.

``python -m tests.replay FOLDER`` prints JSON. It needs what the server needs and no
more, for it runs under other Pythons, other releases of onnxruntime and other machines.
"""

import json
import math
import platform
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from server.model import Model, UnservableModel
from server.runtime.library import version

Answers = list[list[Any]]
"""The values of each output: of all rows together, then of each row alone."""


def main(folder: Path) -> None:
    said = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "onnxruntime": version(),
        "files": {path.stem: replay(path) for path in sorted(folder.glob("*.onnx"))},
    }
    sys.stdout.write(json.dumps(said) + "\n")


def replay(path: Path) -> float | str:
    """Return the largest difference of an answer, or why the file is not served.

    It is 0.0 only where every answer is equal to the last bit: between 0.0 and -0.0 it
    is the smallest number there is.
    """
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    try:
        model = Model.load(path)
    except UnservableModel as error:
        return str(error)
    found = answers(model, expected["columns"])
    model.close()
    return difference(found, expected["answers"])


def answers(model: Model, columns: Sequence[Sequence[Any]]) -> Answers:
    n_rows = len(columns[0])
    batches = [(0, n_rows), *((row, row + 1) for row in range(n_rows))]
    return [
        [
            value
            for tensor in model.session.predict(
                model.output_names,
                [column[start:stop] for column in columns],
                stop - start,
            )
            for value in tensor.values
        ]
        for start, stop in batches
    ]


def difference(found: Answers, expected: Answers) -> float:
    """Return max |found − expected| / max(1, |expected|), infinite for other shapes."""
    if [len(values) for values in found] != [len(values) for values in expected]:
        return math.inf
    pairs = zip(chain(*found), chain(*expected), strict=True)
    return max((_gap(*pair) for pair in pairs), default=math.inf)


def _gap(found: float, expected: float) -> float:
    if repr(found) == repr(expected):  # as many digits as tell two doubles apart
        return 0.0
    gap = abs(found - expected) / max(1.0, abs(expected))
    return math.inf if math.isnan(gap) else gap or math.ulp(0.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
