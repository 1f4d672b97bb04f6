"""JSON Schema of rows and answers, beside what the server accepts and answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from server.batching import Batcher
from server.contracts.json_schema import (
    answer_schema,
    feature_schema,
    prediction_schema,
    row_schema,
)
from server.contracts.predict.answers import write_answer
from server.contracts.predict.contract import PredictContract
from server.contracts.predict.rows import RowReader
from server.contracts.schema import Schema
from server.endpoint import Endpoint
from server.includes import available_includes
from server.model import Model
from server.problems import Problem
from server.signature import Feature, Target
from tests.models import (
    make_classifier,
    make_model,
    make_row,
    make_signature,
    make_two_targets,
)

NUMBER = {"type": "number"}


def is_valid(document: Any, schema: Any) -> bool:
    """Return what the reference implementation says, which developers have."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(document))


def test_a_row_is_an_object_of_what_the_signature_says() -> None:
    assert row_schema(make_signature()) == {
        "type": "object",
        "properties": {
            "gender": {
                "type": "string",
                "enum": ["female", "male"],
                "examples": ["female"],
            },
            "lunch/meal": {
                "type": ["string", "null"],
                "description": 'Known are "free/reduced", "standard"; the model '
                "ignores another.",
                "examples": ["standard"],
            },
            "reading score": {
                "type": ["number", "null"],
                "description": "17 to 100 points in training. Where it is missing, the "
                "model takes 70.",
                "minimum": 0.0,
                "maximum": 100.0,
                "examples": [70.0],
            },
        },
        "required": ["gender"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("feature", "schema"),
    [
        (
            Feature(name="a", input="a", kind="text", title="A", description="Said."),
            {"type": ["string", "null"], "title": "A", "description": "Said."},
        ),
        (
            Feature(name="a", input="a", kind="boolean", required=True, typical=False),
            {"type": "boolean", "examples": [False]},
        ),
        (
            Feature(name="a", input="a", kind="integer", unit="years", maximum=0),
            {"type": ["integer", "null"], "description": "In years.", "maximum": 0},
        ),
        (
            Feature(name="a", input="a", kind="category", categories=(1, 2.5)),
            {"type": ["number", "null"], "enum": [1, 2.5, None]},
        ),
        (
            Feature(name="a", input="a", kind="category", categories=(True, False)),
            {"type": ["boolean", "null"], "enum": [True, False, None]},
        ),
        (
            Feature(
                name="a",
                input="a",
                kind="category",
                categories=tuple(map(str, range(21))),
                unknown="ignore",
                imputed="b",
            ),
            {
                "type": ["string", "null"],
                "description": "Known are "
                + ", ".join(f'"{each}"' for each in range(20))
                + ', …; the model ignores another. Where it is missing, the model takes "b".',
            },
        ),
    ],
    ids=["text", "boolean", "integer", "numbers", "booleans", "many"],
)
def test_a_feature_says_its_kind_and_what_no_keyword_says(
    feature: Feature, schema: Any
) -> None:
    assert feature_schema(feature) == schema


ROWS: Sequence[Any] = (
    {},
    [],
    None,
    make_row(),
    {"gender": "male"},
    make_row(gender=None),
    make_row(gender="other"),
    make_row(reading_score=None),
    make_row(reading_score=100),
    make_row(reading_score=100.5),
    make_row(reading_score=-1),
    make_row(reading_score="80"),
    make_row(reading_score=True),
    make_row(size=3),
    make_row() | {"lunch/meal": "unknown"},
    make_row() | {"lunch/meal": 3},
)


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_schema_accepts_what_the_server_does(row: Any) -> None:
    signature = make_signature()
    try:
        is_accepted = bool(RowReader(signature, 1).check([row]).rows)
    except Problem:
        is_accepted = False

    assert is_valid(row, row_schema(signature)) == is_accepted


def test_a_prediction_is_a_number_or_a_label_or_one_of_each_target() -> None:
    unit = Target(name="a", title="A", unit="points", description="Said.")
    label = Target(name="b", kind="classification", classes=("no", True))
    number = {"type": "number", "title": "A", "description": "Said. In points."}

    assert prediction_schema(make_signature(targets=(unit,))) == number
    assert prediction_schema(make_signature(targets=(label,))) == {
        "enum": ["no", True],
        "title": "b",
    }
    assert prediction_schema(make_signature(targets=(unit, Target(name="c")))) == {
        "type": "object",
        "properties": {"a": number, "c": {**NUMBER, "title": "c"}},
        "required": ["a", "c"],
    }


def test_an_answer_has_what_is_asked_for_beside_the_prediction() -> None:
    signature = make_signature()

    schema = answer_schema(signature, ("contributions", "interval", "warnings"))

    assert schema == {
        "type": "object",
        "properties": {
            "prediction": {
                "type": "number",
                "title": "math score",
                "description": "In points.",
            },
            "contributions": {
                "type": "object",
                "description": "How far each feature moved the prediction away from the "
                "baseline.",
                "properties": {
                    "gender": NUMBER,
                    "lunch/meal": NUMBER,
                    "reading score": NUMBER,
                },
                "required": ["gender", "lunch/meal", "reading score"],
            },
            "interval": {
                "type": "object",
                "description": "Where the truth lies, for the share `coverage` of rows.",
                "properties": {"low": NUMBER, "high": NUMBER, "coverage": NUMBER},
                "required": ["low", "high", "coverage"],
            },
            "warnings": {
                "type": "array",
                "description": "What to know before the prediction is believed.",
                "items": {
                    "type": "object",
                    "properties": {
                        "target": {"type": "string"},
                        "feature": {"type": "string"},
                        "detail": {"type": "string"},
                    },
                    "required": ["detail"],
                },
            },
            "baseline": {
                "type": "number",
                "description": "The average prediction, to which the contributions are "
                "added.",
            },
        },
        "required": [
            *("prediction", "contributions", "interval", "warnings", "baseline")
        ],
    }


@pytest.mark.parametrize(
    ("content", "includes", "wrong"),
    [
        (make_model(), ("contributions", "warnings"), {"prediction": "80"}),
        (make_classifier((False, 1)), ("probabilities", "warnings"), {"prediction": 2}),
        (make_two_targets(), ("warnings",), {"prediction": {"maths": 1}}),
    ],
    ids=["regression", "classification", "two targets"],
)
def test_an_answer_is_as_its_schema_says(
    content: bytes, includes: Sequence[str], wrong: Any
) -> None:
    model = Model.from_content(content)
    schema = Schema(model.signature, available_includes(model), 1)
    assert schema.includes == includes
    contract = PredictContract(schema, is_default=True)
    endpoint = Endpoint(Batcher(model, 1000), schema, contract, 1000)
    row = {"reading score": 80, "gender": "male"}
    named = {each.name for each in model.signature.features}
    batch = schema.reader.check({key: row[key] for key in row.keys() & named})
    prediction = asyncio.run(endpoint.predict(batch, includes))
    answer = msgspec.json.decode(write_answer(batch, prediction))
    said = answer_schema(model.signature, includes)

    assert is_valid(answer, said)
    assert not is_valid(answer | wrong, said)
