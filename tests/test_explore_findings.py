"""Made-up students, whose effects are known."""

import numpy as np
import pytest
from scipy import stats

from convert.explore.association import association_matrix
from convert.explore.columns import Variable, read_columns
from convert.explore.findings import (
    Effect,
    GroupEffect,
    companions,
    comparison,
    detail,
    headline,
    rank_effects,
    round_step,
    same_groups,
    together,
)
from convert.explore.outcome import outcomes_of
from tests.students import make_students


def make_columns(n_rows: int = 4000) -> dict[str, Variable]:
    return {column.name: column for column in read_columns(make_students(n_rows))}


def ranked(target: str, n_rows: int = 4000) -> dict[str, Effect]:
    columns = make_columns(n_rows)
    wanted = columns.pop(target)
    found = rank_effects(list(columns.values()), outcomes_of(wanted))
    return {effect.feature.name: effect for effect in found}


def test_effects_are_ranked_by_the_share_they_account_for() -> None:
    shares = [effect.share.value for effect in ranked("math_score").values()]

    assert shares == sorted(shares, reverse=True)


def test_known_effects_lie_in_their_intervals() -> None:
    maths, writing = ranked("math_score"), ranked("writing_score")

    assert maths["lunch"].size.low < 6 < maths["lunch"].size.high
    assert maths["gender"].size.low < 6 < maths["gender"].size.high
    assert writing["gender"].size.low < 5 < writing["gender"].size.high
    course = writing["test_preparation_course"]
    assert course.size.low < 4 < course.size.high


def test_what_has_no_effect_is_not_clear() -> None:
    clear = {name for name, effect in ranked("math_score").items() if effect.is_clear}

    assert clear == {"reading_score", "writing_score", "lunch", "gender"}


def test_headline_of_two_groups_gives_the_interval_of_welch() -> None:
    students = make_students(4000)
    scores = students["math_score"]
    standard = students["lunch"] == "standard"
    theirs = stats.ttest_ind(scores[standard], scores[~standard], equal_var=False)
    low, high = theirs.confidence_interval(0.95)
    difference = scores[standard].mean() - scores[~standard].mean()

    assert headline(ranked("math_score")["lunch"]) == (
        f"Math score is {difference:.1f} points higher on average for lunch “standard” "
        f"than for “free/reduced” (95 % CI {low:.1f} to {high:.1f})."
    )


def test_headline_of_a_number_gives_the_slope_for_a_round_step() -> None:
    students = make_students(4000)
    fit = stats.linregress(students["reading_score"], students["math_score"])
    reach = 10 * stats.t.ppf(0.975, 3998) * fit.stderr
    slope = 10 * fit.slope

    assert headline(ranked("math_score")["reading_score"]) == (
        f"Math score rises with reading score: {slope:.1f} points higher for every 10 "
        f"points more (95 % CI {slope - reach:.1f} to {slope + reach:.1f})."
    )


def test_several_groups_say_that_the_interval_is_widened() -> None:
    effect = ranked("math_score")["race_ethnicity"]
    assert isinstance(effect, GroupEffect)

    assert comparison(effect).endswith(
        "the highest and the lowest of 5 groups; the interval is widened for all 10 pairs."
    )


def test_detail_gives_share_size_and_corrected_p_value() -> None:
    said = detail(ranked("math_score")["lunch"], 7)

    assert said.startswith("Lunch alone accounts for ")
    assert "Cohen's d = " in said
    assert said.endswith("p\u00a0<\u00a00.001 after Holm's correction for 7 looks.")


def test_the_same_groups_are_followed_into_the_other_scores() -> None:
    columns = make_columns()
    effect = ranked("math_score")["gender"]
    assert isinstance(effect, GroupEffect)
    others = companions(columns["math_score"], list(columns.values())[:5])
    reading = columns["reading_score"].numbers
    is_male = columns["gender"].codes == 1
    difference = reading[is_male].mean() - reading[~is_male].mean()

    said = same_groups(effect, [columns["reading_score"]])

    assert others == []
    assert said.startswith(
        f"The same two groups in reading score −{abs(difference):.1f} ("
    )


def test_scores_that_say_much_the_same_are_named() -> None:
    columns = list(make_columns().values())

    pairs = together(columns, association_matrix(columns))

    assert [(a.name, b.name) for a, b, _ in pairs] == [
        ("reading_score", "writing_score"),
        ("math_score", "reading_score"),
        ("math_score", "writing_score"),
    ]


def test_class_is_explained_by_how_frequent_it_is() -> None:
    frame = make_students(4000)
    frame["passed"] = np.where(frame["math_score"] >= 65, "yes", "no")
    *features, target = read_columns(frame[["lunch", "passed"]])
    shares = (frame["passed"] == "yes").groupby(frame["lunch"]).mean()
    difference = 100 * (shares["standard"] - shares["free/reduced"])

    (effect,) = rank_effects(features, outcomes_of(target))

    assert headline(effect).startswith(
        f"Share of “yes” is {difference:.1f} percentage points higher on average for "
        "lunch “standard” than for “free/reduced” (95 % CI "
    )


@pytest.mark.parametrize(
    ("spread", "step"),
    [(14.6, 20), (13, 10), (0.3, 0.2), (0.4, 0.5), (6e5, 5e5), (0, 1), (np.inf, 1)],
)
def test_step_is_a_round_figure(spread: float, step: float) -> None:
    assert round_step(spread) == pytest.approx(step)
