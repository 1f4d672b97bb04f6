"""The page for people, given what the endpoint answers, and its form."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from server.batch import Batch, Prediction
from server.page.form import Page
from server.problems import Fault, NoPrediction
from server.signature import Feature, Interval, Target
from tests.models import TARGET, make_signature

HOSTILE = '<b>"&'
MEASURED = Interval(
    half_width=1.0, coverage=0.9, n_rows=800, measured_coverage=0.88, n_measured_rows=25
)


def shown(document: dict[str, Any], *targets: Target) -> str:
    """Return the page of a model with `targets` that answers with `document`."""
    page = Page(make_signature(targets=targets or (TARGET,)), ("student",))
    return page.with_prediction(make_prediction(document)).html()


def make_prediction(document: dict[str, Any]) -> Prediction:
    """Return a prediction of one row, as a client would read it."""
    included = {
        name: [value]
        for name, value in document.items()
        if name not in ("prediction", "baseline")
    }
    return Prediction([document["prediction"]], included, document.get("baseline"))


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
        (0.0, 1e-10, "Between 0.000000000000 and 0.000000000100 points"),
        (0.0, 4e-12, "Between 0.000000000000 and 0.000000000004 points"),
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
    assert f"Between 0.00 and 2.00 {escaped} in 90 of 100 cases, if " in page
    assert f"<li>{escaped}: {escaped}</li>" in page
    assert f"<th scope=row>{escaped}</th><td>100.0%</td>" in page


TOWN = Feature(
    name="town/<b>",
    input="t",
    kind="category",
    categories=("A & B", "C"),
    typical="C",
    title="Town <b>",
    description="Where?",
)
SIZE = Feature(
    name="size",
    input="s",
    kind="number",
    required=True,
    minimum=0.5,
    maximum=100.0,
    typical=70.12345678901,
    unit="m²",
)
ANY = Feature(name="any", input="a", kind="number", required=True)
ROOMS = Feature(name="rooms", input="r", kind="integer", minimum=1.0)
GARDEN = Feature(name="garden", input="g", kind="boolean", required=True, typical=True)
NOTE = Feature(name="note", input="n", kind="text", typical='"x"')


def make_page(*features: Feature, **fields: Any) -> Page:
    signature = make_signature(
        features=features, title="Price & more", description="<Guess>"
    )
    return Page(signature, ("student", "a b", "c&d"), **fields)


def fields_of(page: Page) -> list[str]:
    """Return the HTML of each field of the form."""
    return re.findall(r"<div><label.*?</div>", page.html())


@pytest.mark.parametrize(
    ("feature", "html"),
    [
        (
            TOWN,
            '<label for="f0">Town &lt;b&gt;</label>'
            '<select id="f0" name="town/&lt;b&gt;" aria-describedby="f0-hint">'
            '<option value="">— not known —</option>'
            '<option value="A &amp; B">A &amp; B</option>'
            '<option value="C" selected>C</option></select>'
            '<small class="hint" id="f0-hint">Where?</small>',
        ),
        (
            SIZE,
            '<label for="f0">size (m²)</label><input id="f0" name="size" required '
            'aria-describedby="f0-hint" type="number" inputmode="decimal" step="any" '
            'min="0.5" max="100" value="70.12345679">'
            '<small class="hint" id="f0-hint">From 0.5 to 100.</small>',
        ),
        (
            ROOMS,
            '<label for="f0">rooms</label><input id="f0" name="rooms" '
            'aria-describedby="f0-hint" type="number" inputmode="decimal" step="1" '
            'min="1" value="">'
            '<small class="hint" id="f0-hint">May be left empty.</small>',
        ),
        (
            GARDEN,
            '<label for="f0">garden</label><select id="f0" name="garden" required>'
            '<option value="true" selected>true</option>'
            '<option value="false">false</option></select>',
        ),
        (
            NOTE,
            '<label for="f0">note</label><input id="f0" name="note" '
            'aria-describedby="f0-hint" value="&quot;x&quot;">'
            '<small class="hint" id="f0-hint">May be left empty.</small>',
        ),
    ],
    ids=["category", "number", "integer", "boolean", "text"],
)
def test_each_kind_has_its_field(feature: Feature, html: str) -> None:
    assert fields_of(make_page(feature)) == [f"<div>{html}</div>"]


def test_what_a_person_typed_stays_beside_what_is_wrong_with_it() -> None:
    page = make_page(
        SIZE,
        GARDEN,
        texts={"size": "<7>"},
        problem="1 value & more.",
        faults={"#/size": "'<7>' is not a number."},
    )

    size, garden = fields_of(page)
    assert size == (
        '<div><label for="f0">size (m²)</label><input id="f0" name="size" required '
        'aria-describedby="f0-hint f0-fault" aria-invalid="true" type="number" '
        'inputmode="decimal" step="any" min="0.5" max="100" value="&lt;7&gt;">'
        '<small class="hint" id="f0-hint">From 0.5 to 100.</small>'
        '<small class="fault" id="f0-fault">&#x27;&lt;7&gt;&#x27; is not a number.'
        "</small></div>"
    )
    assert garden == (
        '<div><label for="f1">garden</label><select id="f1" name="garden" required>'
        '<option value="" selected>— not known —</option>'
        '<option value="true">true</option>'
        '<option value="false">false</option></select></div>'
    )
    assert '<p role="alert">1 value &amp; more.</p><form' in page.html()


def test_the_page_names_its_model_and_links_to_the_others() -> None:
    html = make_page(NOTE).html()

    assert "<title>Price &amp; more</title>" in html
    assert "<h1>Price &amp; more</h1><p>&lt;Guess&gt;</p><form " in html
    assert '<form method="post" action="?model=student">' in html
    assert html.endswith(
        '<p>Other models: <a href="?model=a%20b">a b</a>, '
        '<a href="?model=c%26d">c&amp;d</a></p>'
        '<p><a href="docs">How programs ask</a></p></main></body></html>\n'
    )
    alone = Page(make_signature(title=""), ("student",)).html()
    assert "<h1>student</h1>" in alone
    assert "Other models" not in alone
    assert "None" not in alone


Asked = tuple[Batch, Sequence[str]]


def posted(page: Page, body: str, answer: Any) -> tuple[Page, list[Asked]]:
    """Return the page that answers a form, and what the model was asked."""
    asked: list[Asked] = []

    async def predict(batch: Batch, includes: Sequence[str]) -> Prediction:
        asked.append((batch, includes))
        if isinstance(answer, Exception):
            raise answer
        return make_prediction(answer)

    return asyncio.run(page.answered(body.encode(), predict)), asked


@pytest.mark.parametrize(
    ("feature", "text", "value"),
    [
        (TOWN, "A+%26+B", "A & B"),
        (TOWN, "", None),
        (NOTE, "a%0D%0Ab", "a\nb"),
        (SIZE, "7", 7),
        (SIZE, "7.0", 7),
        (ANY, "-7.5", -7.5),
        (ANY, "9007199254740991", 2**53 - 1),
        (ANY, "9007199254740992", 2.0**53),
        (SIZE, "1&size=2", 2),
        (GARDEN, "true", True),
        (GARDEN, "false", False),
    ],
)
def test_a_posted_text_is_the_value_that_it_stands_for(
    feature: Feature, text: str, value: Any
) -> None:
    name = feature.name.replace("<", "%3C").replace(">", "%3E")

    _, asked = posted(make_page(feature), f"{name}={text}", {"prediction": 1.0})

    assert asked == [(Batch([(value,)], "row"), ())]
    assert type(asked[0][0].rows[0][0]) is type(value)


@pytest.mark.parametrize(
    ("feature", "text", "fault"),
    [
        (ANY, "1e999", "'1e999' is not a number."),
        (ANY, "nan", "'nan' is not a number."),
        (ANY, "seven", "'seven' is not a number."),
        (GARDEN, "yes", "'yes' is not true or false."),
        (GARDEN, "", "null is not accepted here."),
    ],
)
def test_a_text_that_is_no_value_is_refused_at_its_field(
    feature: Feature, text: str, fault: str
) -> None:
    page, asked = posted(make_page(feature), f"{feature.name}={text}", None)

    assert (page.texts, page.problem, page.faults) == (
        {feature.name: text},
        "1 value is invalid.",
        {f"#/{feature.name}": fault},
    )
    assert asked == []


def test_a_field_that_is_not_posted_is_missing() -> None:
    _, asked = posted(make_page(SIZE, ROOMS), "size=1", {"prediction": 1.0})

    assert asked == [(Batch([(1, None)], "row"), ())]


def test_more_fields_than_the_form_has_are_refused() -> None:
    page, asked = posted(make_page(SIZE, ROOMS), "a=1&b=2&c=3&d=4", None)

    assert (page.problem, asked) == ("The form has more than 3 fields.", [])
    assert posted(make_page(TOWN, ROOMS), "a=&b=&c=", {"prediction": 1.0})[1] != []


def test_what_the_model_refuses_is_said() -> None:
    problem = NoPrediction("Without one: 1 of 1 rows.", [Fault("#", "No.")])

    page, _ = posted(make_page(SIZE), "size=1", problem)

    assert (page.texts, page.problem, page.faults) == (
        {"size": "1"},
        "Without one: 1 of 1 rows.",
        {"#": "No."},
    )


@pytest.mark.parametrize(
    ("prediction", "shown"),
    [
        (1234.56, "1,234.6"),
        (10.0, "10.0"),
        (-12.25, "-12.2"),
        (9.99999, "10"),
        (0.00012345, "0.0001234"),
        ("a<b", "a&lt;b"),
        (True, "true"),
        (3, "3"),
    ],
)
def test_a_prediction_is_shown_as_people_read_it(prediction: Any, shown: str) -> None:
    page, _ = posted(make_page(SIZE), "size=1", {"prediction": prediction})

    assert f"<p>math score: <strong>{shown}</strong> points" in page.html()


def test_doubts_and_reasons_stand_below_the_prediction() -> None:
    page = make_page(TOWN, SIZE, includes=("contributions", "warnings"))
    answer = {
        "prediction": 50.0,
        "baseline": 66.0,
        "contributions": {TOWN.name: 1.25, "size": -1017.0},
        "warnings": [{"feature": TOWN.name, "detail": "missing <it>"}],
    }

    answered, asked = posted(page, "size=1", answer)
    html = answered.html()

    assert asked[0][1] == ("contributions", "warnings")
    assert (
        '<p class="doubts">To keep in mind:</p>'
        "<ul><li>Town &lt;b&gt;: missing &lt;it&gt;</li></ul>"
    ) in html
    assert (
        "<details open><summary>Why</summary><table><caption>The average is 66.0 "
        "points; each value adds</caption>"
        "<tr><th scope=row>size</th><td>-1,017.0</td></tr>"
        "<tr><th scope=row>Town &lt;b&gt;</th><td>+1.2</td></tr></table></details>"
    ) in html


def test_two_targets_are_two_lines() -> None:
    signature = make_signature(
        features=(SIZE,),
        targets=(Target(name="a", title="A", unit="kg"), Target(name="b")),
    )

    page, _ = posted(
        Page(signature, ("student",)), "size=1", {"prediction": {"a": 1.0, "b": 20.0}}
    )

    assert (
        "<p>A: <strong>1</strong> kg</p><p>b: <strong>20.0</strong> </p>" in page.html()
    )
