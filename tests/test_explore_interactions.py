import numpy as np
import pandas as pd
import pytest
from scipy import stats

from convert.explore.columns import Floats, Variable, read_columns
from convert.explore.findings import GroupEffect, companions, rank_effects
from convert.explore.interactions import (
    find_interactions,
    find_reversals,
    means_differ,
    reversal_headline,
    slopes_differ,
)
from convert.explore.outcome import outcomes_of
from tests.students import make_students


def residual(design: Floats, y: Floats) -> float:
    fit = np.linalg.lstsq(design, y)[0]
    return float(((y - design @ fit) ** 2).sum())


def test_two_categories_are_tested_as_in_analysis_of_variance() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    y = rng.normal(size=300) + a + 0.6 * (a == 2) * b
    dummies_a, dummies_b = np.eye(3)[a], np.eye(2)[b]
    added = residual(np.hstack([dummies_a, dummies_b[:, 1:]]), y)
    cells = residual(np.eye(6)[a * 2 + b], y)
    ratio = (added - cells) / 2 / (cells / 294)

    share, p_value = means_differ(a, b, y)

    assert share == pytest.approx((added - cells) / ((y - y.mean()) ** 2).sum())
    assert p_value == pytest.approx(stats.f.sf(ratio, 2, 294))


def test_slopes_are_tested_as_in_analysis_of_covariance() -> None:
    rng = np.random.default_rng(8)
    codes, x = rng.integers(0, 3, 300), rng.normal(5, 2, 300)
    y = x * (1 + 0.3 * codes) + rng.normal(size=300)
    dummies = np.eye(3)[codes]
    shared = residual(np.column_stack([dummies, x]), y)
    own = residual(np.column_stack([dummies, dummies * x[:, None]]), y)
    ratio = (shared - own) / 2 / (own / 294)

    share, p_value = slopes_differ(x, codes, y)

    assert share == pytest.approx((shared - own) / ((y - y.mean()) ** 2).sum())
    assert p_value == pytest.approx(stats.f.sf(ratio, 2, 294))


def test_planted_interaction_is_found_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(800, 4)), columns=list("abcd"))
    frame["kind"] = rng.choice(list("xyz"), 800)
    frame["y"] = frame["a"] * frame["b"] + frame["c"] + rng.normal(size=800)
    *features, target = read_columns(frame)

    found = find_interactions(features, outcomes_of(target)[0])

    names = [(one.feature.name, one.moderator.name) for one in found if one.matters]
    assert names == [("a", "b")]


def explored(
    frame: pd.DataFrame, target_name: str
) -> tuple[list[GroupEffect], Variable]:
    columns = {column.name: column for column in read_columns(frame)}
    target = columns.pop(target_name)
    effects = rank_effects(list(columns.values()), outcomes_of(target))
    return [one for one in effects if isinstance(one, GroupEffect)], target


def test_girls_and_boys_change_places_between_subjects() -> None:
    students = make_students(4000)
    effects, target = explored(students, "math_score")
    others = companions(target, read_columns(students[["reading_score"]]))
    boys, girls = (students[students["gender"] == one] for one in ("male", "female"))
    difference = boys.mean(numeric_only=True) - girls.mean(numeric_only=True)

    (found,) = find_reversals(effects, target, others)

    assert found.feature.name == "gender"
    said = reversal_headline(found)
    assert said.startswith(
        f"Gender differs by column: “male” is ahead in math score by {difference['math_score']:.1f} points"
    )
    assert (
        f"; “female” in reading score by {-difference['reading_score']:.1f} points (95 % CI "
        in said
    )


def test_number_that_falls_as_the_target_rises_is_no_reversal() -> None:
    students = make_students(4000)
    students["errors"] = 100 - students["math_score"]
    effects, target = explored(students, "math_score")
    others = companions(target, read_columns(students[["errors"]]))

    assert [other.name for other in others] == ["errors"]
    assert find_reversals(effects, target, others) == []
