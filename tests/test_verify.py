from pathlib import Path

import pytest
from sklearn.linear_model import Ridge

from convert.__main__ import main
from convert.verify import open_model
from tests.test_conversion import run, save


def exported(folder: Path, *words: str) -> tuple[Path, Path, Path]:
    """Return a model file, its pipeline and the sample that it was exported with."""
    pipeline = save(folder, Ridge())
    assert run(folder, pipeline, *words) == 0
    return folder / "out" / "home.onnx", pipeline, folder / "rows.csv"


def verify(*words: str | Path) -> int:
    return main(["verify", *map(str, words)])


@pytest.mark.parametrize("words", [[], ["--target", "price"]])
def test_a_file_is_compared_with_its_pipeline_over_the_sample_of_its_export(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, pipeline, sample = exported(tmp_path, *words)
    said = capsys.readouterr().out.splitlines()[-1]

    status = verify(file, "--pipeline", pipeline, "--sample", sample)

    signature = open_model(file)
    assert (status, capsys.readouterr().out.splitlines()) == (
        0,
        [
            f"{file}: {len(signature.golden_rows)} golden rows are reproduced within "
            f"{signature.golden_tolerance:.1g}",
            said,
        ],
    )
