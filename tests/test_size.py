"""How many values a body may hold, before any of them is built."""

import json
import tracemalloc

import pytest

from server.contracts.predict.size import require_few_values
from server.problems import TooManyRows


def is_refused(body: bytes, max_rows: int = 10, n_features: int = 2) -> bool:
    try:
        require_few_values(body, max_rows, n_features)
    except TooManyRows:
        return True
    return False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        json.dumps([{"a": 1, "b": 2}] * 10).encode(),
        json.dumps([{"a": 1, "b": 2}] * 20).encode(),
        json.dumps({"columns": {"a": [1] * 10, "b": [2] * 10}}).encode(),
        json.dumps([{"a": ",,,,,,,,,,", "b": '",\\,",,,,,'}] * 10).encode(),
        json.dumps({"a": "," * 1000}).encode(),
        b'"' + b"," * 1000,
    ],
)
def test_what_may_be_few_rows_is_let_through(body: bytes) -> None:
    assert not is_refused(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * 41 + b"{}]",
        json.dumps({"columns": {"a": [1] * 50}}).encode(),
        b"[" + b"[]," * 41 + b"[]]",
        b"{" + b'"a":1,' * 41 + b'"a":1}',
        b"," * 41,
        b'[",",",\\"",' + b'"a",' * 41 + b"]",
    ],
)
def test_what_cannot_be_so_few_rows_is_refused(body: bytes) -> None:
    assert is_refused(body)


def test_the_limit_counts_for_a_model_without_features() -> None:
    assert is_refused(b"[" + b"{}," * 21 + b"{}]", n_features=0)
    assert not is_refused(b"[" + b"{}," * 20 + b"{}]", n_features=0)


@pytest.mark.parametrize("unit", [b"{},", b'",",', b'\\",', b'"\\"', b'"\\\\",'])
def test_no_body_costs_memory_to_be_counted(unit: bytes) -> None:
    body = unit * (2**22 // len(unit))
    tracemalloc.start()
    is_refused(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2**22 + 2**20


def test_an_open_string_of_quotation_marks_is_looked_at_once() -> None:
    body = b"," * 100 + b'"' + b'\\"' * 2**20  # were it quadratic, this took an hour

    assert is_refused(body)
