"""`python -m deploy.aws scan`: what the registry's findings lead to, beside a stand-in."""

import json
from typing import Any

import httpx
import pytest

from tests.test_deploy_aws import account, ask, aws, deploy, said
from tests.tools import run, tool

__all__ = ["account", "aws"]

pytestmark = [pytest.mark.external, pytest.mark.slow]

MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": "first"},
    "layers": [],
}
NAME = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pinion:first"
AT_ONCE = """
import sys
from deploy.aws import __main__, image
image.SCAN_S = 0
sys.exit(__main__.main(["scan"]))
"""


@pytest.fixture(scope="module")
def pushed(aws: dict[str, str]) -> dict[str, str]:
    """Give an account with a stack and an image in its registry."""
    httpx.post(f"{aws['AWS_ENDPOINT_URL']}/moto-api/reset", timeout=60)
    said(aws, "up", "--yes")
    words = ("--image-manifest", json.dumps(MANIFEST), "--image-tag", "first")
    ask(aws, "ecr", "put-image", "--repository-name=pinion", *words)
    return aws


def scanned(pushed: dict[str, str], tag: str, found: dict[str, Any]) -> None:
    """Push another image, and let the registry say this of it."""
    named = "--repository-name=pinion"
    manifest = json.dumps({**MANIFEST, "config": {"digest": tag}})
    words = ("--image-manifest", manifest, "--image-tag", tag)
    ask(pushed, "ecr", "put-image", named, *words)
    ask(pushed, "ecr", "start-image-scan", named, f"--image-id=imageTag={tag}")
    image = {
        "registryId": "123456789012",
        "repositoryName": "pinion",
        "imageId": {"imageTag": tag},
    }
    httpx.post(
        f"{pushed['AWS_ENDPOINT_URL']}/moto-api/static/ecr/scan-finding-results",
        json={"results": [image | found]},
        timeout=60,
    ).raise_for_status()


def test_a_scan_that_never_begins_is_refused(pushed: dict[str, str]) -> None:
    done = run(tool("python"), "-c", AT_ONCE, check=False, environment=pushed)

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"refused: the registry has not looked into {NAME} after 0 s\n",
    )


@pytest.mark.parametrize(
    ("status", "counts", "code", "told"),
    [
        ("COMPLETE", {}, 0, f"The registry found in {NAME}: nothing.\n"),
        (
            "ACTIVE",
            {"HIGH": 2, "LOW": 1},
            0,
            f"The registry found in {NAME}: 2 high, 1 low.\n",
        ),
        (
            "COMPLETE",
            {"CRITICAL": 1, "HIGH": 2},
            2,
            f"The registry found in {NAME}: 1 critical, 2 high.\n"
            f"refused: {NAME} has critical faults: build it on a newer base\n",
        ),
        (
            "UNSUPPORTED_IMAGE",
            {},
            0,
            f"The registry cannot look into the system of {NAME}: nothing is known.\n",
        ),
        (
            "FAILED",
            {},
            2,
            f"refused: the registry could not look into {NAME}: FAILED: no reason\n",
        ),
    ],
)
def test_only_critical_faults_and_failures_are_refused(
    pushed: dict[str, str], status: str, counts: dict[str, int], code: int, told: str
) -> None:
    tag = f"{status.lower()}-{len(counts)}"
    findings = {"findingSeverityCounts": counts} if counts else {}
    found = {"imageScanStatus": {"status": status}, "imageScanFindings": findings}
    scanned(pushed, tag, found)
    done = deploy(pushed, "scan", tag, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (
        code,
        told.replace(":first", f":{tag}"),
    )
