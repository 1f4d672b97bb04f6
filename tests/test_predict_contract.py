import pytest

from server.batch import Batch, Prediction
from server.contracts.contract import Answer, Question
from server.contracts.predict.contract import PredictContract
from server.contracts.schema import Schema
from server.problems import InvalidQuery, UnsupportedMediaType
from tests.models import make_signature

ROW = b'{"gender": "male", "reading score": 80}'
NAMED = (
    "/models/student/predict",
    "/models/student/versions/0123456789ab/predict",
)
BATCH = Batch([("male", None, 80.0)], "row")


def make_contract(*, is_default: bool = True) -> PredictContract:
    includes = ("interval", "warnings")
    return PredictContract(Schema(make_signature(), includes, 10), is_default)


@pytest.mark.parametrize(
    ("is_default", "paths"),
    [
        (False, NAMED),
        (True, (*NAMED, "/predict")),
    ],
)
def test_a_model_has_its_path_and_one_has_that_without_a_name(
    is_default: bool, paths: tuple[str, ...]
) -> None:
    contract = make_contract(is_default=is_default)

    assert contract.paths == paths
    assert all(map(contract.is_hot, paths))
    assert not contract.is_hot("/predict?include=interval")


def test_another_kind_of_body_is_refused_by_its_headers() -> None:
    contract = make_contract()

    contract.accept([(b"content-type", b"application/json")])
    with pytest.raises(UnsupportedMediaType):
        contract.accept([(b"content-type", b"text/csv")])


@pytest.mark.parametrize(
    ("query", "includes"),
    [
        (b"", ()),
        (b"include=", ()),
        (b"include=warnings", ("warnings",)),
        (b"include=,warnings,,interval", ("warnings", "interval")),
        (b"include=warnings&include=interval", ("warnings", "interval")),
    ],
)
def test_a_body_is_a_batch_and_its_query_what_is_asked_for(
    query: bytes, includes: tuple[str, ...]
) -> None:
    assert make_contract().read(ROW, query) == Question(BATCH, includes)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        (b"x=1&a=1", "The query has 'a'; its parameters are include and on_error."),
        (b"include=reasons", "'reasons' is not one of: interval, warnings."),
    ],
)
def test_a_query_of_other_words_is_refused_before_the_body(
    query: bytes, detail: str
) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        make_contract().read(b"no JSON", query)

    assert refusal.value.detail == detail


def test_answers_and_problems_are_json() -> None:
    contract, problem = make_contract(), InvalidQuery("No.")

    answer = contract.write(Question(BATCH), Prediction([80.0]))
    assert answer == Answer(b'{"prediction":80.0}', b"application/json")
    assert contract.refuse(problem) == Answer(
        problem.body(), b"application/problem+json", 400
    )
