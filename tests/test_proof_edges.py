import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from convert.proof.edges import edge_rows, edges, mixtures, neighbours, strangers
from server.signature import Feature, Value

X = Feature(name="x", input="x", kind="number", observed=(1.0, 3.0), typical=2)


def around(value: float) -> tuple[list[float], list[float]]:
    """Return the floats next to a value, in double and in float32: above, below."""
    doubles = [float(np.nextafter(value, side)) for side in (9e9, -9e9)]
    single = np.float32(value)
    singles = [float(np.nextafter(single, np.float32(side))) for side in (9e9, -9e9)]
    return doubles, singles


def test_neighbours_lie_next_to_each_value_and_halfway_to_the_next() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0, 1.0, np.nan], "c": list("abcd")})

    found = neighbours([X], frame)

    (one, one_single), (three, three_single), (two, _) = map(around, (1.0, 3.0, 2.0))
    columns = [
        *zip(one, three, strict=True),
        *zip(one_single, three_single, strict=True),
        *zip([2.0, *two], [3.0, *three], strict=True),  # none is larger than 3
    ]
    expected = [cell for a, b in columns for cell in (a, b, a, np.nan)]
    np.testing.assert_array_equal(found["x"], expected)
    assert found["c"].tolist() == list("abcd") * 7


def test_a_table_without_numbers_has_no_neighbours() -> None:
    text = Feature(name="t", input="t", kind="text", typical="a b")
    frame = pd.DataFrame({"t": ["a b", "c"]})

    assert neighbours([text], frame).equals(frame[:0])


def test_the_first_hundred_rows_have_neighbours() -> None:
    frame = pd.DataFrame({"x": np.arange(150.0)})

    found = neighbours([X], frame)["x"]

    assert len(found) == 700
    assert found[400:500].tolist() == [value + 0.5 for value in range(100)]


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (X, [None, 1.0, 3.0, 1 + 2 / 3, -1999.0, 2003.0, 0]),
        (
            Feature(name="x", input="x", kind="number", required=True, observed=(5, 5)),
            [5, 5, 5, -4995, 5005, 0],
        ),
        (
            Feature(name="x", input="x", kind="number", required=True, observed=(0, 0)),
            [0, 0, 0, -1000, 1000, 0],
        ),
        (
            Feature(
                name="x",
                input="x",
                kind="number",
                required=True,
                observed=(-0.0005, -0.00025),
            ),
            [-0.0005, -0.00025, -0.0005 + 0.00025 / 3, -0.2505, 0.24975, 0],
        ),
        (
            replace(X, required=True, observed=(1000.5, 1001.5), typical=None),
            [1000.5, 1001.5, 1000.5 + 1 / 3, 0.5, 2001.5],
        ),
        (
            replace(X, required=True, observed=(-1001.5, -1000.5), typical=None),
            [-1001.5, -1000.5, -1001.5 + 1 / 3, -2001.5, -0.5],
        ),
        (Feature(name="x", input="x", kind="boolean"), [None, False, True]),
        (
            Feature(name="x", input="x", kind="boolean", categories=(True,)),
            [None, True],
        ),
        (
            Feature(
                name="x",
                input="x",
                kind="category",
                categories=(1, 2),
                unknown="ignore",
            ),
            [None, 1, 2, 3.0, -0.5],
        ),
    ],
)
def test_each_kind_has_its_edge_values(
    feature: Feature, values: list[Value | None]
) -> None:
    rows = list(edge_rows([feature]))

    blank = feature.typical if feature.required else None
    assert rows == [
        {"x": blank},
        *({"x": value} for value in values for _ in range(2)),
    ]


def test_texts_are_tried_with_what_people_write() -> None:
    text = Feature(name="t", input="t", kind="text", typical="a b")

    found = edges([text], pd.DataFrame({"t": ["a b", "c"]}))["t"]

    tried = [None, "", "?", "naïve ÆØÅ 12 a b'c", "\n"]
    assert [None if pd.isna(value) else value for value in found] == [
        None,
        *(value for value in tried for _ in range(2)),
    ]


def test_every_edge_row_is_numbered_and_like_the_table() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0]}, index=[7, 7])
    feature = replace(X, required=True)

    found = edges([feature], frame, {"x": [7.5]})

    values = [row["x"] for row in edge_rows([feature])] + [7.5]
    moved = neighbours([feature], frame)["x"].tolist()
    expected = pd.DataFrame({"x": [*values, *moved]})
    pd.testing.assert_frame_equal(found, expected)


TOWN = Feature(
    name="town",
    input="town",
    kind="category",
    categories=("Ab-17", "Cd"),
    unknown="ignore",
    typical="Cd",
)


def test_texts_that_resemble_the_known_are_tried_where_others_are_unknown() -> None:
    found = list(strangers([TOWN, X], {"town": ["Oslo", "Cd"]}))

    names = [
        "Oslo",
        *("AB-17", "ab-17", "aB-17", " Ab-17", "Ab-17 ", "Ab-17Ab-17", "Ab-17Cd"),
        *("Ab-1", "b-17", "Abd", "Ab-171", "xAb-17", "Ab-28"),
        *("CD", "cd", "cD", " Cd", "Cd ", "CdCd", "CdAb-17"),
        *("C", "d", "C-17", "Cd1", "xCd"),
    ]
    assert found == [{"town": name, "x": 2} for name in names]


def test_numbers_beside_the_known_are_tried_where_others_are_unknown() -> None:
    rooms = replace(TOWN, categories=(1, 2), typical=1)

    found = [row["town"] for row in strangers([rooms], {})]

    assert found == [1.5, -1, 3, 2.5, -2]


def test_of_many_categories_some_are_changed_a_little() -> None:
    tens = tuple(range(0, 130, 10))
    rooms = replace(TOWN, categories=tens, typical=0)

    found = [row["town"] for row in strangers([rooms], {})]

    changed = (0, 30, 60, 90, 120)
    near = [each for ten in changed for each in (ten + 1, ten + 0.5, -ten)]
    assert found == [value for value in near if value != 0]


def test_nothing_resembles_true_and_false() -> None:
    garden = replace(TOWN, kind="boolean", categories=(False, True), typical=True)

    assert list(strangers([garden], {})) == []


def test_nothing_is_tried_where_others_are_rejected() -> None:
    assert list(strangers([replace(TOWN, unknown="reject")], {})) == []


def test_columns_of_somebody_s_encoders_are_mixed() -> None:
    strict = replace(TOWN, unknown="reject", encoder="Pairs")
    other = replace(strict, name="kind", input="kind", categories=("flat", "house"))

    note = Feature(name="note", input="note", kind="text", typical="a b")

    found = list(mixtures([strict, X, other, note]))

    assert len(found) == 1000
    assert {(*row,) for row in found} == {("town", "x", "kind", "note")}
    assert {(*row.values(),) for row in found} == {
        (town, x, kind, "a b")
        for town in ("Ab-17", "Cd")
        for x in (1.0, 3.0)
        for kind in ("flat", "house")
    }
    assert list(mixtures([strict, TOWN])) == []
