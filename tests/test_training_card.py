from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from convert.errors import Refusal
from convert.report.beside import MARK, check_card
from convert.report.sentences import doubt
from convert.training.card import write_card
from convert.training.evaluation import Evaluation
from convert.training.groups import GroupError, GroupMean
from server import signature as signatures
from server.signature import (
    Discrepancy,
    Feature,
    Provenance,
    Signature,
    Target,
)

SIGNATURE = Signature(
    protocol=1,
    name="maths",
    version="0123456789ab",
    title="Mathematics",
    description="Shows how it works.",
    estimator="Ridge",
    features=(
        Feature(
            name="a|b",
            input="a|b",
            kind="category",
            categories=("x", "y"),
            imputed="x",
            typical="x",
            title="Group",
            description="Of the school.",
        ),
        Feature(
            name="score",
            input="score",
            kind="number",
            required=True,
            minimum=0,
            maximum=100,
            observed=(17, 99.5),
            typical=70,
            title="Score",
            unit="points",
        ),
    ),
    targets=(Target(name="y", title="Result", unit="points"),),
    provenance=Provenance(
        dataset="table.csv",
        dataset_sha256="ab" * 32,
        command="python -m convert train table.csv",
        n_rows=1000,
        n_train_rows=800,
        n_test_rows=200,
        split="chosen at random",
        scores={"r2_score": 0.88043, "mean_absolute_error": 4.2148},
        libraries={"onnx": "1.23.2", "scikit-learn": "1.9.1"},
        discrepancy=Discrepancy(
            largest=7e-12, tolerance=1e-9, n_rows=1000, n_edge_rows=73
        ),
    ),
)

CARD = """\
# Mathematics

Shows how it works.

## How good it is

`y` (Result), predicted for 200 rows that the model has not seen (chosen at random):

| score | value |
| --- | --- |
| R² (1 is perfect, 0 is no better than the average) | 0.8804 |
| mean absolute error | 4.2148 points |

On 1,000 rows of the table and 73 made-up edge rows, each in a batch and alone, the graph \
and scikit-learn differ by at most 7.0e-12; above 1e-09 nothing would have been written.

## What it reads

| column | meaning | values | a missing value | typical |
| --- | --- | --- | --- | --- |
| `a\\|b` | Group: Of the school. | “x”, “y” | counts as “x” | “x” |
| `score` | Score | number from 0 to 100 points; seen 17 to 99.5 | is refused | 70 |

## What it is not for

- Nothing is known about rows unlike those of the table: beyond the values seen in \
training a prediction is a guess.
- A category that was not seen in training is refused: nothing was learned about it.
- A prediction is what the regressor returns; it is not cut off at any bound.
- What goes together in the table need not be cause and effect: changing a value of a row \
does not say what would happen to a person.

## Where it comes from

|  |  |
| --- | --- |
| model | `maths`, version `0123456789ab` |
| file | 9,381 bytes, ONNX |
| estimator | Ridge |
| table | table.csv, 1,000 rows, of which 800 were fitted |
| SHA-256 of the table | `abababababababababababababababababababababababababababababababab` |
| made with | onnx 1.23.2, scikit-learn 1.9.1 |

With these libraries, on the same kind of processor and beside the files that it names, \
this command makes the same file, byte for byte:

```sh
python -m convert train table.csv
```

<!-- Written by python -m convert, and written again with the model. -->
"""


def test_the_card_says_what_the_signature_says() -> None:
    assert write_card(SIGNATURE, n_bytes=9381) == CARD


def test_the_card_says_why_values_beside_those_asked_for_are_refused() -> None:
    group, score = SIGNATURE.features
    asked = replace(
        SIGNATURE, features=(replace(group, encoder="TargetEncoder"), score)
    )

    sentences = write_card(asked, n_bytes=9381)

    assert (
        "- A value of `a|b` beside those above is refused: the column goes through "
        "TargetEncoder, which is not scikit-learn's and was asked for these only."
    ) in sentences
    assert "was not seen in training" not in sentences


