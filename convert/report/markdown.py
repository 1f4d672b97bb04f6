"""Markdown in which any words, whoever wrote them, are shown as they are."""

import re
from collections.abc import Iterable, Sequence

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys, and what makes words stand in another order."""

SPECIAL = re.compile(
    r"[\\`*\[\]<~$]"  # code, emphasis, links, HTML, strikethrough, GitHub's formulas
    r"|&(?=#?\w+;)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # one inside a word means nothing
    r"|^[-+=>]|(?<!\S)#"  # a list, an underline, a quotation, a heading's ends
)


def visible(words: str) -> str:
    r"""Return the words with their control characters as escapes such as \n."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], words)


def text(words: str) -> str:
    """Return the words for a line of Markdown; white space becomes one space."""
    escaped = SPECIAL.sub(r"\\\g<0>", visible(" ".join(words.split())))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)  # a list with numbers


def code(words: str) -> str:
    """Return the words as code within a line, or nothing if there are none."""
    if not words:
        return ""
    shown = visible(words)
    fence = "`" * (_longest_fence(shown) + 1)
    space = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{space}{shown}{space}{fence}"


def block(words: str, language: str) -> str:
    """Return the words as a block of code."""
    fence = "`" * max(3, _longest_fence(words) + 1)
    return f"{fence}{language}\n{words}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(markdown: str) -> str:
    return markdown.replace("|", "\\|")  # in code too, as GitHub has it


def _longest_fence(words: str) -> int:
    return max(map(len, re.findall("`+", words)), default=0)
