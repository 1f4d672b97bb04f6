"""Makes the picture of the page that the README shows.

Again after the page or the shipped model changed: ``python -m tests.screenshot``
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers import ROOT, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURE = ROOT / "docs" / "page.png"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def opened_page(**options: Any) -> Iterator["Page"]:
    """Open the page of the shipped model in a browser, with options of its window."""
    from playwright.sync_api import sync_playwright  # `make test` goes without

    with running_server() as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(base_url=served.url, **options)
        browser.close()


def fill_in(page: "Page") -> None:
    """Ask what the README asks with curl."""
    page.goto("/")
    page.get_by_label("Race or ethnicity").select_option("group B")
    page.get_by_label("Parents' education").select_option("bachelor's degree")
    page.get_by_label("Reading score").fill("72")
    page.get_by_label("Writing score").fill("74")
    page.get_by_role("button", name="Predict").click()


def take(path: Path) -> None:
    window = {"width": 720, "height": 740}
    with opened_page(viewport=window, color_scheme="light") as page:
        fill_in(page)
        page.get_by_role("status").wait_for()
        page.screenshot(path=path)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if sys.argv[1:] else PICTURE)
