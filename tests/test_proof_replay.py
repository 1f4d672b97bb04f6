from pathlib import Path

import pytest

from convert.errors import Refusal
from convert.proof.replay import open_model, replayed, say_golden_rows
from server.model import Model, UnservableModel
from server.model_file.content import read_signature
from server.model_file.seal import UNSEALED
from server.runtime.session import RuntimeFault
from tests.models import (
    GOLDEN,
    make_classifier,
    make_model,
    make_signature,
    make_two_targets,
    make_unsealed_model,
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Refusal) as refused:
        open_model(path)
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [make_model(), make_classifier(("no", "yes")), make_two_targets()],
    ids=["regression", "classification", "two"],
)
def test_a_model_file_opens_with_its_signature_and_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = write(tmp_path, content)

    assert open_model(path) == (content, read_signature(content))
    assert caplog.messages == []


def test_a_file_of_before_there_was_a_digest_opens_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, content := make_unsealed_model())

    assert open_model(path) == (content, make_signature())
    assert caplog.messages == [f"{path} {UNSEALED}"]


def test_a_model_that_does_not_reproduce_its_golden_rows_is_refused(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, make_model(baseline=66.5))

    assert refusal(path) == (
        f"{path}: a golden row gives [69.0], scikit-learn gave [68.5]; export it again "
        "with python -m convert"
    )


def test_what_is_no_model_file_is_refused_as_the_server_does(tmp_path: Path) -> None:
    path = write(tmp_path, b"\x80\x04N.")
    with pytest.raises(UnservableModel) as served:
        Model.load(path)

    assert refusal(path) == str(served.value)


def test_a_file_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, make_model())

    assert refusal(tmp_path / "modle.onnx") == (
        f"there is no file {tmp_path}/modle.onnx: did you mean 'model.onnx'?"
    )


def test_a_fault_of_the_runtime_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeFault("there is no library of onnxruntime")

    monkeypatch.setattr(Model, "from_content", fail)

    assert refusal(write(tmp_path, make_model())) == (
        "there is no library of onnxruntime"
    )


@pytest.mark.parametrize(
    ("n_rows", "sentence"),
    [
        (
            1,
            "1 golden row (made up, with what scikit-learn predicted for it) is "
            "reproduced",
        ),
        (
            2,
            "2 golden rows (made up, with what scikit-learn predicted for them) are "
            "reproduced",
        ),
    ],
)
def test_what_was_reproduced_is_said(n_rows: int, sentence: str) -> None:
    signature = make_signature(golden_rows=GOLDEN * n_rows, golden_tolerance=2.34e-7)

    assert say_golden_rows(signature) == sentence
    assert replayed(Path("a.onnx"), signature) == f"a.onnx: {sentence} within 2e-07"


def test_the_session_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Model] = []
    closed: list[Model] = []
    from_content, close = Model.from_content, Model.close

    def loading(content: bytes) -> Model:
        opened.append(from_content(content))
        return opened[-1]

    def closing(model: Model) -> None:
        closed.append(model)
        close(model)

    monkeypatch.setattr(Model, "from_content", loading)
    monkeypatch.setattr(Model, "close", closing)

    open_model(write(tmp_path, make_model()))

    assert closed == opened
    assert len(opened) == 1
