import json

import pytest

from bench.errors import Refusal
from bench.load.address import Address
from bench.load.requests import encode, fetch_signature, make_bodies, make_rows
from tests.standin import SIGNATURE, serve


def make_feature(**changes: object) -> dict[str, object]:
    return {"name": "x", "input": "x", "kind": "number"} | changes


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (make_feature(categories=["a", "b"], kind="category"), {"a", "b"}),
        (make_feature(categories=[1, 2], kind="category"), {1, 2}),
        (make_feature(kind="boolean"), {True, False}),
        (make_feature(kind="integer", observed=[1.0, 3.0]), {1, 2, 3}),
        (make_feature(kind="integer", observed=[0.0, 9.0], maximum=2), {0, 1, 2}),
        (make_feature(observed=[4.5, 4.5]), {4.5}),
        (make_feature(observed=[0.0, 1.0], minimum=5.0), {5.0}),
        (make_feature(typical=3.25), {3.25}),
        (make_feature(kind="text", required=True, typical="cat"), {"cat"}),
        (make_feature(kind="text"), {None}),
    ],
)
def test_values_are_those_that_the_feature_allows(
    feature: dict[str, object], values: set[object]
) -> None:
    rows = make_rows({"features": [feature]}, 100)

    assert {row["x"] for row in rows} == values


def test_numbers_are_short_and_spread_over_the_observed_range() -> None:
    feature = make_feature(observed=[17.0, 100.0], minimum=0.0, maximum=100.0)

    values = {row["x"] for row in make_rows({"features": [feature]}, 1000)}

    assert len(values) > 700
    assert min(values) >= 17.0
    assert max(values) <= 100.0
    assert all(value == round(value, 2) for value in values)


def test_the_same_seed_makes_the_same_rows() -> None:
    assert make_rows(SIGNATURE, 9, seed=4) == make_rows(SIGNATURE, 9, seed=4)
    assert make_rows(SIGNATURE, 9, seed=4) != make_rows(SIGNATURE, 9, seed=5)


@pytest.mark.parametrize(("n_rows", "n_bodies"), [(2, 128), (256, 1), (1000, 1)])
def test_a_body_of_several_rows_is_a_list(n_rows: int, n_bodies: int) -> None:
    bodies = [json.loads(body) for body in make_bodies(SIGNATURE, n_rows)]

    assert [len(body) for body in bodies] == [n_rows] * n_bodies


def test_a_request_is_plain_http() -> None:
    address = Address("::1", 8080, "/scores")

    request = encode(address, "/predict", ["{“é”}".encode()])

    assert request == [
        b"POST /scores/predict HTTP/1.1\r\nHost: [::1]:8080\r\n"
        b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n"
        + "{“é”}".encode()
    ]


def test_a_model_that_is_not_served_is_refused_with_those_that_are() -> None:
    with (
        serve() as (url, _),
        pytest.raises(Refusal, match="serves no model 'grades', but: points"),
    ):
        fetch_signature(Address.parse(url), "grades")
