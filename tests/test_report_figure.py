from xml.etree import ElementTree

import pytest

from convert.report.figure import DARK, INK, LIGHT, SERIES, new_figure, svg


def draw(name: str = "one", text: str = "label") -> str:
    with new_figure(3, 2) as figure:
        axes = figure.subplots()
        axes.plot([1, 2, 3], [2, 1, 3], marker="o", color=SERIES[0])
        axes.set_xlabel(text)
        return svg(figure, name, "A line")


def test_same_figure_gives_the_same_bytes() -> None:
    assert draw() == draw()


def test_colours_come_from_the_page() -> None:
    drawn = draw()

    assert "var(--series-0)" in drawn
    assert "var(--ink)" in drawn
    assert not any(colour in drawn for colour in LIGHT.values())


def test_figure_is_an_image_with_a_name() -> None:
    root = ElementTree.fromstring(draw())

    assert root.tag == "svg"
    assert (root.get("role"), root.get("aria-label")) == ("img", "A line")
    assert {element.tag for element in root.iter()}.isdisjoint(
        {"style", "metadata", "script", "image"}
    )


def test_references_within_two_figures_of_a_page_never_meet() -> None:
    def identifiers(drawn: str) -> set[str]:
        elements = ElementTree.fromstring(drawn).iter()
        return {found for element in elements if (found := element.get("id"))}

    one, two = draw("one"), draw("two")

    assert identifiers(one)
    assert identifiers(one).isdisjoint(identifiers(two))
    for element in ElementTree.fromstring(one).iter():
        if href := element.get("href"):
            assert href.removeprefix("#") in identifiers(one)


@pytest.mark.parametrize("text", ["$x_{", "<b>&amp;</b>", "🎓 日本", INK, "url(#a)"])
def test_any_text_is_drawn_as_it_is(text: str) -> None:
    root = ElementTree.fromstring(draw(text=text))

    assert text in [element.text for element in root.iter("text")]


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable(colours: dict[str, str]) -> None:
    assert contrast(colours["ink"], colours["paper"]) >= 7
    assert contrast(colours["muted"], colours["paper"]) >= 4.5
    assert contrast(colours["series-0"], colours["paper"]) >= 4.5
