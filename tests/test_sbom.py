"""`make sbom`: what it says of the image, beside what the image's own programs say."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server import __version__
from tests.containers import (
    BASE,
    alone,
    built_image,
    debian,
    podman,
    why_no_image,
)
from tests.podman import ENGINE, LIMITS
from tests.servers import ROOT
from tests.test_requirements import read_pins
from tests.tools import run

pytestmark = [
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]

LICENSES = {
    "anyio": {"id": "MIT"},
    "click": {"id": "BSD-3-Clause"},
    "httptools": {"id": "MIT"},
    "msgspec": {"id": "BSD-3-Clause"},
    "onnxruntime": {"name": "MIT License"},
    "starlette": {"id": "BSD-3-Clause"},
    "typing-extensions": {"id": "PSF-2.0"},
    "uvicorn": {"id": "BSD-3-Clause"},
    "uvloop": {"name": "MIT License"},
}
"""As their authors declare them: two have no identifier of SPDX."""

VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
print(fault.data.message if fault else "valid")
"""

LIST_PACKAGES = """
import json
from importlib.metadata import distributions
print(json.dumps([[d.name, d.version] for d in distributions(path=["/app"])]))
"""


def bill_of_materials(image: str) -> str:
    words = (f"IMAGE={image}", f"ENGINE={ENGINE}", f"PYTHON={sys.executable}")
    with alone("sbom"):
        run("make", "sbom", *words)
        return (ROOT / "build/sbom.json").read_text("utf-8")


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(bill_of_materials(built_image()))
    return read


def validate(document: dict[str, Any]) -> str:
    python = ROOT / ".venv-scan/bin/python"
    return run(python, "-c", VALIDATE, given=json.dumps(document)).stdout.strip()


def copy_out(image: str, path: str, place: Path) -> None:
    container = podman("create", "--no-healthcheck", image).stdout.strip()
    try:
        podman("cp", f"{container}:{path}", str(place))
    finally:
        podman("rm", container)


def found(bill: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    return [each for each in bill["components"] if each["bom-ref"].startswith(prefix)]


def test_it_is_valid_cyclonedx_1_6(bill: dict[str, Any]) -> None:
    fault = validate(bill | {"components": [{"type": "library"}]})

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert validate(bill) == "valid"
    assert fault == "'name' is a required property"


def test_the_packages_of_python_are_those_that_python_finds_in_the_image(
    bill: dict[str, Any],
) -> None:
    words = ("--entrypoint=python3", built_image(), "-c", LIST_PACKAGES)
    listed = json.loads(podman("run", "--rm", *LIMITS, *words).stdout)
    pins = {pin.requirement.name: pin for pin in read_pins("inference")}
    packages = found(bill, "pkg:pypi/")

    assert sorted((each["name"], each["version"]) for each in packages) == sorted(
        (name.replace("_", "-"), version) for name, version in listed
    )
    assert [each["purl"] for each in packages] == [
        f"pkg:pypi/{each['name']}@{each['version']}" for each in packages
    ]
    assert {
        each["name"]: {one["content"] for one in reference["hashes"]}
        for each in packages
        for reference in each["externalReferences"]
    } == {
        name: {each.removeprefix("sha256:") for each in pins[name].hashes}
        for name in LICENSES
    }
    assert {
        each["name"]: one["license"] for each in packages for one in each["licenses"]
    } == LICENSES


def test_the_packages_of_debian_are_those_that_dpkg_reads(
    bill: dict[str, Any], tmp_path: Path
) -> None:
    listed = tmp_path / "status.d"
    copy_out(built_image(), "/var/lib/dpkg/status.d", listed)
    stanzas = [path.read_text().strip() for path in sorted(listed.iterdir())]
    installed = [f"{each}\nStatus: install ok installed\n" for each in stanzas]
    (tmp_path / "status").write_text("\n".join(installed))
    fields = "--showformat=${Package} ${Version} ${Architecture}\n"
    said = run("dpkg-query", f"--admindir={tmp_path}", "--show", fields).stdout
    packages = found(bill, "pkg:deb/")

    assert sorted(
        f"{each['name']} {each['version']} {each['purl'].split('arch=')[1].split('&')[0]}"
        for each in packages
    ) == sorted(said.splitlines())
    assert all(each["purl"].endswith("&distro=debian-13") for each in packages)
    assert {"libc6", "libssl3t64", "python3.13-minimal"} < {
        each["name"] for each in packages
    }


def test_our_own_part_is_named_by_version_commit_and_the_hash_of_each_model(
    bill: dict[str, Any],
) -> None:
    words = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    revision = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True
    )
    models = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / "models").glob("*.onnx")
    }
    image = bill["metadata"]["component"]

    assert (image["type"], image["name"], image["version"]) == (
        "container",
        "pinion",
        __version__,
    )
    assert image["pedigree"] == {"commits": [{"uid": revision.stdout.strip()}]}
    assert {
        each["name"]: each["hashes"][0]["content"] for each in found(bill, "models/")
    } == models
    assert len(bill["components"]) == sum(
        len(found(bill, prefix)) for prefix in ("pkg:pypi/", "pkg:deb/", "models/")
    )


def test_two_builds_of_a_commit_have_the_same_bytes_and_another_commit_has_not() -> (
    None
):
    one, other, later = (
        bill_of_materials(built_image(f"--label=of={day}", revision=revision))
        for day, revision in (("one", "a"), ("other", "a"), ("one", "b"))
    )
    numbers = [json.loads(each)["serialNumber"] for each in (one, later)]

    assert one == other
    assert one.replace('"uid": "a"', '"uid": "b"') == later.replace(*numbers[::-1])
    assert numbers[0] != numbers[1]


def refusal(image: str, tmp_path: Path) -> str:
    """Return what `make sbom` says of an image that it cannot describe."""
    words = ("-m", "deploy.image.sbom", image, "--engine", ENGINE)
    python = ROOT / ".venv-scan/bin/python"
    written = tmp_path / "sbom.json"
    done = run(python, *words, "--output", written, check=False)

    assert done.returncode == 1
    assert not written.exists()
    return done.stderr


def test_an_image_without_our_labels_is_refused_with_what_writes_them(
    bill: dict[str, Any], tmp_path: Path
) -> None:
    base = debian("base", BASE)

    assert refusal(base, tmp_path) == (
        f"sbom.py: {base} has no label org.opencontainers.image.description: "
        "`make image` writes it\n"
    )


def test_an_image_of_other_pins_is_refused_with_where_to_find_them(
    bill: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "METADATA").write_text("Name: Click\nVersion: 7.0\n")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {built_image()}\nCOPY METADATA /app/click-7.0.dist-info/METADATA\n"
    )
    image = podman("build", "--quiet", str(tmp_path)).stdout.strip()
    try:
        said = refusal(image, tmp_path)
    finally:
        podman("rmi", image)

    assert said == (
        "sbom.py: the image has click==7.0, which requirements-inference.txt does not "
        "pin; check out the commit of the image, which its labels name\n"
    )
