"""The form in a real browser, without JavaScript."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.servers import running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    """The page of the shipped model on a small phone, in the dark."""
    from playwright.sync_api import sync_playwright  # `make test` goes without

    with running_server() as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": 320, "height": 640},
            color_scheme="dark",
            java_script_enabled=False,
            base_url=served.url,
        )
        yield page
        browser.close()


def test_a_person_fills_in_the_form_by_its_labels_and_reads_the_answer(
    page: "Page",
) -> None:
    page.goto("/")
    page.get_by_label("Race or ethnicity").select_option("group B")
    page.get_by_label("Parents' education").select_option("bachelor's degree")
    page.get_by_label("Reading score").fill("72")
    page.get_by_label("Writing score").fill("74")
    page.get_by_role("button", name="Predict").click()

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
