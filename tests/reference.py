"""Writes docs/commands.md, docs/python.md and docs/problems.md.

``python -m tests.reference`` makes them of what the parsers and docstrings say.
"""

import argparse
import contextlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import bench.__main__
import convert
from bench.__main__ import TABLES
from convert.__main__ import COMMANDS, parse
from convert.console import PROGRAMS
from server.problems import PROBLEMS, Problem
from server.settings import read_settings

DOCS = Path(__file__).parent.parent / "docs"

COMMANDS_HEAD = """\
# Commands

Made by `python -m tests.reference` of what each command says with `--help`. Where Pinion
is installed, `pinion COMMAND` runs it, as `pinion export`; the examples are for a checkout.

| command | does |
|---|---|
"""

PYTHON_HEAD = """\
# From Python

Made by `python -m tests.reference` of the docstrings. `pip install '.[convert]'` in a
checkout brings what can be imported from `convert`; the [notebook](notebook.ipynb) shows
it from a fit to a served prediction. A file called `server.py` or `convert.py` in the
folder where Python starts hides Pinion's packages of these names: give it another name.
"""

PROBLEMS_HEAD = """\
# Problems

Made by `python -m tests.reference` of `server/problems.py`. What the server refuses is
answered as `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457));
its `type` is the path at which the server explains it.
"""

DOCSTRING_HEADING = re.compile(r"\n*^(\w+)\n-+\n", re.MULTILINE)


class Command(NamedTuple):
    """A heading of the page, what the command does, and the parser of its words."""

    name: str
    sentence: str
    parser: argparse.ArgumentParser


class _Captured(Exception):
    """Ends a program where it would read its words."""


def main() -> None:
    for name, text in pages().items():
        DOCS.joinpath(name).write_text(text, "utf-8")
        sys.stdout.write(f"wrote docs/{name}\n")


def pages() -> dict[str, str]:
    """Return the text of each page that is made here, by the name of its file."""
    made = {
        "commands.md": commands_page(),
        "python.md": python_page(),
        "problems.md": problems_page(),
    }
    return {name: re.sub("\n{3,}", "\n\n", text) for name, text in made.items()}


def commands_page() -> str:
    every = list(commands())
    lines = [
        f"| [`{each.name}`](#{each.name.replace(' ', '-')}) | {each.sentence} |\n"
        for each in every
    ]
    return COMMANDS_HEAD + "".join(lines + [_command(each) for each in every])


def commands() -> Iterator[Command]:
    """Yield every command of `pinion`, with the parser that its program makes."""
    for name, (_, sentence) in COMMANDS.items():
        yield Command(name, sentence, _converter(name))
    serve, measure = PROGRAMS["serve"][1], PROGRAMS["bench"][1]
    yield Command("serve", serve, captured(read_settings, ["--help"]))
    yield Command("bench", measure, captured(bench.__main__.main, ["-"]))
    for name, module in {**TABLES, "contest": "contest"}.items():
        program = import_module(f"bench.measurements.{module}").main
        parser = captured(program, [])
        sentence = _one_line(parser.description).partition(". ")[0].rstrip(".")
        yield Command(f"bench {name}", sentence[0].lower() + sentence[1:], parser)


