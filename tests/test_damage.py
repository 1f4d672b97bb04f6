"""Files of every family, damaged at random: none is served and wrong."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from server.model import Model, UnservableModel
from tests.families import made_families
from tests.models import make_model
from tests.replay import answers, difference

N_FLIPS = 10_000
N_OTHERS = 500  # of each other kind of damage
SEED = 9

Damage = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, drawn: random.Random, n_bits: int = 1) -> bytes:
    """Change `n_bits` different bits."""
    damaged = bytearray(content)
    for bit in drawn.sample(range(8 * len(content)), n_bits):
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def flip_two(content: bytes, drawn: random.Random) -> bytes:
    return flip(content, drawn, n_bits=2)


def flip_in_the_signature(content: bytes, drawn: random.Random) -> bytes:
    start = content.index(b"pinion.signature") - 8
    head = content[start : start + 160]
    return content[:start] + flip(head, drawn) + content[start + 160 :]


def truncate(content: bytes, drawn: random.Random) -> bytes:
    return content[: drawn.randrange(len(content))]


def append(content: bytes, drawn: random.Random) -> bytes:
    return content + drawn.randbytes(drawn.randint(1, 64))


def blank(content: bytes, drawn: random.Random) -> bytes:
    """Put zeros in the place of up to 512 bytes, as a bad disk does."""
    start = drawn.randrange(len(content))
    stop = min(len(content), start + drawn.randint(1, 512))
    return content[:start] + bytes(stop - start) + content[stop:]


def repeat(content: bytes, drawn: random.Random) -> bytes:
    """Put a part of the file in once more: to protobuf the last one counts."""
    start, stop = sorted(drawn.sample(range(len(content) + 1), 2))
    return content[:stop] + content[start:stop] + content[stop:]


def verdict(content: bytes, said: dict[str, Any]) -> str:
    try:
        model = Model.from_content(content)
    except UnservableModel:
        return "refused"
    found = answers(model, said["columns"])
    model.close()
    return "right" if difference(found, said["answers"]) == 0 else "wrong"


def test_a_verdict_tells_right_from_wrong_and_refused() -> None:
    content = make_model()
    columns = [["male"], ["standard"], [80.0]]
    right = {"columns": columns, "answers": [[81.0, 2.0, 3.0, 10.0]] * 2}
    wrong = {"columns": columns, "answers": [[81.5, 2.0, 3.0, 10.0]] * 2}

    assert verdict(content, right) == "right"
    assert verdict(content, wrong) == "wrong"
    assert verdict(flip(content, random.Random(SEED)), right) == "refused"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "n_files"),
    [
        (flip, N_FLIPS),
        (flip_two, N_OTHERS),
        (flip_in_the_signature, N_OTHERS),
        (truncate, N_OTHERS),
        (append, N_OTHERS),
        (blank, N_OTHERS),
        (repeat, N_OTHERS),
    ],
)
def test_no_damaged_file_is_served(damage: Damage, n_files: int) -> None:
    drawn = random.Random(SEED)
    paths = sorted(made_families().glob("*.onnx"))
    verdicts: Counter[str] = Counter()
    for number in range(n_files):
        path = paths[number % len(paths)]
        content = path.read_bytes()
        damaged = damage(content, drawn)
        if damaged != content:  # zeros in the place of zeros
            said = json.loads(path.with_suffix(".json").read_text())
            verdicts[verdict(damaged, said)] += 1

    assert verdicts.keys() == {"refused"}
