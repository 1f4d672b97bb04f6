import pytest

from convert.report import wording


@pytest.mark.parametrize(
    ("value", "spread", "written"),
    [
        (11.1126, 15.2, "11.1"),
        (-0.0004, 15.2, "0.0"),
        (-9.0, 15.2, "−9.0"),
        (1234567.8, 5e5, "1,234,568"),
        (0.01234, 0.02, "0.0123"),
        (3e12, 1e12, "3e+12"),
        (1e-9, 1e-9, "1e−09"),
        (66.0, None, "66"),
        (64.75, None, "64.8"),
        (0.0, None, "0"),
        (float("nan"), 1.0, "unknown"),
    ],
)
def test_numbers_have_the_decimals_that_mean_something(
    value: float, spread: float | None, written: str
) -> None:
    assert wording.number(value, spread) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.1221, "12 %"),
        (0.0312, "3.1 %"),
        (0.0996, "10 %"),
        (0.0001, "< 0.1 %"),
        (0.0, "0.0 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_percentages(share: float, written: str) -> None:
    assert wording.percent(share) == written.replace(" %", "\u00a0%")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("math_score", "math score"),
        ("  two  spaces ", "two spaces"),
        ("bell\x07 and \u202eoverride", "bell and override"),
        ("👩\u200d🎓", "👩\u200d🎓"),
        ("", "(no name)"),
        ("___", "(no name)"),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    assert wording.humanise(name) == words


def test_long_listings_count_the_rest() -> None:
    assert wording.listing(["a", "b", "c"]) == "a, b and c"
    assert wording.listing(list("abcdef"), 2) == "a, b and 4 more"
