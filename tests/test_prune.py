import subprocess
import sys
from pathlib import Path

PRUNE = Path(__file__).parent.parent / "deploy/image/prune.py"


def write_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_package_without_a_file_that_is_to_be_pruned_stops_the_build(
    tmp_path: Path,
) -> None:
    write_file(tmp_path / "onnxruntime/LICENSE")
    write_file(tmp_path / "onnxruntime/capi/onnxruntime_pybind11_state.so")

    pruning = subprocess.run(
        [sys.executable, PRUNE, tmp_path], capture_output=True, text=True
    )

    assert pruning.returncode == 1
    assert pruning.stderr == (
        f"prune.py: there is no ThirdPartyNotices.txt in {tmp_path}/onnxruntime; "
        "name what took its place\n"
    )
    assert (tmp_path / "onnxruntime/capi/onnxruntime_pybind11_state.so").exists()