def _converter(name: str) -> argparse.ArgumentParser:
    parser = captured(parse, [name])
    (subparsers,) = (
        action
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    found: argparse.ArgumentParser = subparsers.choices[name]
    return found


def captured(
    program: Callable[[list[str]], Any], words: list[str]
) -> argparse.ArgumentParser:
    """Return the parser that a program makes for its words, and reads none with."""
    made: list[argparse.ArgumentParser] = []

    def capture(parser: argparse.ArgumentParser, *_: object) -> None:
        made.append(parser)
        raise _Captured

    with (
        patch.object(argparse.ArgumentParser, "parse_args", capture),
        contextlib.suppress(_Captured),
    ):
        program(words)
    return made[0]


def _command(command: Command) -> str:
    parser = command.parser
    rows = "".join(
        f"| {_words(action)} | {_says(action)} |\n"
        for action in parser._actions
        if action.dest not in ("help", "version")
    )
    table = f"| `{parser.prog}` | |\n|---|---|\n{rows}"
    if command.name == "serve":
        table = "[Every flag](settings.md) can be an environment variable as well.\n"
    epilog = "\n".join(_epilog(parser.epilog or ""))
    said = _wrapped(parser.description)
    return f"\n## {command.name}\n\n{said}\n\n{table}\n{epilog}"


def _words(action: argparse.Action) -> str:
    """Return what is typed: the longest name of an option with what follows it."""
    name = action.option_strings[-1:]
    metavar = action.metavar or (action.dest.upper() if name else action.dest)
    values = " ".join([metavar] if isinstance(metavar, str) else metavar)
    if action.nargs == 0:
        return f"`{name[0]}`"
    if action.nargs in ("?", "*"):
        values = f"[{values}]" if action.nargs == "?" else f"[{values} …]"
    return f"`{' '.join([*name, values])}`"


def _says(action: argparse.Action) -> str:
    """Return the sentence of an argument, as `--help` does."""
    said = _one_line(action.help or "") % vars(action)
    if action.dest == "memory_limit":  # which is this machine's
        said = said.replace(f", {action.default})", ")")
    is_needed = action.required and action.option_strings
    return ("needed; " if is_needed else "") + said.replace("|", r"\|")


def _epilog(epilog: str) -> Iterator[str]:
    """Yield the paragraphs below the options; what points to `--help` stands here."""
    for paragraph in epilog.strip().split("\n\n"):
        if example := re.match("examples?:(?P<inline> .*)?", paragraph):
            lines = paragraph[example.end() :].strip("\n")
            typed = _one_line(paragraph).partition(": ")[2] if example["inline"] else ""
            yield f"```sh\n{typed or textwrap.dedent(lines)}\n```\n"
        elif paragraph and "--help" not in paragraph:
            yield f"{_capital(paragraph)}\n"


def python_page() -> str:
    offered = [getattr(convert, name) for name in convert.__all__]
    functions = sorted(filter(inspect.isfunction, offered), key=_home_line)
    said = [_function(each.__name__, each) for each in functions]
    return "".join([PYTHON_HEAD, *said, *_model_file(), _refusal()])


def _home_line(function: Callable[..., Any]) -> int:
    return inspect.getsourcelines(function)[1]


def _model_file() -> Iterator[str]:
    kind = convert.ModelFile
    yield f"\n## ModelFile\n\n{_docstring(kind)}"
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield _function(f"ModelFile.{name}", member)


def _refusal() -> str:
    tree = inspect.getdoc(import_module("convert.errors")) or ""
    _, drawn, after = tree.split("\n\n")
    text = f"{_docstring(convert.Refusal)}\n```text\n{drawn}\n```\n\n{after}\n"
    return f"\n## Refusal\n\n{text}"


def _function(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    plain = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    short = inspect.Signature(plain)
    call = name.replace("ModelFile", "model")
    return f"\n## {name}\n\n`{call}{short}`\n\n{_docstring(function)}"


def _docstring(described: Any) -> str:
    """Return the Markdown of a numpydoc docstring."""
    said, *sections = DOCSTRING_HEADING.split(inspect.getdoc(described) or "")
    parts = [f"{_ticked(said)}\n"]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        parts.append(_section(title, body))
    return "\n".join(parts)


def _section(title: str, body: str) -> str:
    if title == "Examples":
        lines = [line.removeprefix(">>> ") for line in body.splitlines()]
        code = "\n".join(line.partition("  # doctest:")[0] for line in lines)
        return f"```python\n{code}\n```\n"
    if "\n    " not in body:
        return f"*{title}*: {_ticked(_one_line(body))}\n"
    terms = "".join(f"- {line}\n" for line in _terms(body))
    return f"*{title}*\n\n{terms}"


def _terms(body: str) -> Iterator[str]:
    """Yield a line for each term of a numpydoc section, with what is said of it."""
    for term, said in re.findall(r"^(\S.*)\n((?:    .*\n?)+)", body, re.MULTILINE):
        yield f"**{term}**: {_ticked(_one_line(said))}"


def problems_page() -> str:
    return PROBLEMS_HEAD + "".join(map(_problem, PROBLEMS.values()))


def _problem(problem: type[Problem]) -> str:
    text = inspect.getdoc(problem) or ""
    return (
        f"\n## {problem.title}\n\n`/problems/{problem.slug}`, status "
        f"{problem.status:d}. {text}\n"
    )


def _ticked(text: str) -> str:
    """Return reStructuredText's literals as Markdown's."""
    return text.replace("``", "`")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _wrapped(text: str | None) -> str:
    return textwrap.fill(_one_line(text), 88, break_on_hyphens=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    main()
