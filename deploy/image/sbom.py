"""Say what an image is made of, as a bill of materials in CycloneDX 1.6.

python -m deploy.image.sbom IMAGE --output build/sbom.json [--engine docker]

It looks into the image itself: Debian's packages as Debian lists them, Python's as their
own metadata say, with the hashes that pip checked, our models with theirs, and the version
and commit that the image is labelled with. The same content gives the same bytes: it holds
no time, and its serial number is made of the rest.
"""

import argparse
import hashlib
import json
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO
from uuid import UUID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Commit, Component, ComponentType, Pedigree
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

REQUIREMENTS = Path("requirements-inference.txt")
LABEL = "org.opencontainers.image."
LABELS = ("description", "licenses", "revision", "version")
NAMESPACE = UUID("f0bb5a1c-4f6c-5b0e-9c0a-3d9f4c0f9a61")
"""Of the serial numbers; any, for ever the same."""

READ = (
    "app/*.dist-info/METADATA",
    "models/*.onnx",
    "usr/lib/os-release",
    "var/lib/dpkg/status.d/*",
)
"""The files of the image that say what is in it."""

MAX_FILE_BYTES = 100_000_000


def main(arguments: list[str] | None = None) -> None:
    """Write the bill of materials of an image to a file."""
    parser = argparse.ArgumentParser(prog="python -m deploy.image.sbom")
    parser.add_argument("image")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--engine", default="docker")
    options = parser.parse_args(arguments)
    engine = shlex.split(options.engine)
    labels = read_labels(engine, options.image)
    files = read_files(engine, options.image)
    hashes = read_hashes(REQUIREMENTS.read_text("utf-8"))
    options.output.write_text(render(describe(labels, files, hashes)), "utf-8")


def read_labels(engine: list[str], image: str) -> dict[str, str]:
    """Return what an image says of itself."""
    (inspected,) = json.loads(_run([*engine, "image", "inspect", image]))
    labels: dict[str, str] = inspected["Config"].get("Labels") or {}
    for name in LABELS:
        if f"{LABEL}{name}" not in labels:
            sys.exit(
                f"sbom.py: {image} has no label {LABEL}{name}: `make image` writes it"
            )
    return labels


def read_files(engine: list[str], image: str) -> dict[str, bytes]:
    """Return the files of an image that say what is in it, by their paths."""
    container = _run([*engine, "create", "--no-healthcheck", image]).strip()
    with TemporaryFile() as exported:
        try:
            _run([*engine, "export", container], exported)
        finally:
            _run([*engine, "rm", container])
        exported.seek(0)
        with tarfile.open(fileobj=exported) as archive:
            return dict(_chosen(archive))


def _run(command: list[str], output: IO[bytes] | int = subprocess.PIPE) -> str:
    done = subprocess.run(  # noqa: S603 - the engine that the caller chose
        command, stdout=output, text=True, timeout=600
    )
    if done.returncode:  # it has said why
        sys.exit(f"sbom.py: {shlex.join(command)} ended with {done.returncode}")
    return done.stdout or ""


def _chosen(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        path = PurePosixPath(member.name)
        if not member.isfile() or not any(map(path.match, READ)):
            continue
        if member.size > MAX_FILE_BYTES:
            sys.exit(f"sbom.py: {path} has {member.size} bytes")
        content = archive.extractfile(member)
        if content is not None:
            yield str(path), content.read()


def read_hashes(requirements: str) -> dict[str, list[str]]:
    """Return the SHA-256 of every file that pip may install, by name and version."""
    pins = requirements.replace("\\\n", "").splitlines()
    return {
        pin.partition(" ")[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})", pin)
        for pin in pins
        if not pin.startswith("#")
    }


def describe(
    labels: Mapping[str, str],
    files: Mapping[str, bytes],
    hashes: Mapping[str, list[str]],
) -> Bom:
    """Return the bill of materials.

    Parameters
    ----------
    labels
        Of the image.
    files
        Those of `read_files`.
    hashes
        Of the packages for Python, by ``name==version``.
    """
    release = files["usr/lib/os-release"].decode()
    (number,) = re.findall('^VERSION_ID="(.+)"$', release, re.MULTILINE)
    found = {
        "debian": [_debian(each, f"debian-{number}") for each in _read(files, READ[3])],
        "python": [_python(each, hashes) for each in _read(files, READ[0])],
        "model": [_model(path, files[path]) for path in _named(files, READ[1])],
    }
    for kind, components in found.items():
        if not components:
            sys.exit(f"sbom.py: there is no {kind} package in the image")
    bom = Bom(components=[each for some in found.values() for each in some])
    bom.metadata.component = _image(labels)
    bom.metadata.timestamp = None
    bom.register_dependency(bom.metadata.component, bom.components)
    return bom


def _named(files: Mapping[str, bytes], pattern: str) -> list[str]:
    # beside each package distroless has a list of its files
    return sorted(
        path
        for path in files
        if PurePosixPath(path).match(pattern) and not path.endswith(".md5sums")
    )


def _read(files: Mapping[str, bytes], pattern: str) -> Iterable[Message]:
    return (Parser().parsestr(files[p].decode()) for p in _named(files, pattern))


def _image(labels: Mapping[str, str]) -> Component:
    return Component(
        type=ComponentType.CONTAINER,
        bom_ref="pinion",
        name="pinion",
        version=labels[f"{LABEL}version"],
        description=labels[f"{LABEL}description"],
        licenses=_licenses(labels[f"{LABEL}licenses"]),
        pedigree=Pedigree(commits=[Commit(uid=labels[f"{LABEL}revision"])]),
    )


def _debian(fields: Message, distribution: str) -> Component:
    qualifiers = {"arch": fields["Architecture"], "distro": distribution}
    purl = PackageURL("deb", "debian", fields["Package"], fields["Version"], qualifiers)
    return Component(
        bom_ref=str(purl), name=fields["Package"], version=fields["Version"], purl=purl
    )


def _python(fields: Message, hashes: Mapping[str, list[str]]) -> Component:
    name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
    pin = f"{name}=={fields['Version']}"
    if pin not in hashes:
        sys.exit(
            f"sbom.py: the image has {pin}, which {REQUIREMENTS} does not pin; "
            "check out the commit of the image, which its labels name"
        )
    purl = PackageURL("pypi", None, name, fields["Version"])
    license_ = fields["License-Expression"] or fields["License"]
    # of all files of that version, one for each system: pip checked that it is one of these
    allowed = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        hashes=[
            HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes[pin]
        ],
    )
    return Component(
        bom_ref=str(purl),
        name=name,
        version=fields["Version"],
        licenses=_licenses(license_) if license_ else None,
        purl=purl,
        external_references=[allowed],
    )


def _licenses(text: str) -> list[object]:
    return [LicenseFactory().make_from_string(text)]


def _model(path: str, content: bytes) -> Component:
    digest = hashlib.sha256(content).hexdigest()
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=path,
        name=PurePosixPath(path).stem,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def render(bom: Bom) -> str:
    """Return it as JSON, with a serial number that is made of the rest."""
    bom.serial_number = NAMESPACE
    bom.serial_number = uuid5(NAMESPACE, _as_json(bom))
    return f"{_as_json(bom)}\n"


def _as_json(bom: Bom) -> str:
    writer = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    text: str = writer.output_as_string(indent=1)
    return text


if __name__ == "__main__":
    main()
