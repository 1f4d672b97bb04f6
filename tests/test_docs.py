"""What the README shows is run; what it lists is complete."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.settings import SETTINGS
from tests.servers import ROOT, running_server

README = (ROOT / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def examples() -> list[tuple[str, Any]]:
    """Return each curl command of the README with the JSON that follows it."""
    return [
        (command, msgspec.json.decode(answer))
        for (language, command), (kind, answer) in pairwise(BLOCKS)
        if language == "sh" and kind == "json"
    ]


def test_the_readme_shows_an_answer_and_an_error() -> None:
    assert [sorted(answer)[0] for _, answer in examples()] == [
        "prediction",
        "interval",
        "detail",
    ]


@pytest.mark.parametrize(("command", "answer"), examples())
def test_every_curl_of_the_readme_gives_what_the_readme_says(
    command: str, answer: Any
) -> None:
    with running_server() as served:
        local = command.replace("http://localhost:8080", served.url)
        shown = subprocess.run(
            ["bash", "-c", local], capture_output=True, check=True
        ).stdout

    assert msgspec.json.decode(shown) == answer


def test_every_setting_stands_in_the_readme() -> None:
    for setting in SETTINGS:
        row = (
            f"| `{setting.flag}` | `{setting.variable}` | {setting.default} "
            f"| {setting.sentence} |"
        )
        assert row in README


def test_every_route_stands_in_the_readme() -> None:
    source = (ROOT / "server" / "routes.py").read_text()
    paths = re.findall(r'Route\("([^"]+)"', source)

    assert len(paths) == 8
    for path in paths:
        assert f"{path}`" in README


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert Path(ROOT, target).exists(), target
