from pathlib import Path

import pytest

from convert.errors import Refusal
from convert.tables.description import (
    Description,
    FeatureDescription,
    TargetDescription,
    check_description,
    find_description,
    read_description,
)
from convert.tables.table import read_table
from tests.servers import ROOT


def write(folder: Path, text: str) -> Path:
    path = folder / "model.toml"
    path.write_text(text, "utf-8")
    return path


def refusal_of(folder: Path, text: str) -> str:
    """Read and check a description of a small table."""
    path = write(folder, text)
    table = folder / "table.csv"
    table.write_text("lunch,score,y\nstandard,1.5,1\nfree,99,2\n")
    with pytest.raises(Refusal) as caught:
        check_description(read_description(path), read_table(table), "y")
    return str(caught.value).replace(f"{folder}/", "")


def test_a_description_is_read_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        name = "maths"
        title = "Mathematics"
        [target]
        unit = "points"
        minimum = 0
        maximum = 100
        [features."race/ethnicity"]
        title = "Group"
        [features.score]
        kind = "integer"
        minimum = 0
        maximum = 99.5
        """,
    )

    assert read_description(path) == Description(
        name="maths",
        title="Mathematics",
        target=TargetDescription(unit="points", minimum=0, maximum=100),
        features={
            "race/ethnicity": FeatureDescription(title="Group"),
            "score": FeatureDescription(kind="integer", minimum=0, maximum=99.5),
        },
    )


def test_the_description_beside_an_output_is_found_and_gets_its_name(
    tmp_path: Path,
) -> None:
    output, elsewhere = tmp_path / "model.onnx", tmp_path / "other" / "model.onnx"
    path = write(tmp_path, 'title = "Beside"')

    assert find_description(None, output) == Description(name="model", title="Beside")
    assert find_description(path, Path("m.onnx")) == Description(
        name="m", title="Beside"
    )
    assert find_description(None, elsewhere) == Description(name="model")


def test_the_description_in_the_documents_is_read(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "description.md").read_text("utf-8")
    _, _, rest = document.partition("```toml\n")

    description = read_description(write(tmp_path, rest.partition("```")[0]))

    assert description.features == {
        "reading_score": FeatureDescription(
            kind="integer",
            title="Reading score",
            unit="points",
            description="Result of the reading exam.",
            minimum=0,
            maximum=100,
        )
    }


def test_an_empty_description_says_nothing(tmp_path: Path) -> None:
    assert read_description(write(tmp_path, "")) == Description()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'titel = "x"',
            "model.toml names an unknown key 'titel': did you mean 'title'? There is also "
            "'name', 'description', 'target', 'features'",
        ),
        (
            "[target]\nminimum = 3\nmaximum = 3",
            "[target] of model.toml is wrong: the minimum of 3 is not below the maximum "
            "of 3",
        ),
        (
            "[features.score]\nminimum = 3\nmaximum = 2",
            "[features.'score'] of model.toml is wrong: the minimum of 3 is not below "
            "the maximum of 2",
        ),
        (
            "[target]\nmaximum = nan",
            "[target] of model.toml is wrong: the maximum is nan, not a finite number",
        ),
        (
            "[features.score]\nminimum = -inf",
            "[features.'score'] of model.toml is wrong: the minimum is -inf, not a "
            "finite number",
        ),
        (
            '[target]\nminimum = "0"',
            "[target] of model.toml is wrong: "
            "Expected `float | null`, got `str` - at `$.minimum`",
        ),
        (
            "[target]\nmin = 0",
            "[target] of model.toml names an unknown key 'min': did you mean 'minimum'? "
            "There is also 'title', 'unit', 'description', 'maximum'",
        ),
        (
            "[target]\nmaximum = 1.5",
            "'y' is 2 on line 3 of table.csv, above the maximum of 1.5 in the "
            "description: correct the table or the description",
        ),
        (
            "[target]\nminimum = 1.5",
            "'y' is 1 on line 2 of table.csv, below the minimum of 1.5 in the "
            "description: correct the table or the description",
        ),
        (
            '[target]\nunits = "x"',
            "[target] of model.toml names an unknown key 'units': did you mean 'unit'? "
            "There is also 'title', 'description', 'minimum', 'maximum'",
        ),
        (
            "[features.lunch]\nmin = 1",
            "[features.'lunch'] of model.toml names an unknown key 'min': "
            "did you mean 'minimum'? There is also 'kind', 'title', 'unit', 'description', "
            "'maximum'",
        ),
        (
            "[features.lunhc]\n",
            "the description names an unknown column 'lunhc': did you mean 'lunch'? There "
            "is also 'score'",
        ),
        (
            "[features.y]\n",
            "the description names an unknown column 'y': there is 'lunch', 'score'",
        ),
        (
            '[features.score]\nminimum = "a"',
            "[features.'score'] of model.toml is wrong: "
            "Expected `float | null`, got `str` - at `$.minimum`",
        ),
        ("title = x", "model.toml is not TOML: Invalid value (at line 1, column 9)"),
        (
            "features = 3",
            "model.toml: features is not a table; write [features.COLUMN]",
        ),
        (
            "[features.lunch]\nmaximum = 3",
            "'lunch' is described with bounds or as an integer, and its values are "
            "categories: remove that from the description",
        ),
        (
            "[features.score]\nmaximum = 98",
            "'score' is 99.0 on line 3 of table.csv, above the maximum of 98 in the "
            "description: correct the table or the description",
        ),
        (
            "[features.score]\nminimum = 2",
            "'score' is 1.5 on line 2 of table.csv, below the minimum of 2 in the "
            "description: correct the table or the description",
        ),
        (
            '[features.score]\nkind = "integer"',
            "'score' is 1.5 on line 2 of table.csv, and described as an integer: "
            "correct the table or the description",
        ),
    ],
)
def test_a_mistake_in_the_description_is_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    assert refusal_of(tmp_path, text) == message


def test_a_description_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_bytes('title = "é"'.encode("latin-1"))

    with pytest.raises(Refusal, match=r"model\.toml is not UTF-8: save it as UTF-8"):
        read_description(path)


def test_a_column_that_is_left_out_may_stay_described(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("lunch,score,y\nstandard,1.5,1\n")
    description = Description(features={"lunch": FeatureDescription(title="Lunch")})

    check_description(description, read_table(table, drop=["lunch"]), "y")
