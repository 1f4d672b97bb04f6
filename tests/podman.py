"""podman, as the tests call it, and the server in a container of it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

ENGINE = "podman --runtime=runc"

LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""Without these, runc is refused where the hard limits of this machine are lower."""


def server_command(
    image: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """Return what serves in a container as `python -m server` does in this process.

    Files and folders that are named are mounted where they are, whoever may not see
    the folders above them.
    """
    named = {*arguments, *environment.values()}
    paths = sorted(
        name for name in named if name.startswith("/") and Path(name).exists()
    )
    for path in filter(os.path.isdir, paths):
        Path(path).chmod(0o755)  # the server is another user
    return [
        *ENGINE.split(),
        "run",
        "--rm",
        "--no-healthcheck",  # without systemd it is an error on the first line
        "--read-only",
        "--cap-drop=ALL",
        "--network=host",
        "--memory=1g",
        "--cpus=1",
        *LIMITS,
        *[f"--volume={path}:{path}:ro" for path in paths],
        *variables({"PINION_HOST": "127.0.0.1", **environment}),
        image,
        *arguments,
    ]


def variables(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]
