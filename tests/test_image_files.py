"""Every file above the image's base was listed by somebody: git, a package or the image.

What git has of `server/` and `models/` is in the image as it is there; what pip installed
has its SHA-256 in the package's RECORD; byte-code has its source. The rest is named here.
"""

import base64
import csv
import hashlib
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.containers import BASE, built_image, debian, podman, why_no_image
from tests.servers import ROOT

pytestmark = [
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]

OURS = ("LICENSE", "deploy/image/healthcheck.py", "models/*.onnx", "server/*.py")
"""What of the checkout is in the image."""

STRIPPED = (
    "app/httptools/parser/*.so",
    "app/msgspec/_core*.so",
    "app/uvloop/loop*.so",
)
"""Listed by their packages, but without symbols they have another hash."""

TESTING = re.compile(
    r"(^|/)(tests?|__pycache__|\.git|\.\w+_cache)/|/(test_[^/]*|conftest)\.py$"
)
"""What no package should bring."""


class Entry(NamedTuple):
    """A file, folder or link of a layer."""

    name: str
    kind: bytes
    mode: int
    owner: tuple[int, int]
    digest: bytes
    content: bytes


def read_layers(image: str, folder: Path) -> Iterator[list[Entry]]:
    """Return what is in each layer of an image, the lowest first."""
    podman("push", "--quiet", image, f"oci:{folder}")
    blobs = folder / "blobs" / "sha256"
    index = json.loads((folder / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    for layer in manifest["layers"]:
        with tarfile.open(blobs / layer["digest"][7:]) as archive:
            yield [read_entry(archive, member) for member in archive]


def read_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    file = archive.extractfile(member) if member.isreg() else None
    content = file.read() if file else b""
    name = member.name.removeprefix("./")
    return Entry(
        name,
        member.type,
        member.mode & 0o7777,
        (member.uid, member.gid),
        hashlib.sha256(content).digest(),
        content,
    )


def recorded(files: dict[str, Entry]) -> dict[str, bytes]:
    """Return the SHA-256 of what the packages say is theirs; RECORD itself has none."""
    found = {}
    for name, record in files.items():
        if fnmatch(name, "app/*.dist-info/RECORD"):
            for path, digest, _ in csv.reader(record.content.decode().splitlines()):
                found[f"app/{path}"] = base64.urlsafe_b64decode(
                    digest.removeprefix("sha256=") + "="
                )
    return found


def tracked() -> dict[str, bytes]:
    """Return the SHA-256 of what is in git and belongs into the image, by its place."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *OURS], cwd=ROOT, capture_output=True, check=True
    )
    found = {}
    for path in listed.stdout.decode().rstrip("\0").split("\0"):
        place = path if path.startswith("models/") else f"app/{path}"
        place = place.replace("app/deploy/image/", "app/")
        found[place] = hashlib.sha256((ROOT / path).read_bytes()).digest()
    return found


def source_of(name: str) -> str:
    """Return the source of byte-code in the image's own folder for it."""
    return re.sub(r"^app/bytecode/(.*)\.cpython-313\.pyc$", r"\1.py", name)


def unlisted(layers: list[list[Entry]]) -> Iterator[str]:
    """Say of each entry above the base that nobody answers for."""
    base, *above = layers
    entries = [each for layer in above for each in layer]
    files = {each.name: each for each in entries if each.kind != tarfile.DIRTYPE}
    sources = {each.name for each in base} | {*files}
    packages, own = recorded(files), tracked()
    folders = {str(folder) for name in files for folder in Path(name).parents}
    for each in entries:
        name = each.name
        if each.kind == tarfile.DIRTYPE:
            if name not in folders | {"empty"}:
                yield f"{name}: a folder of nothing"
        elif each.kind != tarfile.REGTYPE:
            yield f"{name}: no plain file"
        elif name in own:
            if each.digest != own[name]:
                yield f"{name}: not as in git"
        elif name.startswith("app/bytecode/"):
            if name == source_of(name) or source_of(name) not in sources:
                yield f"{name}: byte-code without its source"
        elif name not in packages:
            yield f"{name}: nobody listed it"
        elif not may_differ(name) and each.digest != packages[name]:
            yield f"{name}: not as in its package"
    yield from (f"{name}: in git, and not here" for name in own.keys() - files.keys())


def may_differ(name: str) -> bool:
    return name.endswith("/RECORD") or any(fnmatch(name, each) for each in STRIPPED)


def unsafe(layers: list[list[Entry]]) -> Iterator[str]:
    """Say of each entry above the base what somebody else could use or nobody needs."""
    for each in (entry for layer in layers[1:] for entry in layer):
        expected = {0o755} if each.kind == tarfile.DIRTYPE else {0o644, 0o755}
        if each.mode not in expected:
            yield f"{each.name}: mode {each.mode:o}"
        if each.owner != (0, 0):
            yield f"{each.name}: of user and group {each.owner}"
        if TESTING.search(each.name):
            yield f"{each.name}: for tests"


def complaints(image: str, folder: Path) -> list[str]:
    layers = list(read_layers(image, folder))
    return sorted([*unlisted(layers), *unsafe(layers)])


def test_nothing_is_in_the_image_that_nobody_listed(tmp_path: Path) -> None:
    assert complaints(built_image(), tmp_path) == []


def test_the_base_is_one_layer() -> None:
    inspected = podman("image", "inspect", debian("base", BASE)).stdout

    assert len(json.loads(inspected)[0]["RootFS"]["Layers"]) == 1


def test_each_stray_file_is_named(tmp_path: Path) -> None:
    stray = tmp_path / "stray"
    for name in (
        "empty/left",
        "app/server/notes.txt",
        "app/server/__init__.py",
        "app/click/__init__.py",
        "app/click/added.py",
        "app/click/tests/test_core.py",
        "app/bytecode/app/gone.cpython-313.pyc",
        "app/server/__pycache__/app.cpython-313.pyc",
    ):
        (stray / name).parent.mkdir(parents=True, exist_ok=True)
        (stray / name).write_bytes(b"stray")
    (stray / "rooted").write_bytes(b"stray")
    for path in stray.rglob("*"):
        path.chmod(0o755)  # whatever the umask is
    (stray / "app/shared").mkdir(mode=0o755)
    (stray / "app/shared").chmod(0o777)
    (stray / "app/link").symlink_to("/etc/passwd")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {built_image()}\nCOPY --chown=4242:4242 stray/empty /empty\n"
        "COPY stray/app /app\nCOPY --chmod=4755 stray/rooted /app/\n"
    )
    image = podman("build", "--quiet", str(tmp_path)).stdout.strip()
    try:
        found = complaints(image, tmp_path / "oci")
    finally:
        podman("rmi", image)

    assert found == sorted(
        [
            "app/bytecode/app/gone.cpython-313.pyc: byte-code without its source",
            "app/click/__init__.py: not as in its package",
            "app/click/added.py: nobody listed it",
            "app/click/tests/test_core.py: for tests",
            "app/click/tests/test_core.py: nobody listed it",
            "app/link: no plain file",
            "app/link: mode 777",
            "app/rooted: mode 4755",
            "app/rooted: nobody listed it",
            "app/server/__init__.py: not as in git",
            "app/server/__pycache__/app.cpython-313.pyc: for tests",
            "app/server/__pycache__/app.cpython-313.pyc: nobody listed it",
            "app/server/notes.txt: nobody listed it",
            "app/shared: a folder of nothing",
            "app/shared: mode 777",
            "empty: of user and group (4242, 4242)",
            "empty/left: nobody listed it",
            "empty/left: of user and group (4242, 4242)",
        ]
    )
