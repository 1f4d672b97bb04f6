import json
from pathlib import Path

import pytest

from bench.arguments import MODEL
from bench.errors import Refusal
from bench.measurements import binding


def test_both_ways_into_the_runtime_are_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "N_ROWS", (1, 1_500))
    output = tmp_path / "runtime.json"

    table = binding.main(["--rounds", "1", "--output", str(output)])

    result = json.loads(output.read_text())
    turns = ["1 known", "1 new", "1500 known", "1500 new"]
    assert list(result["cpu_us"]) == ["pinion", "binding"]
    for figures in result["cpu_us"].values():
        assert list(figures) == turns
        assert all(figure["median"] > 0 for figure in figures.values())
    assert list(result["pinion_to_binding"]) == turns
    assert [line[:16].strip() for line in table.splitlines()[1:]] == turns


def test_both_ways_predict_the_same() -> None:
    signature = binding.read_signature(Path(MODEL))
    columns = json.loads(binding.columns_json(json.dumps(signature), 1_500))

    ours, theirs = (
        open_session(Path(MODEL))(columns, 1_500)
        for open_session in (binding.open_pinion, binding.open_binding)
    )

    assert len(ours) == 1_500
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_a_model_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        binding.main(["models/none.onnx"])

    assert caught.value.code == 2
    assert "there is no model file models/none.onnx" in capsys.readouterr().err


def test_a_model_without_one_number_is_refused() -> None:
    signature = {"targets": [{"name": "passed", "kind": "classification"}]}

    with pytest.raises(Refusal, match="predicts classification: choose one that"):
        binding.check_target(signature)
