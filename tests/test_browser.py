"""The form in a real browser, without JavaScript."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.screenshot import CHROMIUM, PICTURE, fill_in, opened_page
from tests.servers import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    """The page of the shipped model on a small phone, in the dark."""
    with opened_page(
        viewport={"width": 320, "height": 640},
        color_scheme="dark",
        java_script_enabled=False,
    ) as page:
        yield page


def test_a_person_fills_in_the_form_by_its_labels_and_reads_the_answer(
    page: "Page",
) -> None:
    fill_in(page)

    assert page.get_by_role("status").get_by_role("paragraph").all_inner_texts() == [
        "Mathematics score: 66.1 points",
        "Between 56.9 and 75.3 points in 90 of 100 cases; in a test it was so for 178 of "
        "200 rows.",
    ]
    assert page.get_by_label("Reading score").input_value() == "72"


def test_doubts_are_told_beside_the_answer(page: "Page") -> None:
    page.goto("/")
    page.get_by_label("Writing score").fill("")
    page.get_by_role("button", name="Predict").click()

    assert page.get_by_role("status").get_by_role("listitem").all_inner_texts() == [
        "Writing score: missing; the model takes 69 points"
    ]


def test_a_prediction_above_the_maximum_is_doubted_and_left_as_it_is(
    page: "Page",
) -> None:
    page.goto("/")
    page.get_by_label("Gender").select_option("male")
    page.get_by_label("Race or ethnicity").select_option("group E")
    page.get_by_label("Reading score").fill("100")
    page.get_by_label("Writing score").fill("100")
    page.get_by_role("button", name="Predict").click()

    status = page.get_by_role("status")
    assert status.get_by_role("strong").all_inner_texts() == ["110.9"]
    assert status.get_by_role("listitem").all_inner_texts() == [
        "Mathematics score: 110.9 is above the maximum, 100 points: the model extrapolates"
    ]
    main = page.get_by_role("main").bounding_box()
    assert main is not None
    assert main["x"] + main["width"] <= 320


def test_the_form_is_filled_in_with_the_keyboard_alone(page: "Page") -> None:
    page.goto("/")
    for _ in range(8):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_role("status").wait_for()
    assert page.get_by_role("status").inner_text().startswith("Mathematics score: ")


def test_the_browser_itself_holds_back_what_is_out_of_bounds(page: "Page") -> None:
    page.goto("/")
    page.get_by_label("Reading score").fill("104")
    page.get_by_role("button", name="Predict").click()

    assert page.get_by_role("status").count() == 0


def test_nothing_is_wider_than_a_small_phone(page: "Page") -> None:
    page.goto("/")
    main = page.get_by_role("main").bounding_box()

    assert main is not None
    assert main["x"] + main["width"] <= 320


def test_the_picture_of_the_readme_can_be_taken_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.screenshot", str(tmp_path / "page.png")]
    subprocess.run(command, cwd=ROOT, check=True)

    shown, taken = (path.read_bytes() for path in (PICTURE, tmp_path / "page.png"))
    assert taken[:8] == shown[:8] == b"\x89PNG\r\n\x1a\n"
    assert taken[16:24] == shown[16:24]  # width and height
    assert len(shown) < 100_000
