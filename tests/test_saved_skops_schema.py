import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import sklearn
import skops.io
import xgboost
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from convert.errors import Refusal
from convert.saved.damage import Damaged
from convert.saved.skops_schema import read_outline
from tests.test_saved_environments import ROOT


def archive(schema: Any) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as written:
        text = schema if isinstance(schema, str) else json.dumps(schema)
        written.writestr("schema.json", text)
    return file.getvalue()


def test_the_outline_has_the_version_and_the_libraries() -> None:
    booster = xgboost.XGBRegressor(n_estimators=1).fit([[1.0], [2]], [1, 2])
    content = skops.io.dumps(make_pipeline(FunctionTransformer(), booster))

    found = read_outline(content)

    assert found.sklearn_versions == (sklearn.__version__,)
    assert ("xgboost.sklearn", "XGBRegressor") in found.imports
    assert found.untrusted() == []
    assert found.readers == ("skops",)


def test_the_outline_names_what_would_be_called() -> None:
    content = skops.io.dumps(FunctionTransformer(os.system))
    function = {"module_path": "os", "function": "popen"}
    older = archive({"__loader__": "FunctionNode", "content": function})

    assert read_outline(content).untrusted() == [f"{os.name}.system"]
    assert read_outline(older).untrusted() == ["os.popen"]


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        {"_sklearn_version": 1},
        {"_sklearn_version": {"content": "{"}},
        {"__loader__": "ObjectNode"},
        {"__loader__": "FunctionNode", "content": {"module_path": "os"}},
    ],
)
def test_a_schema_that_makes_no_sense_is_damaged(schema: Any) -> None:
    with pytest.raises(Damaged):
        read_outline(archive(schema))


def test_a_schema_that_is_too_deep_is_refused() -> None:
    with pytest.raises(Refusal):
        read_outline(archive("[" * 200_000))


def test_looking_at_a_file_loads_no_library(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.skops"
    path.write_bytes(skops.io.dumps(Ridge().fit([[1.0], [2]], [1, 2])))
    program = (
        "import sys; from pathlib import Path; from convert.saved.examine import examine; "
        "examine(Path(sys.argv[1])); "
        "print({'numpy', 'pandas', 'scipy', 'sklearn', 'skops'} & {*sys.modules})"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True
    )

    assert (ran.stdout, ran.stderr) == ("set()\n", "")
