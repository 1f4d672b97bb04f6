import asyncio
import re
from html.parser import HTMLParser

import msgspec
import pytest

from server.page import Page
from server.problems import Fault, InvalidBatch
from server.signature import Feature, Target
from tests.models import make_signature

SIGNATURE = make_signature()


class Controls(HTMLParser):
    """Collects what a browser would build from the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def page() -> Page:
    return Page(SIGNATURE, ("student",))


async def _predict(body: bytes) -> bytes:
    return msgspec.json.encode(
        {"prediction": 66.1234, "row": msgspec.json.decode(body)}
    )


def answered(body: bytes, subject: Page) -> Page:
    return asyncio.run(subject.answered(body, _predict))


def test_every_feature_has_a_labelled_control_with_its_typical_value() -> None:
    controls = Controls(page().html())

    fields = controls.all("input", "select")
    assert [field["name"] for field in fields] == [f.name for f in SIGNATURE.features]
    assert [label["for"] for label in controls.all("label")] == [
        field["id"] for field in fields
    ]
    assert fields[2] == {
        "id": "f2",
        "name": "reading score",
        "type": "number",
        "inputmode": "decimal",
        "step": "any",
        "min": "0",
        "max": "100",
        "value": "70.0",
    }


def test_a_required_category_offers_no_blank() -> None:
    html = page().html()

    gender, lunch = re.findall(r"<select.*?</select>", html)
    assert "not known" not in gender
    assert "not known" in lunch


def test_the_answer_shows_the_prediction_and_keeps_the_values() -> None:
    html = answered(b"gender=male&lunch%2Fmeal=&reading+score=88", page()).html()

    assert "<strong>66.1</strong> points" in html
    assert '<option value="male" selected>' in html
    assert 'value="88"' in html


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("88", 88.0),
        ("8e1", 80.0),
        ("abc", "abc"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("true", True),
    ],
)
def test_a_number_field_gives_a_number_or_its_text(text: str, value: object) -> None:
    seen: list[bytes] = []

    async def note(body: bytes) -> bytes:
        seen.append(body)
        return await _predict(body)

    asyncio.run(page().answered(f"reading score={text}".encode(), note))

    assert msgspec.json.decode(seen[0]) == {
        "gender": None,
        "lunch/meal": None,
        "reading score": value,
    }


def test_a_fault_stands_beside_its_field_and_is_announced() -> None:
    async def refuse(body: bytes) -> bytes:
        raise InvalidBatch(
            "1 of 3 values is invalid.", [Fault("#/lunch~1meal", "<b> is unknown.")]
        )

    html = asyncio.run(page().answered(b"gender=male", refuse)).html()

    lunch = Controls(html).all("select")[1]
    assert (lunch["aria-invalid"], lunch["aria-describedby"]) == ("true", "f1-fault")
    assert '<small class="fault" id="f1-fault">&lt;b&gt; is unknown.</small>' in html
    assert '<p role="alert">1 of 3 values is invalid.</p>' in html


def test_whatever_a_signature_says_is_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    feature = Feature(
        name=evil,
        input="x",
        kind="category",
        categories=(evil,),
        title=evil,
        description=evil,
        unit=evil,
    )
    signature = make_signature(
        title=evil, description=evil, features=(feature,), targets=(Target(name=evil),)
    )
    subject = Page(signature, ("student", evil))

    html = answered(f"{evil}={evil}".encode(), subject).html()

    assert "<script" not in html


def test_a_boolean_is_a_choice_of_two() -> None:
    feature = Feature(name="boarder", input="boarder", kind="boolean", required=True)
    subject = Page(make_signature(features=(feature,)), ("student",))

    options = Controls(subject.html()).all("option")

    assert [option["value"] for option in options] == ["", "true", "false"]


def test_several_targets_are_a_line_each() -> None:
    targets = (Target(name="maths", unit="points"), Target(name="pass"))
    subject = Page(
        make_signature(targets=targets),
        ("student",),
        prediction={"maths": 0.12345, "pass": "yes"},
    )

    assert (
        "maths: <strong>0.1235</strong> points<br>pass: <strong>yes</strong>"
        in subject.html()
    )


def test_other_models_are_linked() -> None:
    links = Controls(Page(SIGNATURE, ("student", "other")).html()).all("a")

    assert links == [{"href": "/?model=other"}]
