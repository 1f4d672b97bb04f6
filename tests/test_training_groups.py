import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from convert.training.groups import GroupError, GroupMean, group_errors, say


def make_errors(worse: float, high: float) -> list[GroupError]:
    """Return groups of which b has errors `worse` times as large, and `high` too high."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"class": ["a"] * 200 + ["b"] * 200 + ["c"] * 9 + [None] * 5})
    is_b = (rows["class"] == "b").to_numpy()
    errors = rng.normal(0, 2, len(rows)) * np.where(is_b, worse, 1) + high * is_b
    return group_errors(rows, ["class"], np.zeros(len(rows)), errors)


def test_intervals_are_those_of_student_and_welch() -> None:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"class": ["a"] * 30 + ["b"] * 50})
    errors = rng.normal(0.5, 2, 80)

    (a, _) = group_errors(rows, ["class"], np.zeros(80), errors)

    assert (a.column, a.group, a.n_rows) == ("class", "a", 30)
    absolute = np.abs(errors)
    own = ttest_1samp(absolute[:30], 0).confidence_interval(0.95)
    other = ttest_ind(absolute[:30], absolute[30:], equal_var=False)
    apart = other.confidence_interval(1 - 0.05 / 4)
    bias = ttest_1samp(errors[:30], 0).confidence_interval(1 - 0.05 / 4)
    assert [a.error.low, a.error.high] == pytest.approx([own.low, own.high])
    assert [a.excess.low, a.excess.high] == pytest.approx([apart.low, apart.high])
    assert [a.bias.low, a.bias.high] == pytest.approx([bias.low, bias.high])


def test_small_groups_and_missing_values_are_no_groups() -> None:
    assert [one.group for one in make_errors(1, 0)] == ["a", "b"]


def test_a_group_on_which_the_model_errs_more_is_named_first() -> None:
    said = say(make_errors(3, 0), "points")

    assert said[0].startswith("The model errs more where class is “b”: by ")
    assert " points on average, " in said[0]
    assert said[1].startswith("The model errs less where class is “a”: by ")
    assert len(said) == 2


def test_a_group_that_is_flattered_is_named() -> None:
    assert "The model predicts too high where class is “b”" in " ".join(
        say(make_errors(1, 1.5), "")
    )


def test_what_chance_explains_is_not_an_accusation() -> None:
    one = GroupError(
        column="class",
        group="a",
        n_rows=40,
        error=GroupMean(4, 3, 5),
        excess=GroupMean(0.5, -0.25, 1.25),
        bias=GroupMean(0, -1, 1),
    )

    assert say([one], "points") == [
        "In no group does the model err more or less than elsewhere, or predict too high "
        "or too low, by more than chance explains. The widest gap is where class is “a”: "
        "+0.50 points (−0.25 to +1.25)."
    ]


def test_without_groups_nothing_is_said() -> None:
    assert say([], "points") == []


def test_equal_errors_differ_by_nothing() -> None:
    rows = pd.DataFrame({"class": ["a"] * 20 + ["b"] * 20})

    found = group_errors(rows, ["class"], np.zeros(40), np.ones(40))

    assert [one.excess for one in found] == [GroupMean(0, 0, 0)] * 2
