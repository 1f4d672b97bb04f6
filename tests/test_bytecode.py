"""The byte-code of the image, written here from a start of the server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import make_model
from tests.servers import ROOT

WARNING = "onnxruntime cpuid_info warning: Unknown CPU vendor. cpuinfo_vendor value: 0"
"""What onnxruntime says on many arm64 machines, and on all that are emulated."""


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "student.onnx").write_bytes(make_model())
    return folder


def write_bytecode(
    folder: Path, models_folder: Path, script: str
) -> "subprocess.CompletedProcess[str]":
    """Run it with what is said or done before the server starts."""
    (folder / "sitecustomize.py").write_text(script)
    return subprocess.run(
        [
            *(sys.executable, "-B", ROOT / "deploy/image/bytecode.py"),
            *(folder / "bytecode", models_folder),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_is_said_before_the_address_is_passed_over(
    tmp_path: Path, models_folder: Path
) -> None:
    script = f"import sys; print({WARNING!r}, file=sys.stderr)"
    done = write_bytecode(tmp_path, models_folder, script)
    names = {path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")}

    assert done.returncode == 0, done.stderr
    assert {"session", "process", "form"} <= names


def test_what_a_server_said_that_did_not_start_is_shown(tmp_path: Path) -> None:
    done = write_bytecode(tmp_path, tmp_path / "nowhere", "")

    assert done.returncode == 1
    assert done.stderr.startswith("bytecode.py: the server did not start: ")
    assert "nowhere" in done.stderr
