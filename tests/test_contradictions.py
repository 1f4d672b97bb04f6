"""Every sentence about a signature that cannot be true, and that ours say none."""

from typing import Any

import msgspec
import pytest

from server.model import Model
from server.model_file.contradictions import MAX_TOLERANCE_SHARE, contradictions
from server.signature import (
    MISSING_TEXT,
    Discrepancy,
    Distribution,
    Feature,
    GoldenRow,
    Interval,
    Provenance,
    Signature,
    Target,
    Value,
)
from tests.models import GENDER, GOLDEN, LUNCH, SCORE, TARGET, make_signature
from tests.servers import ROOT

ROW = GOLDEN[0].row


def changed(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


def spread(n_rows: int, n_missing: int = 0, **bins: Any) -> Distribution:
    return Distribution(n_rows=n_rows, n_missing=n_missing, **bins)


def with_feature(feature: Feature, **changes: Any) -> Signature:
    """Return the signature with one of its features changed."""
    features = tuple(
        changed(each, **changes) if each == feature else each
        for each in (GENDER, LUNCH, SCORE)
    )
    return make_signature(features=features)


def with_target(**changes: Any) -> Signature:
    return make_signature(targets=(changed(TARGET, **changes),))


def with_golden(**changes: Any) -> Signature:
    return make_signature(golden_rows=(*GOLDEN, changed(GOLDEN[0], **changes)))


def with_provenance(**changes: Any) -> Signature:
    return make_signature(provenance=Provenance(**changes))


def with_interval(**changes: Any) -> Signature:
    interval = Interval(half_width=1.0, coverage=0.9, n_rows=100)
    return with_target(interval=changed(interval, **changes))


def with_discrepancy(**changes: Any) -> Signature:
    discrepancy = Discrepancy(largest=0.0, tolerance=1e-9, n_rows=9, n_edge_rows=9)
    return with_provenance(discrepancy=changed(discrepancy, **changes))


def classifier(classes: tuple[Value, ...] = ("no", "yes"), **golden: Any) -> Signature:
    target = Target(name="pass", kind="classification", classes=classes)
    row = changed(GOLDEN[0], **({"predictions": classes[:1]} | golden))
    return make_signature(targets=(target,), golden_rows=(row,))


def test_a_signature_of_ours_says_nothing_impossible() -> None:
    shipped = Model.load(ROOT / "models" / "student_performance.onnx")
    shipped.close()

    for signature in (
        shipped.signature,
        make_signature(),
        classifier(),
        classifier(probabilities=(0.25, 0.75)),
        classifier((0, 1)),
        classifier((False, True)),
        with_interval(),
        with_interval(n_rows=1),
        with_discrepancy(),
        with_feature(LUNCH, categories=(1, 2.5), typical=1),
        with_feature(LUNCH, kind="boolean", categories=(), typical=True),
        with_feature(LUNCH, categories=(False, True), typical=True),
        with_feature(LUNCH, kind="text", categories=(), typical="a word"),
        with_feature(SCORE, minimum=None, observed=None, typical=None, imputed=None),
        with_feature(SCORE, minimum=5.0, maximum=5.0),
        with_feature(SCORE, title="a\r\nb\0"),
        make_signature(ignored=("id", "math score")),
        make_signature(ignored=tuple(map(str, range(1000)))),
        make_signature(ignored=("é" * 16_384,)),
        with_feature(
            SCORE, distribution=spread(9, 1, edges=(1.0, 2.5), counts=(3, 0, 5))
        ),
        with_feature(LUNCH, distribution=spread(9, counts=(4, 3))),
        with_feature(LUNCH, distribution=spread(9, values=("standard",), counts=(4,))),
        with_target(distribution=spread(9, counts=(9,))),
        make_signature(created="2026-01-31T23:59:59Z"),
    ):
        assert list(contradictions(signature)) == []


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "a\r\nSet-Cookie: b", "a\n", "ä", ".", "..", "a" * 101]
)
def test_a_name_that_no_url_can_have_is_impossible(name: str) -> None:
    assert list(contradictions(make_signature(name=name))) == [
        f"the model's name is {name!r}; in URLs it can have letters, digits, _, - and "
        "., 100 at most"
    ]


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "...a", "a" * 100])
def test_a_name_that_a_url_can_have_is_possible(name: str) -> None:
    assert list(contradictions(make_signature(name=name))) == []


