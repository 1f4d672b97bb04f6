"""How long an answer took, for whoever asks."""

import re
from pathlib import Path

import pytest

from server.timing import is_wanted
from tests.models import make_model, make_row
from tests.servers import asking


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([b"timing"], True),
        ([b"return=minimal, Timing "], True),
        ([b"wait=10", b"timing"], True),
        ([b"timings"], False),
        ([], False),
    ],
)
def test_a_preference_is_one_word_of_several(values: list[bytes], wanted: bool) -> None:
    assert is_wanted([(b"prefer", value) for value in values]) == wanted


def test_whoever_asks_is_told_how_long_each_part_took(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    with asking(path) as client:
        timed = client.post("/predict", json=make_row(), headers={"prefer": "timing"})
        document = client.get("/models", headers={"prefer": "timing"})
        plain = client.post("/predict", json=make_row(), headers={"prefer": "wait=1"})

    pattern = r"body;dur=\d+\.\d{3}, answer;dur=\d+\.\d{3}"
    assert re.fullmatch(pattern, timed.headers["server-timing"])
    assert re.fullmatch(pattern, document.headers["server-timing"])
    assert "server-timing" not in plain.headers
    assert timed.json() == plain.json()
