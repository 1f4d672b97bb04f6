from pathlib import Path
from typing import Any

import msgspec
import pytest

from convert.compare.choice import Choice
from convert.compare.comparison import (
    PROTOCOL,
    Comparison,
    Entry,
    read_json,
    write_json,
)
from convert.compare.spaces import space_of, start
from convert.errors import Invalid, Unreadable
from convert.training.estimates import FoldMean
from convert.training.regressors import CANDIDATES


def entry(name: str, **changed: Any) -> Entry:
    fields: dict[str, Any] = {
        "title": name.title(),
        "parameters": {},
        "n_trials": 2,
        "fit_seconds": 0.5,
        "cross_validated": {"r2_score": FoldMean(0.8, 0.01)},
        "test": {"r2_score": 0.81},
        "predictions": (61.5, 70.25),
    }
    return Entry(name, **(fields | changed))


def comparison(*entries: Entry, chosen: str = "ridge") -> Comparison:
    return Comparison(
        table="students.csv",
        table_sha256="a" * 64,
        target="math_score",
        unit="points",
        seed=1,
        test_size=0.2,
        n_train_rows=8,
        n_test_rows=2,
        n_folds=5,
        n_repeats=2,
        dropped=(),
        seconds=3.5,
        libraries={"scikit-learn": "1.7"},
        entries=entries,
        choice=Choice(chosen, chosen, 0.79, (chosen,), "the smallest"),
        actual=(60.0, 72.0),
        groups=(),
    )


RIDGE = entry("ridge", parameters={"alpha": 0.5, "scale_categories": True})


def test_whatever_is_tuned_is_read_back(tmp_path: Path) -> None:
    tuned = [
        entry(name, parameters=dict(start(space_of(name, 100)))) for name in CANDIDATES
    ]
    written = comparison(*tuned)
    (tmp_path / "c.json").write_bytes(write_json(written))

    assert read_json(tmp_path / "c.json") == written


def test_who_did_not_take_part_has_no_entry() -> None:
    found = comparison(entry("linear"), RIDGE)

    assert found.entry("ridge") == RIDGE
    with pytest.raises(Invalid) as refused:
        found.entry("xgboost")
    assert str(refused.value) == (
        "'xgboost' did not take part in the comparison: name one of linear, ridge, or "
        "compare again"
    )


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        read_json(path)
    return str(refused.value).removeprefix(f"{path} ")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = comparison(entry("linear"), RIDGE)
    (tmp_path / "c.json").write_bytes(write_json(written))

    assert read_json(tmp_path / "c.json") == written


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (b'{"table": "x"}', "Object missing required field `protocol`"),
        (b'{"protocol": 1}', "Object missing required field `table`"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"\xff", "invalid character (byte 0)"),
    ],
)
def test_what_is_no_comparison_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    found = refusal(tmp_path / "c.json", content)

    assert found.startswith("is not what compare --json writes (")
    assert found.endswith("): make it again")
    assert reason in found


@pytest.mark.parametrize("protocol", [0, PROTOCOL + 1])
def test_another_protocol_is_named_whatever_else_is_in_it(
    tmp_path: Path, protocol: int
) -> None:
    content = msgspec.json.encode({"protocol": protocol, "entries": "else"})

    assert refusal(tmp_path / "c.json", content) == (
        f"has protocol {protocol} and this Pinion reads {PROTOCOL}: compare again"
    )


@pytest.mark.parametrize(
    ("entries", "chosen", "reason"),
    [
        ((RIDGE,), "svr", "it chose 'svr', which is 0 of its entries"),
        ((RIDGE, RIDGE), "ridge", "it chose 'ridge', which is 2 of its entries"),
        (
            (entry("mine"),),
            "mine",
            "it has an entry 'mine', which is no regressor of compare",
        ),
        (
            (entry("ridge", parameters={"depth": 3}),),
            "ridge",
            "'ridge' has a parameter 'depth'",
        ),
        (
            (entry("ridge", predictions=(1.0,)),),
            "ridge",
            "'ridge' has 1 predictions for 2 rows",
        ),
    ],
    ids=["not there", "twice", "unknown", "parameter", "length"],
)
def test_parts_that_do_not_go_together_are_refused(
    tmp_path: Path, entries: tuple[Entry, ...], chosen: str, reason: str
) -> None:
    content = write_json(comparison(*entries, chosen=chosen))

    assert refusal(tmp_path / "c.json", content) == (
        f"was changed since compare --json wrote it ({reason}): make it again"
    )
