import os
import subprocess
import sys
from pathlib import Path

import pytest

from convert.libraries import wants_system_package, why_not_loaded

GOMP = "libgomp.so.1: cannot open shared object file: No such file or directory"
PACKAGES = "libgomp1 on Debian and Ubuntu, libgomp on Fedora and Amazon Linux"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(GOMP), f"{GOMP}: install the system's package ({PACKAGES})"),
        (ImportError(GOMP), f"{GOMP}: install the system's package ({PACKAGES})"),
        (
            OSError("libtbb.so.12: cannot open shared object file"),
            "libtbb.so.12: cannot open shared object file: install the system's package "
            "that has libtbb.so.12",
        ),
        (OSError("it is broken\nat length"), "it is broken: install it again"),
        (OSError(), "OSError: install it again"),
    ],
)
def test_what_is_wanting_is_named_with_its_package(
    error: Exception, sentence: str
) -> None:
    assert wants_system_package(error)
    assert why_not_loaded(error) == sentence


@pytest.mark.parametrize(
    "error",
    [
        OSError(2, "No such file or directory", "rows.csv"),
        ImportError("cannot import name 'Ridge' from 'sklearn'"),
        ValueError("libgomp.so.1"),
    ],
)
def test_other_errors_want_no_package(error: Exception) -> None:
    assert not wants_system_package(error)


@pytest.mark.parametrize("error", ["OSError", "ImportError"])
def test_lightgbm_without_its_library_is_refused_in_one_sentence(
    tmp_path: Path, error: str
) -> None:
    pickled = tmp_path / "model.pkl"
    pickled.write_bytes(b"\x80\x02clightgbm.sklearn\nLGBMRegressor\n)\x81.")
    (tmp_path / "lightgbm").mkdir()
    (tmp_path / "lightgbm" / "__init__.py").write_text(f"raise {error}({GOMP!r})\n")
    (tmp_path / "rows.csv").write_text("a\n1\n")
    command = [sys.executable, "-m", "convert", "export", str(pickled)]
    command += ["--sample", str(tmp_path / "rows.csv"), "--output", "x.onnx"]

    run = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}."},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )

    assert (run.returncode, run.stderr.splitlines()[-1]) == (
        2,
        f"refused: {pickled} cannot be loaded: it needs LGBMRegressor from the module "
        f"lightgbm.sklearn, which cannot be loaded here, {GOMP}: install the system's "
        f"package ({PACKAGES})",
    )
