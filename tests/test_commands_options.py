import argparse
from pathlib import Path

import pytest

from convert.commands.options import add_description_option, add_reading_options


def parse(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_reading_options(parser)
    add_description_option(parser)
    return vars(parser.parse_args(words))


def test_nothing_is_said_unless_somebody_says_it() -> None:
    assert parse() == {
        "rename": [],
        "drop": [],
        "missing": [],
        "encoding": "utf-8",
        "description": None,
    }


def test_each_word_is_kept_in_order() -> None:
    said = parse(
        *("--rename", "a=b", "--drop", "c", "--rename", "d=e=f", "--missing", "NA"),
        *("--missing", "", "--drop", "c", "--encoding", "cp1252"),
        *("--description", "about/maths.toml"),
    )

    assert said == {
        "rename": ["a=b", "d=e=f"],
        "drop": ["c", "c"],
        "missing": ["NA", ""],
        "encoding": "cp1252",
        "description": Path("about/maths.toml"),
    }


def test_what_one_command_was_told_the_next_is_not() -> None:
    assert parse("--drop", "a")["drop"] == ["a"]
    assert parse()["drop"] == []


@pytest.mark.parametrize("option", ["rename", "drop", "missing", "encoding"])
def test_an_option_wants_a_word(option: str) -> None:
    with pytest.raises(argparse.ArgumentError) as error:
        parse(f"--{option}")

    assert str(error.value) == f"argument --{option}: expected one argument"


def test_the_help_has_a_sentence_for_each_option_and_the_default() -> None:
    parser = argparse.ArgumentParser(add_help=False, usage="")
    add_reading_options(parser)
    add_description_option(parser)

    said = " ".join(parser.format_help().split())

    assert said.endswith(
        "--rename OLD=NEW call a column of the table NEW, here and in the model; once "
        "for each --drop COLUMN leave it out --missing TEXT what stands for a missing "
        "value beside the empty cell, such as NA --encoding ENCODING of the table "
        "(default: utf-8) --description FILE TOML with titles, units and bounds "
        "(default: the .toml beside the output)"
    )
