import numpy as np
import pandas as pd
from msgspec.structs import replace

from convert.edges import edges, mixtures, neighbours, strangers
from server.signature import Feature

X = Feature(name="x", input="x", kind="number", observed=(1.0, 3.0), typical=2)


def test_neighbours_lie_next_to_each_value_and_halfway_to_the_next() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0]})

    found = neighbours([X], frame)["x"].tolist()

    single = [float(np.nextafter(np.float32(1), np.float32(side))) for side in (9, -9)]
    assert found[::2] == [
        np.nextafter(1, 9),
        np.nextafter(1, -9),
        *single,
        2.0,
        np.nextafter(2, 9),
        np.nextafter(2, -9),
    ]


def test_texts_are_tried_with_what_people_write() -> None:
    text = Feature(name="t", input="t", kind="text", typical="a b")

    found = edges([text], pd.DataFrame({"t": ["a b", "c"]}))["t"]

    assert {"", "?", "naïve ÆØÅ 12 a b'c"} <= set(found.dropna())


TOWN = Feature(
    name="town",
    input="town",
    kind="category",
    categories=("Ab-17", "Cd"),
    unknown="ignore",
    typical="Cd",
)


def test_texts_that_resemble_the_known_are_tried_where_others_are_unknown() -> None:
    found = [row["town"] for row in strangers([TOWN], {"town": ["Oslo", "Cd"]})]

    assert found[0] == "Oslo"
    assert {"AB-17", "ab-17", " Ab-17", "Ab-17 ", "Ab-28", "Ab-1", "b-17"} <= set(found)
    assert {"Ab-17Cd", "Abd", "CdAb-17", "CD", "Cd1"} <= set(found)
    assert not set(found) & set(TOWN.categories)
    assert len(found) == len(set(found))


def test_numbers_beside_the_known_are_tried_where_others_are_unknown() -> None:
    rooms = replace(TOWN, categories=(1, 2), typical=1)

    found = [row["town"] for row in strangers([rooms], {})]

    assert found == [1.5, -1, 3, 2.5, -2]


def test_nothing_is_tried_where_others_are_rejected() -> None:
    assert list(strangers([replace(TOWN, unknown="reject")], {})) == []


def test_columns_of_somebody_s_encoders_are_mixed() -> None:
    strict = replace(TOWN, unknown="reject", encoder="Pairs")
    other = replace(strict, name="kind", input="kind", categories=("flat", "house"))

    found = {(row["town"], row["kind"]) for row in mixtures([strict, other])}

    assert found == {(a, b) for a in TOWN.categories for b in ("flat", "house")}
    assert list(mixtures([strict, TOWN])) == []
