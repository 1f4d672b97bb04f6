import json
from pathlib import Path

import pytest

from bench.figures.rounds import spread
from bench.measurements import startup

FIGURES = ("ready_ms", "pss_mib", "private_mib", "resident_mib")


def test_server_and_bare_import_are_measured_and_written(tmp_path: Path) -> None:
    output = tmp_path / "startup.json"

    table = startup.main(
        ["--rounds", "1", "--predictions", "500", "--output", str(output)]
    )

    result = json.loads(output.read_text())
    assert result["n_predictions_before_memory"] == 500
    assert [line.split(",")[0] for line in table.splitlines()[1:5]] == [
        "start to first answer",
        "memory (PSS)",
        "private memory",
        "with all shared pages",
    ]
    assert list(result["figures"]) == ["server", "bare"]
    for figures in result["figures"].values():
        assert tuple(figures) == FIGURES
        assert all(figure["median"] > 0 for figure in figures.values())
    assert tuple(result["server_to_bare"]) == FIGURES


def test_memory_that_others_share_is_told() -> None:
    figures = {
        "server": {"resident_mib": spread([60.0]), "pss_mib": spread([50.0])},
        "bare": {"resident_mib": spread([50.0]), "pss_mib": spread([30.0])},
    }

    assert startup.find_limits(figures) == [
        "other programs map 20 MiB of what bare maps, so that its PSS is less than "
        "alone: measure while nothing else with these libraries runs"
    ]


def test_a_model_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        startup.main(["models/none.onnx"])

    assert caught.value.code == 2
    assert (
        "there is no model file models/none.onnx; there is "
        "models/student_performance.onnx" in capsys.readouterr().err
    )


def test_what_could_not_be_written_is_refused_before_it_is_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "startup.json"

    with pytest.raises(SystemExit) as caught:
        startup.main(["--output", str(output)])

    assert caught.value.code == 2
    assert f"argument --output: {output} cannot be written" in capsys.readouterr().err
