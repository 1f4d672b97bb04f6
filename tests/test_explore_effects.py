"""Every interval against SciPy's own, or against least squares written out."""

import numpy as np
import pytest
from scipy import stats

from convert.explore import effects
from convert.explore.columns import Floats
from convert.explore.effects import Estimate


def make_groups(seed: int = 3) -> tuple[list[Floats], effects.Groups]:
    rng = np.random.default_rng(seed)
    samples = [rng.normal(60, 10, 40), rng.normal(66, 14, 55), rng.normal(63, 9, 25)]
    codes = np.repeat(np.arange(3), [len(sample) for sample in samples])
    return samples, effects.group(codes, np.concatenate(samples), 3)


def test_groups_have_the_counts_means_and_variances_of_numpy() -> None:
    samples, groups = make_groups()

    assert groups.counts.tolist() == [40, 55, 25]
    assert groups.means == pytest.approx([sample.mean() for sample in samples])
    assert groups.variances == pytest.approx([s.var(ddof=1) for s in samples])


def test_missing_values_belong_to_no_group() -> None:
    codes = np.array([0, 0, -1, 1, 1])

    groups = effects.group(codes, np.array([1.0, np.nan, 5.0, 2.0, 4.0]), 3)

    assert groups.counts.tolist() == [1, 2, 0]
    assert groups.means[:2].tolist() == [1.0, 3.0]
    assert np.isnan(groups.means[2])


def test_difference_of_means_has_the_interval_of_welch() -> None:
    samples, groups = make_groups()
    theirs = stats.ttest_ind(samples[1], samples[0], equal_var=False)
    interval = theirs.confidence_interval(0.95)

    ours = effects.mean_difference(groups, 1, 0)

    assert ours.value == pytest.approx(samples[1].mean() - samples[0].mean())
    assert [ours.low, ours.high] == pytest.approx(list(interval))


def test_interval_is_widened_for_all_pairs_looked_at() -> None:
    samples, groups = make_groups()
    theirs = stats.ttest_ind(samples[1], samples[0], equal_var=False)
    interval = theirs.confidence_interval(1 - 0.05 / 3)

    ours = effects.mean_difference(groups, 1, 0, n_pairs=3)

    assert [ours.low, ours.high] == pytest.approx(list(interval))


def test_mean_has_the_interval_of_student() -> None:
    samples, groups = make_groups()
    error = stats.sem(samples[2])
    low, high = stats.t.interval(0.95, 24, samples[2].mean(), error)

    ours = effects.mean_estimate(groups, 2)

    assert [ours.low, ours.high] == pytest.approx([low, high])


def test_cohens_d_is_the_difference_in_pooled_standard_deviations() -> None:
    samples, groups = make_groups()
    a, b = samples[0], samples[1]
    pooled = np.sqrt((39 * a.var(ddof=1) + 54 * b.var(ddof=1)) / 93)

    d = effects.cohens_d(groups, 1, 0)
    widened = effects.cohens_d(groups, 1, 0, n_pairs=3)

    value = (b.mean() - a.mean()) / pooled
    error = np.sqrt(1 / 40 + 1 / 55 + value**2 / (2 * 95))
    for estimate, reach in ((d, 1.959964), (widened, 2.393980)):  # 5 % of three pairs
        assert [estimate.value, estimate.low, estimate.high] == pytest.approx(
            [value, value - reach * error, value + reach * error], rel=1e-6
        )


def test_cohens_d_of_groups_without_spread_is_not_bounded() -> None:
    groups = effects.group(np.repeat([0, 1], 5), np.repeat([2.0, 3.0], 5), 2)

    assert effects.cohens_d(groups, 0, 1) == Estimate(-np.inf, -np.inf, np.inf)


