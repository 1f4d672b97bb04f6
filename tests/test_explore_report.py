"""The page as a reader and a browser take it."""

import os
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from convert.errors import Refusal
from convert.explore.report import MAX_PICTURES, explore
from tests.students import make_students

VOID = {"br", "meta", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects what a page is made of, and that its elements are closed in order."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(written)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def values(self, attribute: str) -> list[str]:
        return [found for _, all_ in self.elements if (found := all_.get(attribute))]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(written: str) -> Reader:
    """Parse, and check what every report promises."""
    reader = Reader(written)
    assert reader.open == []
    assert reader.count("h1") == 1
    assert {"script", "link", "iframe", "img", "object"}.isdisjoint(
        {name for name, _ in reader.elements}
    )
    assert all(href.startswith("#") for href in reader.values("href"))
    assert not any("http" in value for value in reader.values("src"))
    assert "@import" not in written
    assert "url(h" not in written
    identifiers = reader.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {href[1:] for href in reader.values("href")} <= set(identifiers)
    return reader


@cache
def report_on_students() -> str:
    return explore(make_students(), "math_score", "students.csv")


def test_report_has_its_sections_pictures_and_tables() -> None:
    reader = read(report_on_students())

    sections = [all_["id"] for name, all_ in reader.elements if name == "section"]
    assert sections == [
        "findings",
        "table",
        "groups",
        "columns",
        "pairs",
        "interactions",
        "associations",
        "method",
    ]
    # pictures: ranking, group means, 8 columns, 7 pairs, reversal and its lines, heatmap
    assert reader.count("svg") == reader.count("figcaption") == 20
    assert reader.count("table") == reader.count("caption") == 4
    assert all(
        all_.get("role") == "img" and all_.get("aria-label")
        for name, all_ in reader.elements
        if name == "svg"
    )


def test_differences_are_not_called_causes() -> None:
    text = read(report_on_students()).text

    assert "differences between groups are not proof of a cause" in text


def test_same_table_gives_the_same_bytes() -> None:
    again = explore(make_students(), "math_score", "students.csv")

    assert again == report_on_students()


def test_order_of_rows_changes_nothing_but_the_sample() -> None:
    shuffled = make_students().sample(frac=1, random_state=1)

    theirs = read(explore(shuffled, "math_score", "students.csv"))

    assert theirs.text == read(report_on_students()).text


def make_odd_table(n_rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            '<b>bold</b> & "quotes"': rng.choice(
                ["<script>alert(1)</script>", "&"], n_rows
            ),
            "emoji 👩\u200d🎓": rng.normal(size=n_rows),
            "$x_{": rng.integers(0, 9, n_rows),
            "l" * 300: rng.choice(["m" * 300, "n"], n_rows),
            "empty": [None] * n_rows,
            "constant": 1,
            "single": ["only"] * n_rows,
            "boolean": rng.random(n_rows) > 0.5,
            "date": pd.date_range("2020-01-01", periods=n_rows).astype(str),
            "placeholder": ["0001-01-01", "9999-12-31"] * (n_rows // 2),
            "moment": pd.date_range("2020-01-01", periods=n_rows, tz="Asia/Tokyo"),
            "text": [f"remark {index}" for index in range(n_rows)],
            "row": range(n_rows),
            "infinite": np.where(
                rng.random(n_rows) > 0.9, np.inf, rng.normal(size=n_rows)
            ),
            "huge": rng.normal(size=n_rows) * 1e300,
            "tiny": rng.normal(size=n_rows) * 1e-300,
            "half": np.where(rng.random(n_rows) > 0.5, np.nan, rng.normal(size=n_rows)),
            "control\x00\x1b[31m\u202e": rng.choice(["a\x07", "b\n\r", "c"], n_rows),
            "": rng.normal(size=n_rows),
            "مرحبا": rng.choice(["سلام", "日本"], n_rows),
            "kind": pd.Categorical(rng.choice(list("xyz"), n_rows)),
            "y": rng.normal(size=n_rows),
        }
    )


@pytest.mark.parametrize("target", ["y", "boolean", "kind", "$x_{", "half", "tiny"])
def test_odd_table_is_reported(target: str) -> None:
    reader = read(explore(make_odd_table(), target, "<odd> & table"))

    assert "<script>alert(1)</script>" in reader.text
    assert reader.count("b") == 0
    for part in ("constant is constant", "empty has no values", "text is near-unique"):
        assert part in reader.text


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"y": [1.0, 2.0, 4.0]}),
        pd.DataFrame({"y": [1.0, 2.0], "b": ["x", "z"]}),
        pd.DataFrame({"y": [1.0, 2, 3, 4, 5, 6], "b": list("xxxxxz")}),
        pd.DataFrame(
            np.random.default_rng(1).normal(size=(60, 4)), columns=list("abcy")
        ),
        pd.DataFrame({name: list("pqrs") * 20 + list("sqpp") for name in "aby"}),
        pd.DataFrame(
            {"y": np.repeat([1.0, 2, 3], 20), "b": np.repeat(list("uvw"), 20)}
        ),
    ],
    ids=["alone", "two rows", "six rows", "numbers", "categories", "perfect"],
)
def test_small_and_plain_tables_are_reported(frame: pd.DataFrame) -> None:
    read(explore(frame, "y", "table"))


