"""The front door: what can be imported, and what that loads."""

import subprocess
import sys
from pathlib import Path

import pytest

import convert
from convert.conversion import load, to_onnx, verify
from convert.errors import Refusal
from convert.model_file import ModelFile
from tests.servers import ROOT


def test_what_is_offered_is_there() -> None:
    offered = {name: getattr(convert, name) for name in convert.__all__}

    assert offered == {
        "ModelFile": ModelFile,
        "Refusal": Refusal,
        "__version__": convert.__version__,
        "load": load,
        "to_onnx": to_onnx,
        "verify": verify,
    }
    assert set(convert.__all__) <= set(dir(convert))


def test_nothing_else_is_offered() -> None:
    with pytest.raises(AttributeError, match="'convert' has no attribute 'to_onx'"):
        convert.to_onx  # noqa: B018


def run(program: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.append({str(ROOT)!r}); {program}",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_loaded_until_it_is_used(tmp_path: Path) -> None:
    ended = run("import convert; print(*sys.modules)", tmp_path)

    assert {"numpy", "sklearn", "onnx"}.isdisjoint(ended.stdout.split())
    assert "convert" in ended.stdout.split()


def test_another_package_of_the_same_name_is_told(tmp_path: Path) -> None:
    Path(tmp_path, "server.py").write_text("")

    ended = run("import convert", tmp_path)

    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: <module 'server' from ")
    assert last.endswith(
        "hides Pinion's own package of that name: start Python in another folder, or "
        "give the other one another name"
    )
