from collections import deque
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from convert.fitted import state
from convert.fitted.state import values_in

TABLE = {"Oslo": 1.5}


class Slotted:
    __slots__ = ("kept",)

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def encode(self, value: str) -> int:
        return int(value == "Voss")

    @staticmethod
    def encode_all(values: list[str]) -> bool:
        return "Hamar" in values

    @property
    def first(self) -> str:
        return "Moss"


class Holder:
    def __init__(self, kept: Any) -> None:
        self.kept = kept


def by_name(value: str) -> float:
    return TABLE.get(value, 0.0)


def closing_over(table: dict[str, int]) -> Any:
    return lambda value, other="Voss": table.get(value, len(other))


KEPT: dict[str, Any] = {
    "keys": {"Oslo": None},
    "values": {"a": {"b": ["Oslo"]}},
    "pairs": [("x", {"Oslo"})],
    "deque": deque([frozenset(["Oslo"])]),
    "texts": np.array(["Oslo"]),
    "objects": np.array([["x", "Oslo"]], object),
    "bytes": np.array([b"Oslo"]),
    "index": pd.Series([1.0], index=["Oslo"]),
    "series": pd.Series(["Oslo"], dtype="string"),
    "two levels": pd.Series([1.0], index=pd.MultiIndex.from_tuples([("x", "Oslo")])),
    "frame": pd.DataFrame({"x": [1]}, index=["Oslo"]),
    "equal names": pd.DataFrame([["x", "Oslo"]], columns=["same", "same"]),
    "categorical": pd.Categorical(["x"], ["x", "Oslo"]),
    "dtype": pd.CategoricalDtype(["Oslo"]),
    "object": Holder(Holder({"Oslo": 1})),
    "slots": Slotted(["Oslo"]),
    "global": by_name,
    "vectorized": np.vectorize(by_name),
    "cached": lru_cache(by_name),
    "partial": partial(print, "Oslo"),
    "closure": closing_over({"Oslo": 1}),
    "method": Slotted(["Oslo"]).encode,
}


@pytest.mark.parametrize("kept", KEPT)
def test_a_text_is_found_wherever_it_is_kept(kept: str) -> None:
    assert "Oslo" in values_in(KEPT[kept])


def test_the_code_of_a_class_is_looked_into_unless_only_what_was_learned_counts() -> (
    None
):
    found, learned = values_in(Slotted("a")), values_in(Slotted("a"), code=False)

    assert {"a", "Voss", "Hamar", "Moss"} <= set(found)
    assert learned == ["a"]


def test_numbers_are_python_s_own_and_never_infinite_or_missing() -> None:
    kept = [np.int64(3), 2.5, np.float32(0.5), float("nan"), float("inf"), 10**400, 3j]

    assert values_in(kept, [True, np.False_, None]) == [
        3,
        2.5,
        0.5,
        True,
        False,
    ]


def test_true_is_not_one() -> None:
    assert list(map(type, values_in([1, True, 1.0]))) == [int, bool]


def test_an_object_that_holds_itself_ends() -> None:
    ring: list[Any] = ["Oslo"]
    ring.append(ring)

    assert values_in(ring) == ["Oslo"]


def test_the_nearest_are_looked_at_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MAX_VISITED", 3)

    assert values_in([["a"], [["b"]], [[["c"]]]]) == ["a"]


def test_the_code_of_libraries_is_no_place_for_keys() -> None:
    assert values_in(pd.Series.map, np.vectorize) == []
