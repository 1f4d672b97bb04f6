import re

import pytest

import convert
from server.problems import PROBLEMS
from tests.reference import DOCS, Command, commands, pages

MADE = pages()


@pytest.mark.parametrize("name", MADE)
def test_a_page_is_what_the_programs_say(name: str) -> None:
    again = "python -m tests.reference makes it again"

    assert (DOCS / name).read_text("utf-8") == MADE[name], again


@pytest.mark.parametrize(
    "command",
    [each for each in commands() if each.name != "serve"],  # its flags are settings
    ids=lambda command: command.name,
)
def test_every_word_of_a_command_stands_below_its_heading(command: Command) -> None:
    _, _, below = MADE["commands.md"].partition(f"\n## {command.name}\n")
    shown = re.findall(
        r"^\| `\[?(\S+?)[] `]", below.partition("\n## ")[0], re.MULTILINE
    )
    options = re.findall(
        r"^  (?:-\w[^-]*)?(--[\w-]+)", command.parser.format_help(), re.MULTILINE
    )

    assert ["--help", *(word for word in shown if word[:2] == "--")] == options
    assert shown


def test_what_can_be_imported_stands_on_the_page() -> None:
    headings = re.findall("^## (.*)$", MADE["python.md"], re.MULTILINE)

    offered = set(convert.__all__) - {"__version__"}
    assert {name.partition(".")[0] for name in headings} == offered


def test_every_problem_stands_on_the_page() -> None:
    slugs = re.findall("^`/problems/([^`]*)`", MADE["problems.md"], re.MULTILINE)

    assert slugs == list(PROBLEMS)
