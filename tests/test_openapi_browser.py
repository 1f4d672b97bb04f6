"""The page of the interface in a real browser, with JavaScript and without."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.screenshot import CHROMIUM, opened_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium: apt-get install chromium"
    ),
]

PHONE = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    """A page on a small phone, in the dark; what it complains of is a fault."""
    with opened_page(viewport=PHONE, color_scheme="dark") as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
        assert {*said} <= {  # by one of the tests, which another process may run
            "Failed to load resource: the server responded with a status of 422 "
            "(Unprocessable Entity)"
        }


def test_a_person_searches_an_operation_and_sends_its_request(page: "Page") -> None:
    page.goto("/")
    page.get_by_role("link", name="How programs ask").click()
    page.get_by_label("Search the operations").fill("snowflake external")

    assert page.locator("#found").inner_text() == "2 of 52 operations"
    shown = page.locator("details.operation:visible")
    assert shown.count() == 2
    shown.first.locator("summary").first.click()
    shown.first.get_by_role("button", name="Send").click()
    status = shown.first.get_by_role("status")
    status.filter(has_text="200 OK").wait_for()
    assert '"data": [\n    [\n      0,\n      62.74824584463881' in status.inner_text()


def test_a_value_that_is_wrong_is_answered_as_the_server_answers_it(
    page: "Page",
) -> None:
    page.goto("/docs#predict")
    operation = page.locator("#predict")
    operation.get_by_label("Body").fill('{"reading_score": 104}')
    operation.get_by_role("button", name="Send").click()

    status = operation.get_by_role("status")
    status.filter(has_text="422").wait_for()
    assert "104 is above the maximum, 100 points." in status.inner_text()


def test_a_parameter_goes_where_it_belongs(page: "Page") -> None:
    page.goto("/docs#predict_one_student_performance")
    operation = page.locator("#predict_one_student_performance")
    operation.get_by_label("include").fill("interval,warnings")
    operation.get_by_label("lunch").fill("")
    operation.get_by_role("button", name="Send").click()

    status = operation.get_by_role("status")
    status.filter(has_text="200 OK").wait_for()
    assert '"interval"' in status.inner_text()
    assert '"feature": "lunch"' in status.inner_text()

    page.goto("/docs#model")
    page.locator("#model").get_by_role("button", name="Send").click()
    status = page.locator("#model").get_by_role("status")
    status.filter(has_text='"title": "Mathematics score"').wait_for()


def test_programs_have_the_address_of_the_page(page: "Page") -> None:
    page.goto("/docs#predict")
    address = page.url.partition("/docs")[0]

    code = page.locator("#predict pre.code").first.inner_text()
    assert code.startswith(f"curl '{address}/predict'")
    assert "localhost:8080" not in (page.locator("main").text_content() or "")


def test_it_is_used_with_the_keyboard_alone(page: "Page") -> None:
    page.goto("/docs")
    page.get_by_label("Search the operations").focus()
    page.keyboard.type("whether the process answers")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#livez') !== null"):
            break
    page.keyboard.press("Enter")
    while not page.evaluate("document.activeElement.matches('#livez button')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    status = page.locator("#livez").get_by_role("status")
    status.filter(has_text="200 OK").wait_for()
    assert status.inner_text().endswith("\n\nok\n")


def test_nothing_is_wider_than_a_small_phone(page: "Page") -> None:
    page.goto("/docs")
    page.evaluate(
        "document.querySelectorAll('details').forEach((it) => it.open = true)"
    )

    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_without_javascript_it_is_read_and_a_query_is_sent(page: "Page") -> None:
    page.goto("/docs")
    address = page.url.partition("/docs")[0]
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False, base_url=address) as context:
        plain = context.new_page()
        plain.goto("/docs")
        assert plain.locator("details.operation").count() == 52
        assert not plain.get_by_label("Search the operations").is_visible()
        plain.locator("#predict > summary").click()
        assert plain.locator("#predict pre").first.is_visible()
        assert not plain.locator("#predict form").is_visible()
        plain.locator("#predict_one > summary").click()
        plain.locator("#predict_one").get_by_role("button", name="Send").click()
        plain.wait_for_url("**/predict?gender=female&**")
        shown = plain.locator("body").inner_text()

    assert shown == '{"prediction":62.74824584463881}'
