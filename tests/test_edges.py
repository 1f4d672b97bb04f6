import numpy as np
import pandas as pd

from convert.edges import edges, neighbours
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