OF_GOLDEN = "golden row 2: "
OF_SCORE = "feature 'reading score': "
OF_LUNCH = "feature 'lunch/meal': "
OF_TARGET = "target 'math score': "


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        (
            make_signature(version="1"),
            "the version is '1', not 12 hexadecimal digits",
        ),
        (
            make_signature(created="yesterday"),
            "it was created 'yesterday', which is no date in UTC",
        ),
        (
            make_signature(runtime="new"),
            "the onnxruntime that it needs is 'new', not as 1.21",
        ),
        (
            make_signature(features=(GENDER, SCORE, LUNCH, changed(SCORE, input="x"))),
            "two of its features are 'reading score'",
        ),
        (
            make_signature(features=(GENDER, LUNCH, SCORE, changed(LUNCH, name="x"))),
            "two of its inputs are 'lunch/meal'",
        ),
        (make_signature(ignored=("id", "a", "id")), "two of its ignored columns are 'id'"),
        (make_signature(ignored=("id", "gender")), "it reads 'gender', and ignores it"),
        (make_signature(ignored=tuple(map(str, range(1001)))), "it ignores 1001 columns, "
         "and 1000 at most"),
        (make_signature(ignored=("é" * 16_384, "a")), "the columns that it ignores have "
         "names of 32769 bytes together"),
        (with_feature(SCORE, observed=(2.0, 1.0)), OF_SCORE + "its observed range goes "
         "from 2 down to 1"),
        (with_feature(SCORE, minimum=101.0), OF_SCORE + "its range goes from 101 down to "
         "100"),
        (with_feature(SCORE, minimum=float("nan")), OF_SCORE + "its range is not finite"),
        (with_feature(SCORE, observed=(0.0, float("inf"))), OF_SCORE + "its observed "
         "range is not finite"),
        (with_feature(SCORE, typical="70"), OF_SCORE + "its typical value '70' is not a "
         "number"),
        (with_feature(SCORE, typical=True), OF_SCORE + "its typical value True is not a "
         "number"),
        (with_feature(SCORE, imputed=10**400), OF_SCORE + f"its imputed value {10**400} "
         "is not a number"),
        (with_feature(LUNCH, imputed=3), OF_LUNCH + "its imputed value 3 is not a text"),
        (with_feature(LUNCH, categories=()), OF_LUNCH + "it is a category and has none"),
        (with_feature(LUNCH, kind="text"), OF_LUNCH + "it has categories and is a text"),
        (with_feature(LUNCH, categories=("a", "b", "a")), OF_LUNCH + "two of its "
         "categories are 'a'"),
        (with_feature(LUNCH, categories=(MISSING_TEXT,)), OF_LUNCH + "a category is "
         "U+FDD0, which stands for a missing value"),
        (with_feature(LUNCH, categories=(1, "a"), typical=None), OF_LUNCH + "its category "
         "'a' is not a number as others are"),
        (with_feature(LUNCH, categories=(True, 2), typical=None), OF_LUNCH + "its category "
         "True is not a number as others are"),
        (with_feature(LUNCH, categories=(1, 1.0), typical=None), OF_LUNCH + "two of its "
         "categories are 1.0"),
        (with_feature(LUNCH, observed=(1.0, 2.0)), OF_LUNCH + "it has an observed range "
         "and is a category"),
        (with_feature(SCORE, distribution=spread(9, counts=(5, 4))), OF_SCORE + "its "
         "distribution has 2 counts for 1 bins"),
        (with_feature(LUNCH, distribution=spread(9, counts=(9,))), OF_LUNCH + "its "
         "distribution has 1 counts for 2 bins"),
        (with_feature(SCORE, distribution=spread(9, counts=(8,))), OF_SCORE + "its "
         "distribution is of 9 rows, and counts others"),
        (with_feature(LUNCH, distribution=spread(2, counts=(1, 2))), OF_LUNCH + "its "
         "distribution is of 2 rows, and counts others"),
        (with_feature(LUNCH, distribution=spread(2, counts=(2, -1))), OF_LUNCH + "a count "
         "of its distribution is below zero"),
        (with_feature(LUNCH, distribution=spread(2, -1, counts=(2, 1))), OF_LUNCH + "a "
         "count of its distribution is below zero"),
        (with_feature(SCORE, distribution=spread(2, edges=(1.0, 1.0), counts=(0, 0, 2))),
         OF_SCORE + "the edges of its distribution do not ascend"),
        (with_feature(SCORE, distribution=spread(2, edges=(float("nan"),), counts=(0, 2))),
         OF_SCORE + "the edges of its distribution do not ascend"),
        (with_feature(LUNCH, distribution=spread(2, edges=(1.0,), counts=(0, 2))),
         OF_LUNCH + "its distribution has edges, and it is no number"),
        (with_feature(LUNCH, distribution=spread(2, values=("x",), counts=(2,))),
         OF_LUNCH + "its distribution counts a value that it does not have"),
        (with_feature(LUNCH, distribution=spread(2, values=("standard",) * 2,
                                                 counts=(1, 1))),
         OF_LUNCH + "two of its counted values are 'standard'"),
        (with_target(distribution=spread(2, counts=(1,))), OF_TARGET + "its distribution "
         "is of 2 rows, and counts others"),
        (make_signature(targets=()), "there is no target"),
        (with_target(baseline=float("inf")), OF_TARGET + "its baseline is inf"),
        (with_target(classes=("a",)), OF_TARGET + "it is a regression with 1 classes"),
        (with_interval(half_width=-1.0), OF_TARGET + "the half width of its interval is "
         "-1.0"),
        (with_interval(half_width=float("nan")), OF_TARGET + "the half width of its "
         "interval is nan"),
        (with_interval(coverage=1.5), OF_TARGET + "its interval covers a share of 1.5"),
        (with_interval(n_rows=0), OF_TARGET + "its interval was measured on 0 rows"),
        (with_interval(measured_coverage=-0.5, n_measured_rows=9),
         OF_TARGET + "its measured coverage is -0.5"),
        (with_interval(measured_coverage=0.5, n_measured_rows=-1), OF_TARGET + "a measured "
         "coverage of 0.5 is of -1 rows"),
        (classifier((1, "1")), "target 'pass': two of its classes are '1'"),
        (with_provenance(dataset_sha256="x"), "the dataset's SHA-256 is not 64 hexadecimal "
         "digits"),
        (with_provenance(n_rows=-1), "its n_rows is -1"),
        (with_provenance(scores={"r2_score": float("nan")}), "its r2_score is nan"),
        (with_discrepancy(largest=-1.0), "the largest of its discrepancy is -1.0"),
        (with_golden(row=ROW | {"colour": 1}), OF_GOLDEN + "there is no feature 'colour'"),
        (with_golden(row={}), OF_GOLDEN + "'gender' is missing and required"),
        (with_golden(row=ROW | {"gender": 3}), OF_GOLDEN + "'gender' is 3, not a text"),
        (with_golden(predictions=()), OF_GOLDEN + "0 predictions for 1 targets"),
        (with_golden(predictions=("a",)), OF_GOLDEN + "its prediction 'a' is not a number"),
        (with_golden(predictions=(True,)), OF_GOLDEN + "its prediction True is not a "
         "number"),
        (with_golden(probabilities=(1.0,)), OF_GOLDEN + "1 probabilities for 0 classes"),
        (classifier(predictions=("maybe",)), "golden row 1: its prediction 'maybe' is not "
         "one of the classes"),
        (classifier(probabilities=(2.0, -1.0)), "golden row 1: 2.0 is no probability"),
        (classifier(probabilities=(1.0,)), "golden row 1: 1 probabilities for 2 classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_said_in_a_sentence(
    signature: Signature, sentence: str
) -> None:
    assert next(contradictions(signature)) == sentence


