from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from convert.report.markdown import block, code, table, text, visible

READER: Any = MarkdownIt("commonmark").enable(["table", "strikethrough"])

words = st.text(st.sampled_from("a1 _*`~<>&;#=-+.)(![]|\\\"':\n\t\0/xé"), min_size=1)


def lines_of(markdown: str) -> list[tuple[str, str]]:
    """Return what a reader shows, a line each: the words, and what they are made of."""
    lines = []
    for token in READER.parse(markdown):
        if token.type == "inline":
            kinds = {child.type for child in token.children}
            shown = "".join(child.content for child in token.children)
            lines.append((shown, "/".join(sorted(kinds))))
    return lines


def block_types(markdown: str) -> list[str]:
    return [token.type for token in READER.parse(markdown)]


def shown(written: str) -> str:
    return visible(" ".join(written.split()))


@given(words)
@example("~~a~~ **b** _c_ `d` [e](f) ![g](h) <i> <https://j> &lt;")
def test_any_words_are_a_paragraph_that_shows_them(written: str) -> None:
    markdown = text(written)

    if markdown:
        assert block_types(markdown) == ["paragraph_open", "inline", "paragraph_close"]
        assert lines_of(markdown) == [(shown(written), "text")]


@given(words)
def test_any_words_are_a_heading_and_an_item_that_show_them(written: str) -> None:
    markdown = f"# Of {text(written)}\n\n- of {text(written)}"

    said = shown(written)
    assert lines_of(markdown) == [
        (f"Of {said}".rstrip(), "text"),
        (f"of {said}".rstrip(), "text"),
    ]


@given(words, words)
def test_any_words_are_cells_that_show_them(name: str, written: str) -> None:
    markdown = table(("name", "words"), [(code(name), f"x {text(written)}")])

    header, cells = lines_of(markdown)[:2], lines_of(markdown)[2:]
    assert header == [("name", "text"), ("words", "text")]
    if name.strip(" "):
        assert cells == [
            (visible(name), "code_inline"),
            (f"x {shown(written)}".rstrip(), "text"),
        ]


@given(words)
def test_any_words_are_code_within_a_line(written: str) -> None:
    if written.strip(" "):
        assert lines_of(f"is {code(written)}")[0][0] == f"is {visible(written)}"


@given(words)
def test_any_words_are_a_block_of_code(written: str) -> None:
    fence, end = READER.parse(block(written, "sh") + "\n\nend")[:2]

    assert (fence.type, end.type) == ("fence", "paragraph_open")
    assert fence.content.replace("\ufffd", "\0") == f"{written}\n"


@pytest.mark.parametrize(
    ("written", "markdown"),
    [
        ("race_ethnicity", "race_ethnicity"),
        ("_private_", "\\_private\\_"),
        ("R&D, 5 < 6", "R&D, 5 \\< 6"),
        ("&amp; &#60;", "\\&amp; \\&#60;"),
        ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
        ("1. first\n2. second", "1\\. first 2. second"),
        ("$x$ and 2.5", "\\$x\\$ and 2.5"),
        ("\x1b[2J", "\\\\x1b\\[2J"),
    ],
)
def test_words_are_escaped_no_more_than_they_need(written: str, markdown: str) -> None:
    assert text(written) == markdown


def test_no_words_are_no_code() -> None:
    assert code("") == ""
