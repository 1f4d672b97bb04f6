"""Writes files whole, and all of them or none."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from convert.errors import Invalid

MARK = "<!-- Written by python -m convert, and written again with the model. -->"
"""Of a model card."""


def check_output(output: Path, ending: str) -> None:
    """Refuse what could not be written, before the work.

    Raises
    ------
    Invalid
        The name would hide what is in the file, or the system writes nothing there.
    """
    if output.suffix != ending:
        raise Invalid(
            f"the output is called {output}: give it a name ending in {ending}"
        )
    folder = output.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise Invalid(f"nothing can be written in {folder}: name another folder")


def check_card(path: Path) -> None:
    """Refuse to write over a text that is not a card.

    Raises
    ------
    Invalid
        If a file is there that has not the mark of a card in it.
    """
    if path.is_file() and MARK not in path.read_text(errors="replace"):
        raise Invalid(
            f"{path} would be replaced by the model's card, and is not one: move it, or "
            "give the output another name"
        )


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or, if one cannot be written, none.

    Raises
    ------
    Invalid
        A folder has the name of a file, or the system does not write it.
    """
    for path in contents:
        if path.is_dir():
            raise Invalid(f"{path} is a folder: give the file another name")
    temporary = {
        path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents
    }
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(content)
        for path in contents:
            os.replace(temporary[path], path)
    except OSError as error:  # of a full disk it says nothing else
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    finally:
        for path in temporary.values():
            with suppress(OSError):  # a name that is too long is no file either
                path.unlink(missing_ok=True)
