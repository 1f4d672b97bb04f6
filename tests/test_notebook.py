import json
import sys
from pathlib import Path

import pytest

from tests.notebook import NOTEBOOK, execute, printed
from tests.servers import ROOT


@pytest.mark.slow
def test_the_notebook_prints_what_stands_in_it(tmp_path: Path) -> None:
    executed = execute(Path(sys.executable), tmp_path, PYTHONPATH=str(ROOT))

    shown = printed(json.loads(NOTEBOOK.read_text("utf-8")))
    assert printed(executed) == shown
    assert all(shown)
    assert (tmp_path / "diabetes.onnx").exists()