def test_share_between_groups_is_eta_squared_without_bias() -> None:
    samples, groups = make_groups()
    whole = np.concatenate(samples)
    within = sum(((sample - sample.mean()) ** 2).sum() for sample in samples)
    mean_square = ((whole - whole.mean()) ** 2).sum() / 119

    share, p_value = effects.share_between(groups)

    assert share.value == pytest.approx(1 - within / 117 / mean_square)
    assert p_value == pytest.approx(stats.f_oneway(*samples).pvalue)


def test_interval_of_the_share_inverts_the_noncentral_f() -> None:
    samples, groups = make_groups()
    ratio = stats.f_oneway(*samples).statistic

    share, _ = effects.share_between(groups)

    noncentrality = 120 * share.high / (1 - share.high)
    assert stats.ncf.cdf(ratio, 2, 117, noncentrality) == pytest.approx(0.025, abs=1e-6)


def test_share_covers_the_truth_nineteen_times_of_twenty() -> None:
    rng = np.random.default_rng(11)
    truth = 0.25 / 1.25  # means one standard deviation apart, two halves
    covered = 0
    for _ in range(400):
        codes = np.repeat([0, 1], 60)
        groups = effects.group(codes, rng.normal(size=120) + codes, 2)
        share, _ = effects.share_between(groups)
        covered += share.low <= truth <= share.high

    assert 365 <= covered <= 394


def test_interval_of_the_share_survives_many_groups_in_a_long_table() -> None:
    n_groups, n_rows = 900, 1_000_000
    rng = np.random.default_rng(5)
    counts = np.full(n_groups, n_rows // n_groups)
    groups = effects.Groups(counts, rng.normal(0, 0.05, n_groups), np.ones(n_groups))

    share, _ = effects.share_between(groups)

    assert 0 < share.low < share.value < share.high < 0.01


def test_groups_that_say_all_have_share_one() -> None:
    groups = effects.group(np.repeat([0, 1], 5), np.repeat([2.0, 3.0], 5), 2)

    assert effects.share_between(groups) == (Estimate(1.0, 1.0, 1.0), 0.0)


def test_correlation_has_the_interval_of_fisher() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=80)
    y = x + rng.normal(size=80)
    theirs = stats.pearsonr(x, y)
    interval = theirs.confidence_interval(0.95)

    ours, p_value = effects.correlation_estimate(x, y)

    assert ours.value == pytest.approx(theirs.statistic)
    assert [ours.low, ours.high] == pytest.approx(list(interval), rel=1e-4)
    assert p_value == pytest.approx(theirs.pvalue)


def test_slope_and_intercept_are_those_of_linregress() -> None:
    rng = np.random.default_rng(2)
    x = np.append(rng.normal(50, 9, 80), np.nan)
    y = 3 * x + rng.normal(0, 20, 81)
    theirs = stats.linregress(x[:80], y[:80])
    reach = stats.t.ppf(0.975, 78) * theirs.stderr

    slope, intercept = effects.slope_estimate(x, y)

    assert slope.value == pytest.approx(theirs.slope)
    assert slope.high - slope.value == pytest.approx(reach)
    assert intercept == pytest.approx(theirs.intercept)


def test_difference_at_equal_x_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 2, 120)
    x = rng.normal(70, 12, 120) - 6 * codes
    y = 0.8 * x + 9 * codes + rng.normal(0, 5, 120)
    design = np.column_stack([np.ones(120), x, codes])
    fit, residual, *_ = np.linalg.lstsq(design, y)
    covariance = np.linalg.inv(design.T @ design) * residual[0] / 117
    reach = stats.t.ppf(0.975, 117) * np.sqrt(covariance[2, 2])

    ours = effects.adjusted_difference(codes, 1, 0, x, y)

    assert ours.value == pytest.approx(fit[2])
    assert ours.high - ours.value == pytest.approx(reach)


def test_holm_multiplies_the_smallest_most_and_never_falls() -> None:
    assert effects.holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx(
        [0.04, 0.09, 0.09, 0.5]
    )


def test_upright_turns_the_whole_interval() -> None:
    assert Estimate(-2.0, -3.0, 0.5).upright == Estimate(2.0, -0.5, 3.0)
