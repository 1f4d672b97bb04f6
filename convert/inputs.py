"""Files that a person names: whether they are there, and what came in their place."""

import os
from pathlib import Path

from convert.errors import Unreadable, suggest
from server.model_file.stand_in import N_BYTES, find_stand_in

PARQUET = (".parquet", ".pq")


def check_input(path: Path) -> None:
    """Refuse what is not there, and say which files are; or what came in its place.

    Raises
    ------
    Unreadable
        There is nothing of that name, or a folder, a device, or a web page.
    """
    if path.is_dir():
        raise Unreadable(f"{path} is a folder: name the file in it")
    if path.is_char_device() or path.is_block_device():
        raise Unreadable(f"{path} is a device, which has no end: name a file")
    if path.exists():
        _check_beginning(path)
        return
    if path.is_symlink():
        raise Unreadable(
            f"{path} is a link to {os.readlink(path)}, where there is no file: name "
            "another"
        )
    folder, ending = path.parent, path.suffix
    if not folder.is_dir():
        raise Unreadable(f"there is no folder {folder} for {path}: check the path")
    names = sorted(each.name for each in folder.iterdir() if each.suffix == ending)
    remedy = suggest(path.name, names) if names else f"no file there ends in {ending!r}"
    raise Unreadable(f"there is no file {path}: {remedy}")


def _check_beginning(path: Path) -> None:
    if not path.is_file():
        return  # a pipe is read once
    with path.open("rb") as file:
        stand_in = find_stand_in(file.read(N_BYTES), may_be_packed=True)
    if stand_in:
        raise Unreadable(f"{path} is {stand_in.found}: {stand_in.remedy}")