def test_wide_table_says_what_is_left_out() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(100, 320))).add_prefix("column_")
    frame["y"] = frame["column_7"] + rng.normal(size=100)

    reader = read(explore(frame, "y", "wide.csv"))

    assert (
        f"Pictures of {MAX_PICTURES} of 321 columns that vary: those that go with the "
        "target most. 297 are left out here; the tables list every column."
    ) in reader.text
    assert "The 20 largest of 320 are shown." in reader.text
    assert reader.count("svg") < 60
    assert "column 319" in reader.text


def test_class_with_a_clear_category_is_reported() -> None:
    students = make_students()
    students["passed"] = np.where(students["math_score"] >= 60, "yes", "no")
    shares = (students["passed"] == "yes").groupby(students["lunch"]).mean() * 100

    reader = read(explore(students.drop(columns="math_score"), "passed", "table"))

    assert (
        f"Share of “yes” is {shares['standard'] - shares['free/reduced']:.1f} percentage "
        "points higher on average for lunch “standard” than for “free/reduced”"
    ) in reader.text
    assert f"{shares['standard']:.0f} % against" in reader.text


def test_leak_is_the_first_thing_said() -> None:
    students = make_students()
    students["grade"] = students["math_score"] * 2 + 3

    text = read(explore(students, "math_score", "students.csv")).text

    assert "Findings Suspected leak: grade." in text


def test_rows_without_a_target_are_counted_and_left_out() -> None:
    students = make_students().astype({"math_score": float})
    students.loc[:9, "math_score"] = np.nan
    complete = students[10:]

    text = read(explore(students, "math_score", "students.csv")).text
    lunch = complete.groupby("lunch")["math_score"].mean()

    assert "10 rows have no value of math score; they are left out" in text
    assert f"{lunch['standard']:.1f} against {lunch['free/reduced']:.1f}." in text


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "points",
            "the table has no column 'points': there is 'empty', 'constant', 'text', "
            "'day', 'y'",
        ),
        ("empty", "the target 'empty' has no values: fill it in, or name another"),
        (
            "constant",
            "the target 'constant' has the same value in all rows, which nothing can "
            "explain: name another target",
        ),
        (
            "text",
            "the target 'text' is text (30 different values in 30 rows): name a number "
            "or one of a few classes",
        ),
        (
            "day",
            "the target 'day' is a date: turn it into a number, such as days since a "
            "start, or name another target",
        ),
    ],
)
def test_target_that_cannot_be_explained_is_refused(target: str, sentence: str) -> None:
    frame = pd.DataFrame(
        {
            "empty": [None] * 30,
            "constant": 1,
            "text": [f"remark {index}" for index in range(30)],
            "day": pd.date_range("2020-01-01", periods=30),
            "y": range(0, 60, 2),
        }
    )

    with pytest.raises(Refusal) as refused:
        explore(frame, target, "table")

    assert str(refused.value) == sentence


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame(np.eye(3), columns=["a", "b", "b"])

    with pytest.raises(Refusal, match=r"more than one column 'b': give each its own"):
        explore(frame, "a", "table")


@pytest.mark.skipif("STUDENTS_CSV" not in os.environ, reason="needs the real table")
def test_published_insights_are_found_in_the_real_table() -> None:
    students = pd.read_csv(os.environ["STUDENTS_CSV"], keep_default_na=False)

    text = read(explore(students, "math_score", "students.csv")).text

    for sentence in (
        # the scores are strongly correlated
        "r = 0.82 (0.80 to 0.84)",
        "r = 0.80 (0.78 to 0.82)",
        "Reading score and writing score say much the same: r = 0.95 (95 % CI 0.95 to "
        "0.96).",
        # lunch and test preparation
        "Math score is 11.1 points higher on average for lunch “standard” than for "
        "“free/reduced” (95 % CI 9.2 to 13.0).",
        "Math score is 5.6 points higher on average for test preparation course "
        "“completed” than for “none” (95 % CI 3.7 to 7.5).",
        "The same two groups in reading score +7.4 (5.6 to 9.2) and writing score +9.9 "
        "(8.1 to 11.7).",
        # parental education
        "Math score is 7.6 points higher on average for parental level of education "
        "“master's degree” than for “high school” (95 % CI 0.9 to 14.3).",
        # gender differs by subject
        "Gender differs by column: “male” is ahead in math score by 5.1 points (95 % CI "
        "3.2 to 6.9); “female” in reading score by 7.1 points (95 % CI 5.4 to 8.9) and "
        "writing score by 9.2 points (95 % CI 7.4 to 11.0).",
        "At the same reading score, “male” is 11.9 points higher in math score",
    ):
        assert sentence in text
