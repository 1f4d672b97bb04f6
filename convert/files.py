"""Writes files whole, and all of them or none."""

import os
from collections.abc import Mapping
from pathlib import Path

from convert.refusal import Refusal, suggest
from server.stand_in import N_BYTES, find_stand_in


def check_input(path: Path) -> None:
    """Refuse what is not there, and say which files are; or what came in its place.

    Raises
    ------
    Refusal
        There is nothing of that name, or a folder, or a web page.
    """
    if path.is_dir():
        raise Refusal(f"{path} is a folder: name the file in it")
    if path.exists():
        _check_beginning(path)
        return
    folder, ending = path.parent, path.suffix
    if not folder.is_dir():
        raise Refusal(f"there is no folder {folder} for {path}: check the path")
    names = sorted(each.name for each in folder.iterdir() if each.suffix == ending)
    remedy = suggest(path.name, names) if names else f"no file there ends in {ending!r}"
    raise Refusal(f"there is no file {path}: {remedy}")


def _check_beginning(path: Path) -> None:
    if not path.is_file():
        return  # a pipe is read once
    with path.open("rb") as file:
        stand_in = find_stand_in(file.read(N_BYTES), may_be_packed=True)
    if stand_in:
        raise Refusal(f"{path} is {stand_in.found}: {stand_in.remedy}")


def check_output(output: Path, ending: str) -> None:
    """Refuse what could not be written, before the work.

    Raises
    ------
    Refusal
        The name would hide what is in the file, or the system writes nothing there.
    """
    if output.suffix != ending:
        raise Refusal(
            f"the output is called {output}: give it a name ending in {ending}"
        )
    folder = output.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise Refusal(f"nothing can be written in {folder}: name another folder")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or, if one cannot be written, none.

    Raises
    ------
    Refusal
        A folder has the name of a file.
    """
    for path in contents:
        if path.is_dir():
            raise Refusal(f"{path} is a folder: give the file another name")
    temporary = {
        path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents
    }
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(content)
        for path in contents:
            os.replace(temporary[path], path)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
