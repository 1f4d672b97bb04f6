"""The image: from the engine on this computer into the stack's registry."""

import base64
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.errors import Refusal

PUSH_S = 1800

SCAN_S = 300
"""How long the registry may take to look into an image that was just pushed."""

POLL_S = 2.0


def push(ecr: Any, engine: Sequence[str], image: str, repository: str) -> str:
    """Push an image, tagged by its own id, and return its name in the registry.

    The same image has the same tag, and is not pushed twice.

    Parameters
    ----------
    engine
        Words of a command that builds and pushes: docker, podman.

    Raises
    ------
    Refusal
        If there is no engine or no such image, or the registry takes it not.
    """
    if shutil.which(engine[0]) is None:
        raise Refusal(
            f"there is no {engine[0]} here: install it, or name another with --engine"
        )
    found = _run(engine, "image", "inspect", "--format", "{{.Id}}", image)
    if found.returncode:
        raise Refusal(
            f"{engine[0]} shows no image {image!r} (build it with make image): "
            f"{_last_line(found)}"
        )
    tag = found.stdout.strip().removeprefix("sha256:")[:12]
    name = f"{repository}:{tag}"
    if not _is_pushed(ecr, repository, tag):
        _log_in(ecr, engine, repository)
        _check(_run(engine, "tag", image, name))
        _check(_run(engine, "push", name))
    return name


def newest(ecr: Any, repository: str) -> str:
    """Return the name of the image that was pushed last.

    Raises
    ------
    Refusal
        If none was.
    """
    answer = ecr.describe_images(repositoryName=_name(repository))
    tagged = [each for each in answer["imageDetails"] if each.get("imageTags")]
    if not tagged:
        raise Refusal(
            f"{repository} holds no image: push one with python -m deploy.aws push"
        )
    last = max(tagged, key=lambda each: each["imagePushedAt"])
    return f"{repository}:{last['imageTags'][0]}"


def scan(ecr: Any, name: str) -> dict[str, int] | None:
    """Wait until the registry has looked into an image, and return what it found.

    Returns
    -------
    dict[str, int] | None
        How many faults of each severity, such as CRITICAL, its packages have; None if the
        registry knows no such system.

    Raises
    ------
    Refusal
        If it has not been looked into within `SCAN_S`, or that failed.
    """
    deadline = time.monotonic() + SCAN_S
    repository, _, tag = name.rpartition(":")
    while True:
        answer = _findings(ecr, repository, tag)
        status = answer["imageScanStatus"]
        if status["status"] in ("COMPLETE", "ACTIVE"):
            counts: dict[str, int] = answer["imageScanFindings"].get(
                "findingSeverityCounts", {}
            )
            return counts
        said = f"{status['status']}: {status.get('description', 'no reason')}"
        if "unsupported" in said.lower():
            return None
        if status["status"] not in ("IN_PROGRESS", "PENDING"):
            raise Refusal(f"the registry could not look into {name}: {said}")
        if time.monotonic() > deadline:
            raise Refusal(f"the registry has not looked into {name} after {SCAN_S} s")
        time.sleep(POLL_S)


def _findings(ecr: Any, repository: str, tag: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = ecr.describe_image_scan_findings(
            repositoryName=_name(repository), imageId={"imageTag": tag}
        )
    except ClientError as error:
        # a scan on push begins a moment after the push
        if error.response["Error"]["Code"] != "ScanNotFoundException":
            raise
        return {"imageScanStatus": {"status": "PENDING"}}
    return found


def _is_pushed(ecr: Any, repository: str, tag: str) -> bool:
    answer = ecr.describe_images(repositoryName=_name(repository))
    return any(tag in each.get("imageTags", []) for each in answer["imageDetails"])


def _name(repository: str) -> str:
    return repository.partition("/")[2]


def _log_in(ecr: Any, engine: Sequence[str], repository: str) -> None:
    (token,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = (
        base64.b64decode(token["authorizationToken"]).decode().partition(":")
    )
    registry = repository.partition("/")[0]
    # by standard input: a command line can be read by everybody
    _check(
        _run(
            engine,
            "login",
            f"--username={user}",
            "--password-stdin",
            registry,
            said=password,
        )
    )


def _run(
    engine: Sequence[str], *words: str, said: str | None = None
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - the user's own engine
            [*engine, *words],
            input=said,
            capture_output=True,
            text=True,
            timeout=PUSH_S,
        )
    except subprocess.TimeoutExpired as error:
        raise Refusal(
            f"{engine[0]} {words[0]} has not ended after {PUSH_S} s: try again"
        ) from error


def _check(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode:
        raise Refusal(f"{' '.join(done.args[:2])}: {_last_line(done)}")


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"it ended with {done.returncode}"
