import pytest

from server.batch import Batch, Form, Prediction
from server.contracts.predict.answers import write_answer

REASONS = Prediction([1.5], {"contributions": [{"a": 0.5}], "interval": [{}]}, 1.0)


@pytest.mark.parametrize(
    ("form", "prediction", "answer"),
    [
        ("row", Prediction([80.0]), b'{"prediction":80.0}'),
        ("row", Prediction(["yes"]), b'{"prediction":"yes"}'),
        ("row", Prediction([{"a": 1.0}]), b'{"prediction":{"a":1.0}}'),
        ("rows", Prediction([80.0, 1.0]), b'{"predictions":[80.0,1.0]}'),
        ("rows", Prediction([]), b'{"predictions":[]}'),
        ("columns", Prediction([80.0]), b'{"predictions":[80.0]}'),
        (
            "row",
            REASONS,
            b'{"prediction":1.5,"contributions":{"a":0.5},"interval":{},"baseline":1.0}',
        ),
        (
            "rows",
            REASONS,
            b'{"predictions":[1.5],"contributions":[{"a":0.5}],"intervals":[{}],'
            b'"baseline":1.0}',
        ),
    ],
)
def test_an_answer_has_the_form_of_its_body(
    form: Form, prediction: Prediction, answer: bytes
) -> None:
    assert write_answer(Batch([], form), prediction) == answer


def test_a_baseline_of_zero_is_said() -> None:
    prediction = Prediction([1.5], {"contributions": [{"a": 1.5}]}, 0.0)

    assert write_answer(Batch([], "row"), prediction).endswith(b',"baseline":0.0}')
