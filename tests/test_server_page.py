"""The page for people, given what the endpoint answers."""

import asyncio
import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from server.page import Page
from server.signature import Interval, Target
from tests.models import TARGET, make_signature

HOSTILE = '<b>"&'
MEASURED = Interval(
    half_width=1.0, coverage=0.9, n_rows=800, measured_coverage=0.88, n_measured_rows=25
)


def shown(document: dict[str, Any], *targets: Target) -> str:
    """Return the page of a model with `targets` that answers with `document`."""

    async def answer(body: bytes, query: bytes) -> bytes:
        return msgspec.json.encode(document)

    page = Page(make_signature(targets=targets or (TARGET,)), ("student",))
    return asyncio.run(page.answered(b"gender=male", answer)).html()


def make_classes(n_classes: int) -> tuple[Target, dict[str, float]]:
    """Return classes of which each is less probable than the one behind it."""
    labels = tuple(f"c{position:03d}" for position in range(n_classes))
    weights = range(1, n_classes + 1)
    shares = [weight / sum(weights) for weight in weights]
    target = Target(name="kind", kind="classification", classes=labels)
    return target, dict(zip(labels, shares, strict=True))


@pytest.mark.parametrize(
    ("n_classes", "others"),
    [(10, []), (11, ["and 1 other"]), (200, ["and 190 others"])],
)
def test_the_most_probable_classes_are_shown_and_the_others_summed(
    n_classes: int, others: list[str]
) -> None:
    target, shares = make_classes(n_classes)

    page = shown({"prediction": "c000", "probabilities": shares}, target)

    ranked = list(reversed(shares.items()))
    rest = sum(share for _, share in ranked[10:])
    expected = [*ranked[:10], *((label, rest) for label in others)]
    assert re.findall("<th scope=row>(.*?)</th><td>(.*?)</td>", page) == [
        (label, f"{share:.1%}") for label, share in expected
    ]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (57.26, 74.94, "Between 57.3 and 74.9 points"),
        (-8.0, 9.0, "Between -8.0 and 9.0 points"),
        (-0.04, 17.6, "Between 0.0 and 17.6 points"),
        (-1e9, 1e9, "Between -1,000,000,000 and 1,000,000,000 points"),
        (1e9, 1e9 + 0.25, "Between 1,000,000,000.000 and 1,000,000,000.250 points"),
        (5.0, 5.0, "Between 5 and 5 points"),
    ],
)
def test_the_ends_of_an_interval_have_the_digits_of_its_width(
    low: float, high: float, said: str
) -> None:
    document = {
        "prediction": (low + high) / 2,
        "interval": {"low": low, "high": high, "coverage": 0.9},
    }

    page = shown(document, replace(TARGET, interval=MEASURED))

    assert (
        f'<p class="more">{said} in 90 of 100 cases; in a test it was so for 22 of 25 '
        "rows.</p></div>"
    ) in page


def test_without_an_interval_nothing_is_said_of_one() -> None:
    page = shown({"prediction": 66.0})

    assert (
        '<div role="status"><p>math score: <strong>66.0</strong> points</p></div>'
        in (page)
    )


def test_no_word_of_the_signature_is_markup() -> None:
    target = Target(
        name=HOSTILE,
        title=HOSTILE,
        unit=HOSTILE,
        interval=Interval(half_width=1.0, coverage=0.9, n_rows=60),
    )
    document = {
        "prediction": 1.0,
        "interval": {"low": 0.0, "high": 2.0, "coverage": 0.9},
        "warnings": [{"target": HOSTILE, "detail": HOSTILE}],
        "probabilities": {HOSTILE: 1.0},
    }

    page = shown(document, target)

    escaped = "&lt;b&gt;&quot;&amp;"
    assert HOSTILE not in page
    assert f"<p>{escaped}: <strong>1</strong> {escaped}</p>" in page
    assert f"Between 0.00 and 2.00 {escaped} in 90 of 100 cases." in page
    assert f"<li>{escaped}: {escaped}</li>" in page
    assert f"<th scope=row>{escaped}</th><td>100.0%</td>" in page
