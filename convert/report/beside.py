"""The card beside a model, and how both are replaced though two renames are never one.

First a card takes its place that holds both cards and says which is true of which file.
Then the model is replaced, and then that card by the new one alone. Whenever this is cut
off, the card is right about the model that is there.
"""

import logging
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from convert.errors import Invalid
from convert.report.files import alone_in, replace
from convert.report.markdown import code

log = logging.getLogger(__name__)

MARK = "<!-- Written by python -m convert, and written again with the model. -->"
"""Of a model card."""

PART = re.compile(rb"\n# The card of the file with SHA-256 `([0-9a-f]{64})`\n\n")
"""Heads each card in one that holds two: two models may have the same graph, and so the
same version."""


def card_path(model: Path) -> Path:
    return model.with_suffix(".md")


def size(n_bytes: int) -> str:
    """Return how a card says the size of its file."""
    return f"{n_bytes:,} bytes, ONNX"


def check_card(path: Path) -> None:
    """Refuse to write over a text that is not a card.

    Raises
    ------
    Invalid
        If a file is there that has not the mark of a card in it.
    """
    if path.is_file() and not has_card(path):
        raise Invalid(
            f"{path} would be replaced by the model's card, and is not one: move it, or "
            "give the output another name"
        )


def has_card(path: Path) -> bool:
    return path.is_file() and MARK.encode() in path.read_bytes()


def warn_of_card(model: Path, version: str) -> None:
    """Say so where the card beside a model is of another version."""
    path = card_path(model)
    if has_card(path) and f"version {code(version)}".encode() not in path.read_bytes():
        log.warning(
            "%s is not the card of version %s: make the model again, or remove it",
            path,
            version,
        )


def write_model(model: Path, content: bytes, beside: Mapping[Path, bytes]) -> None:
    """Write a model file and what belongs beside it, or nothing.

    Parameters
    ----------
    beside
        The card, if the model gets one, and its picture.

    Raises
    ------
    Invalid
        One cannot be written, or another run does not stop writing there.
    """
    with alone_in(path.parent for path in (model, *beside)):
        replace_model(model, content, beside)


def replace_model(model: Path, content: bytes, beside: Mapping[Path, bytes]) -> None:
    """Do as `write_model`, for a caller that is alone in the folders.

    Raises
    ------
    Invalid
        One cannot be written.
    """
    files = dict(beside)
    card = files.pop(card_path(model), None)
    if card is None:
        replace([(model, content), *files.items()])
        return
    cards = {_digest(content): card}
    if model.is_file():
        before = model.read_bytes()
        cards.setdefault(_digest(before), true_card(card_path(model), before))
    replace(
        [
            (card_path(model), _joined(model.name, cards)),
            (model, content),
            *files.items(),
            (card_path(model), card),
        ]
    )


def true_card(path: Path, content: bytes) -> bytes:
    """Return the card at `path` of a model file with this content, b"" for none."""
    if not has_card(path):
        return b""
    _, *parts = PART.split(text := path.read_bytes())
    if not parts:
        return text
    cards = dict(zip(parts[::2], parts[1::2], strict=True))
    return cards.get(_digest(content), b"")


def _joined(name: str, cards: Mapping[bytes, bytes]) -> bytes:
    """Return the card that is there while a model is replaced."""
    said = (
        f"`python -m convert` was stopped while it wrote {code(name)}. What is below the "
        "SHA-256 of the file that is there is true; a picture may be of another one. Run "
        "the command again, and this is one card.\n"
    )
    parts = (
        b"\n# The card of the file with SHA-256 `%b`\n\n%b" % each
        for each in cards.items()
        if each[1]
    )
    return said.encode() + b"".join(parts)


def _digest(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode()
