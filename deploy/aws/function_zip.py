"""The zip of a function, and what it says of the Python and processor it was built for."""

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from deploy.aws.errors import Refusal

MAX_MB = 50
"""Of a zip that is sent to Lambda itself, and not by way of S3."""

COMPILED = re.compile(r"msgspec/_core\.cpython-3(\d+)-(x86_64|aarch64)-linux-gnu\.so")


class FunctionZip(NamedTuple):
    """A zip, and the runtime and architecture of Lambda that it is for."""

    data: bytes
    runtime: str
    architecture: str


def read(path: Path) -> FunctionZip:
    """Read a zip that `make lambda` built.

    Raises
    ------
    Refusal
        If there is none, it is none, or it is too large.
    """
    if not path.is_file():
        raise Refusal(f"there is no {path}: build it with make lambda")
    size_mb = path.stat().st_size / 1e6
    if size_mb > MAX_MB:
        raise Refusal(
            f"{path} has {size_mb:.0f} MB, and Lambda takes {MAX_MB}: build it with fewer "
            "or smaller models"
        )
    try:
        with zipfile.ZipFile(path) as file:
            names = "\n".join(file.namelist())
    except zipfile.BadZipFile as error:
        raise Refusal(f"{path} is no zip: build it with make lambda") from error
    found = COMPILED.search(names)
    if found is None:
        raise Refusal(f"{path} was not built by make lambda")
    architecture = {"aarch64": "arm64"}.get(found[2], found[2])
    return FunctionZip(path.read_bytes(), f"python3.{found[1]}", architecture)
