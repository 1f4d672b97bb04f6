"""The image: from the engine on this computer into the stack's registry."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from deploy.aws.errors import Refusal

PUSH_S = 1800


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
        raise Refusal(f"{engine[0]} has no image {image!r}: build it with make image")
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
    return subprocess.run(  # noqa: S603 - the user's own engine
        [*engine, *words], input=said, capture_output=True, text=True, timeout=PUSH_S
    )


def _check(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Refusal(f"{' '.join(done.args[:2])}: {lines[-1] if lines else 'failed'}")