def test_only_a_regression_has_several_targets() -> None:
    target = Target(name="pass", kind="classification", classes=("no", "yes"))
    golden = GoldenRow(row=ROW, predictions=("no", "no"))
    signature = make_signature(targets=(target, TARGET), golden_rows=(golden,))

    assert "there are several targets, which only a regression can have" in list(
        contradictions(signature)
    )


@pytest.mark.parametrize(
    "tolerance", [float("nan"), float("inf"), -1e-9, 1e308, 68.5 * 0.0201]
)
def test_a_tolerance_that_would_prove_nothing_is_refused(tolerance: float) -> None:
    (sentence,) = contradictions(make_signature(golden_tolerance=tolerance))

    assert sentence == (
        f"the tolerance of its golden rows is {tolerance:.3g}, and they prove something "
        "from 0 to 1.37"
    )


@pytest.mark.parametrize("tolerance", [0.0, 1e-9, 68.5 * MAX_TOLERANCE_SHARE])
def test_a_tolerance_within_the_noise_of_a_model_is_taken(tolerance: float) -> None:
    assert list(contradictions(make_signature(golden_tolerance=tolerance))) == []


def test_the_tolerance_of_probabilities_is_a_share_of_one() -> None:
    noisy = classifier(probabilities=(0.5, 0.5))

    assert list(contradictions(changed(noisy, golden_tolerance=0.02))) == []
    assert list(contradictions(changed(noisy, golden_tolerance=0.021))) == [
        "the tolerance of its golden rows is 0.021, and they prove something from 0 to "
        "0.02"
    ]
