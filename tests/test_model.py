from pathlib import Path

import onnx
import pytest

from server.model import Model, UnservableModel
from server.runtime import Session
from server.signature import GoldenRow
from tests.models import GENDER, GOLDEN, LUNCH, SCORE, make_model, make_signature


def load(folder: Path, content: bytes) -> Model:
    path = folder / "student.onnx"
    path.write_bytes(content)
    return Model.load(path)


def reason(folder: Path, content: bytes) -> str:
    with pytest.raises(UnservableModel) as refusal:
        load(folder, content)
    text = str(refusal.value)
    assert text.startswith(f"{folder / 'student.onnx'}: ")
    return text.removeprefix(f"{folder / 'student.onnx'}: ")


def test_a_model_predicts_what_its_graph_says(tmp_path: Path) -> None:
    model = load(tmp_path, make_model())

    tensors = model.predict([["male"], ["standard"], [80.0]], 1, ["contributions"])

    assert model.predictions(tensors) == [81.0]
    assert list(tensors[1].values) == [2.0, 3.0, 10.0]


def test_a_model_knows_how_long_a_run_takes(tmp_path: Path) -> None:
    assert load(tmp_path, make_model()).run_ms > 0


def test_several_targets_are_an_object_a_row() -> None:
    signature = make_signature()
    targets = (signature.targets[0], *make_signature().targets)
    with Session(make_model()) as session:
        model = Model(session, make_signature(targets=targets))
        tensors = model.predict([["male"] * 2, ["standard"] * 2, [80.0, 90.0]], 2)

        assert model.predictions(tensors) == [{"math score": 91.0}]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnservableModel, match=r"absent\.onnx: No such file"):
        Model.load(tmp_path / "absent.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, b"<html>").startswith("not a model file: ")


def test_a_model_without_signature_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bare = onnx.load_from_string(make_model())
    del bare.metadata_props[:]

    assert reason(tmp_path, bare.SerializeToString()) == (
        "the file carries no signature; make it with python -m convert"
    )


def test_a_signature_of_another_graph_is_refused(tmp_path: Path) -> None:
    content = make_model(make_signature(features=(LUNCH, GENDER, SCORE)))

    assert reason(tmp_path, content) == (
        "the graph reads ['gender', 'lunch/meal', 'reading score'], "
        "its signature says ['lunch/meal', 'gender', 'reading score']"
    )


def test_a_golden_row_that_is_not_reproduced_is_refused(tmp_path: Path) -> None:
    wrong = GoldenRow(row=GOLDEN[0].row, predictions=(68.5 + 1e-6,))
    content = make_model(make_signature(golden_rows=(*GOLDEN, wrong)))

    assert reason(tmp_path, content) == (
        "a golden row gives [68.5], scikit-learn gave [68.500001]; "
        "the file is not served"
    )


def test_a_model_without_golden_rows_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, make_model(make_signature(golden_rows=()))) == (
        "the file has no golden rows, so nothing proves it"
    )