EVALUATION = Evaluation(
    scores={
        "r2_score": GroupMean(0.88043, 0.84, 0.91),
        "mean_absolute_error": GroupMean(4.2148, 3.8, 4.7),
    },
    groups=[
        GroupError(
            column="a|b",
            group="x",
            n_rows=40,
            error=GroupMean(4, 3, 5),
            excess=GroupMean(0.5, -0.25, 1.25),
            bias=GroupMean(-0.25, -1, 0.5),
        )
    ],
    importances=[],
    picture="maths.svg",
)


def test_an_evaluation_adds_intervals_groups_and_a_picture() -> None:
    card = write_card(SIGNATURE, 9381, EVALUATION)

    plain, added = set(CARD.splitlines()), set(card.splitlines())
    assert plain - added == {
        "| score | value |",
        "| R² (1 is perfect, 0 is no better than the average) | 0.8804 |",
        "| mean absolute error | 4.2148 points |",
    }
    assert added - plain >= {
        "| score | value | 95% interval |",
        "| mean absolute error | 4.2148 points | 3.8000 to 4.7000 |",
        "![How much worse the model is without each column](maths.svg)",
        "| `a\\|b`: x | 40 | 4.00 (3.00 to 5.00) | −0.25 (−1.00 to 0.50) |",
    }


def test_a_signature_that_says_little_gives_a_short_card() -> None:
    signature = Signature(
        protocol=1,
        name="m",
        version="0",
        title="M",
        features=(Feature(name="t", input="t", kind="text"),),
        targets=(Target(name="y"),),
    )

    card = write_card(signature, n_bytes=1)

    assert "The graph was not compared with scikit-learn." in card
    assert "| `t` |  | text | is accepted |  |" in card
    assert "```" not in card


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (
            -1e-9,
            "R² is below 0: for these rows their mean would have been a better "
            "prediction than the model's. Look for what the columns lack before you use "
            "it.",
        ),
        (0.0, ""),
        (float("nan"), ""),
    ],
)
def test_a_model_that_is_worse_than_none_is_doubted(score: float, said: str) -> None:
    provenance = replace(SIGNATURE.provenance, scores={"r2_score": score})

    card = write_card(replace(SIGNATURE, provenance=provenance), n_bytes=9381)

    assert doubt(provenance) == said
    assert ("\n\nR² is below 0" in card) == bool(said)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (
            signatures.Interval(
                half_width=9.23893,
                coverage=0.9,
                n_rows=1800,
                measured_coverage=0.89,
                n_measured_rows=200,
            ),
            "The true `y` lies within ±9.239 points of the prediction in 90% of rows, by "
            "cross-validation over the 1,800 rows that were fitted; of the 200 rows that "
            "were held out 89.0% do. That is measured, not guaranteed.",
        ),
        (
            signatures.Interval(half_width=1e9, coverage=0.9, n_rows=100),
            "The true `y` lies within ±1e+09 points of the prediction in 90% of rows like "
            "the 100 that this was measured on; that holds for new rows if the model was "
            "not fitted on these.",
        ),
        (
            signatures.Interval(half_width=2, coverage=0.9, n_rows=9),
            "The true `y` lies within ±2 points of the prediction in 90% of rows like the "
            "9 that this was measured on; that holds for new rows if the model was not "
            "fitted on these. With so few rows that share itself scatters by ±9% (one "
            "standard deviation): give 100 or more.",
        ),
        (
            signatures.Interval(
                half_width=2,
                coverage=0.9,
                n_rows=40,
                measured_coverage=1.0,
                n_measured_rows=10,
            ),
            "The true `y` lies within ±2 points of the prediction in 90% of rows, by "
            "cross-validation over the 40 rows that were fitted; of the 10 rows that were "
            "held out 100.0% do. That is measured, not guaranteed. With so few rows that "
            "share itself scatters by ±5% (one standard deviation): give 100 or more.",
        ),
    ],
)
def test_an_interval_says_how_it_was_found(
    interval: signatures.Interval, said: str
) -> None:
    target = replace(SIGNATURE.targets[0], interval=interval)

    card = write_card(replace(SIGNATURE, targets=(target,)), n_bytes=9381)

    assert set(card.splitlines()) - set(CARD.splitlines()) == {said}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"minimum": 0.0, "maximum": 100.0},
            "beyond what it can be (from 0 to 100 points)",
        ),
        ({"maximum": 0.5}, "beyond what it can be (to 0.5 points)"),
        (
            {"observed": (8.0, 99.5)},
            "beyond what was seen (8 to 99.5) by more than its error",
        ),
        (
            {"minimum": -1.0, "observed": (0.0, 1e9)},
            "beyond what it can be (from -1 points) or beyond what was seen (0 to 1e+09) "
            "by more than its error",
        ),
    ],
)
def test_bounds_say_where_a_prediction_is_doubted(
    changes: dict[str, object], said: str
) -> None:
    target = replace(SIGNATURE.targets[0], **changes)

    card = write_card(replace(SIGNATURE, targets=(target,)), n_bytes=9381)

    assert set(card.splitlines()) - set(CARD.splitlines()) == {
        f"- A warning says where `y` is {said}."
    }


def test_nothing_is_cut_off_of_a_label() -> None:
    target = Target(name="y", kind="classification", classes=("a", "b"), title="Result")

    card = write_card(replace(SIGNATURE, targets=(target,)), n_bytes=9381)

    assert "it is not cut off" not in card


HOSTILE = "<script>| `a`\n\n# b *c* [d](e) ~~f~~ $g$ ```\n- h \\"


def test_no_word_of_the_signature_changes_what_the_card_is_made_of() -> None:
    category, score = SIGNATURE.features
    interval = signatures.Interval(half_width=2.0, coverage=0.9, n_rows=9)
    target = replace(
        SIGNATURE.targets[0], interval=interval, minimum=0.0, observed=(0.0, 1.0)
    )
    plain = replace(SIGNATURE, targets=(target,))
    hostile = replace(
        plain,
        title=HOSTILE,
        description=HOSTILE,
        features=(
            replace(
                category,
                name=HOSTILE,
                categories=(HOSTILE, "y"),
                imputed=HOSTILE,
                typical=HOSTILE,
                title=HOSTILE,
                description=HOSTILE,
            ),
            replace(score, unit=HOSTILE),
        ),
        targets=(replace(target, name=HOSTILE, title=HOSTILE, unit=HOSTILE),),
        provenance=replace(SIGNATURE.provenance, dataset=HOSTILE),
    )

    group = replace(EVALUATION.groups[0], column=HOSTILE, group=HOSTILE)
    evaluation = EVALUATION._replace(groups=[group], picture="my maths (1).svg")

    reader = MarkdownIt().enable(["table", "strikethrough"])
    tokens = reader.parse(write_card(hostile, 9381, evaluation))
    expected = reader.parse(write_card(plain, 9381, EVALUATION))

    assert [one.type for one in tokens] == [one.type for one in expected]
    title, description = (
        [child.content for child in one.children or ()]
        for one in tokens
        if one.map in ([0, 1], [2, 3]) and one.type == "inline"
    )
    assert title == description == [" ".join(HOSTILE.split())]
    inside = {child.type for one in tokens for child in one.children or ()}
    assert inside == {"text", "code_inline", "image"}


def test_only_a_card_is_written_over(tmp_path: Path) -> None:
    notes, card = tmp_path / "notes.md", tmp_path / "card.md"
    notes.write_text("my notes")
    card.write_text(f"# A model\n\n{MARK}\n")

    check_card(card)
    check_card(tmp_path / "none.md")

    with pytest.raises(Refusal, match="and is not one: move it"):
        check_card(notes)
