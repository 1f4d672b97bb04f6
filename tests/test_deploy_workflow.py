"""The workflow from a push to the running container: what linters say, and its steps run.

Every `run` of the job is run here in order, with podman in the place of docker, a registry
of this machine behind moto's ECR, and no more rights than the role of GitHub has. `NOT_RUN`
names what cannot be. ECR's scan is moto's word: it looks into nothing.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.containers import (
    BASE,
    BUILDER,
    copied_checkout,
    debian,
    pip_volumes,
    podman,
    why_no_image,
)
from tests.podman import LIMITS
from tests.registry import running_registry
from tests.servers import ROOT
from tests.test_deploy_aws import account, ask, aws, said
from tests.test_deploy_github import GITHUB, role
from tests.tools import aws_cli, run, tool

__all__ = ["account", "aws"]

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
AS_JSON = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
NOT_RUN = {
    "Check out": "a copy of this checkout is there",
    "Keep the list": "GitHub keeps it",
    "Refuse packages with known faults": "asks the registry of packages; a dry run here",
    "Take the role": "GitHub signs nothing here; a user with the role's rights is there",
}


def read(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [tool("python"), "-c", AS_JSON],
        input=path.read_text("utf-8"),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def deploying() -> dict[str, Any]:
    """Return the job that deploys."""
    job: dict[str, Any] = read(ROOT / ".github/workflows/deploy.yml")["jobs"]["deploy"]
    return job


@pytest.mark.external
def test_linters_find_nothing_in_the_workflows() -> None:
    path = {"PATH": f"{tool('shellcheck').parent}:{os.environ['PATH']}"}
    run(tool("actionlint"), *WORKFLOWS, environment=path)
    words = ("--offline", "--no-progress", "--no-config")
    run(tool("zizmor"), *words, *WORKFLOWS)

    assert [each.name for each in WORKFLOWS] == ["ci.yml", "deploy.yml"]


def test_every_action_is_one_commit_and_no_secret_is_read() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    used = re.findall(r"uses: (.+)", text)
    pinned = [
        each for each in used if re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", each)
    ]

    assert [each for each in used if each not in pinned] == [
        "$/.github/workflows/ci.yml"
    ]
    assert sorted({each.partition("@")[0] for each in pinned}) == [
        "actions/checkout",
        "actions/upload-artifact",
        "aws-actions/configure-aws-credentials",
    ]
    assert "secrets" not in text


@pytest.mark.external
def test_one_job_alone_may_ask_for_a_token_and_one_runs_at_a_time() -> None:
    workflow = read(ROOT / ".github/workflows/deploy.yml")
    jobs = workflow["jobs"]

    assert workflow["permissions"] == {}
    # YAML takes the word "on" for true
    assert workflow["true"] == {
        "push": {"branches": ["main"]},
        "workflow_dispatch": None,
    }
    assert {name: job.get("permissions") for name, job in jobs.items()} == {
        "tests": {"contents": "read"},
        "not-set-up": None,
        "deploy": {"contents": "read", "id-token": "write"},
    }
    deploy = jobs["deploy"]
    assert deploy["needs"] == "tests"
    assert deploy["if"] == "vars.PINION_ROLE != '' && github.ref == 'refs/heads/main'"
    assert deploy["environment"] == "aws"
    assert deploy["concurrency"] == {"group": "deploy", "cancel-in-progress": False}


@pytest.mark.external
def test_a_repository_that_is_not_set_up_is_told_how(tmp_path: Path) -> None:
    job = read(ROOT / ".github/workflows/deploy.yml")["jobs"]["not-set-up"]
    (step,) = job["steps"]
    told = run(
        *("bash", "-e", "-c", step["run"]),
        environment={"GITHUB_REPOSITORY": "ann/pinion"},
    )

    assert job["if"] == "vars.PINION_ROLE == ''"
    assert told.stdout == (
        "::notice title=Nothing is deployed::This repository has no variable "
        "PINION_ROLE. To deploy each push to main, make an AWS role for it with "
        "'python -m deploy.aws github --repository ann/pinion' and set the variables "
        "that it prints.\n"
    )


class Runner(NamedTuple):
    """A checkout, and the environment of a machine of GitHub's."""

    checkout: Path
    environment: Mapping[str, str]

    def run(self) -> dict[str, str]:
        """Run the steps of the job, and return what each said by its name."""
        job = deploying()
        context = {"vars.PINION_STACK || 'pinion'": "pinion"}
        told = {}
        for step in job["steps"]:
            if step["name"] in NOT_RUN:
                continue
            written = {**job["env"], **step.get("env", {})}
            environment = {k: self._filled(v, context) for k, v in written.items()}
            told[step["name"]] = self._run(step["run"], environment)
            for line in self._output().read_text("utf-8").splitlines():
                key, _, value = line.partition("=")
                context[f"steps.{step['id']}.outputs.{key}"] = value
        return told

    def audit(self) -> str:
        """Say what would be asked for, without asking."""
        (step,) = [s for s in deploying()["steps"] if "pip-audit" in s.get("run", "")]
        return self._run(f"{step['run']} --dry-run 2>&1", {})

    def _run(self, script: str, environment: Mapping[str, str]) -> str:
        self._output().write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env={
                **self.environment,
                **environment,
                "GITHUB_OUTPUT": str(self._output()),
            },
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _output(self) -> Path:
        return self.checkout.parent / "output"

    @staticmethod
    def _filled(value: str, context: Mapping[str, str]) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: context[found[1]], value)


def stand_in_docker(registry: str) -> str:
    """Return a program for podman that takes the words for docker."""
    options = [
        *("--network=host", "--format=docker", "--pull=never", *LIMITS, *pip_volumes()),
        f"--build-arg=BUILDER={debian('builder', BUILDER)}",
        f"--build-arg=BASE={debian('base', BASE)}",
    ]
    return f"""#!/bin/bash
words=("${{@//{ECR}/{registry}}}")
case $1 in
    build) options=({shlex.join(options)}) ;;
    login|push) options=(--tls-verify=false) ;;
    *) options=() ;;
esac
exec podman --runtime=runc "$1" "${{options[@]}}" "${{words[@]:1}}"
"""


def user(
    account: dict[str, str], name: str, statements: list[dict[str, Any]]
) -> dict[str, str]:
    """Make a user of the stand-in who may do this, and return the variables."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    named = f"--user-name={name}"
    aws_cli("iam", "create-user", named, environment=account)
    words = ("put-user-policy", named, "--policy-name=may", "--policy-document")
    aws_cli("iam", *words, document, environment=account)
    key = ask(account, "iam", "create-access-key", named)["AccessKey"]
    return account | {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def check_rights(account: dict[str, str], n_unchecked: str) -> None:
    url = f"{account['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    httpx.post(url, content=n_unchecked, timeout=60).raise_for_status()


@pytest.fixture
def owner(account: dict[str, str]) -> dict[str, str]:
    """Give the owner of an account with a machine and a role for GitHub."""
    said(account, "up", "--yes", "--instance-type", "t3.micro")
    said(account, *GITHUB, "--yes")
    return user(account, "owner", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])


@pytest.fixture
def pushed() -> list[str]:
    """Collect the tags that the registry was given."""
    return []


@pytest.fixture
def runner(
    owner: dict[str, str], pushed: list[str], tmp_path: Path
) -> Iterator[Runner]:
    # the stand-in knows rights, but no resources
    statements = [each | {"Resource": "*"} for each in role(owner)["Statements"]]
    github = user(owner, "github", statements)
    named = "--repository-name=pinion"

    def push(tag: str, manifest: str) -> None:
        pushed.append(tag)
        words = ("--image-manifest", manifest, "--image-tag", tag)
        ask(owner, "ecr", "put-image", named, *words)
        ask(owner, "ecr", "start-image-scan", named, f"--image-id=imageTag={tag}")

    programs = tmp_path / "bin"
    programs.mkdir()
    with running_registry("AWS:123456789012-auth-token", push) as registry:
        (programs / "docker").write_text(stand_in_docker(registry))
        (programs / "docker").chmod(0o755)
        # what the make above these tests tells a make below it
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MF"))
        }
        here = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "REGISTRY_AUTH_FILE": str(tmp_path / "login.json"),
        }
        check_rights(owner, "0")
        try:
            yield Runner(
                copied_checkout(tmp_path / "pinion"), inherited | github | here
            )
        finally:
            check_rights(owner, "inf")
            made = [f"{registry}/pinion:{tag}" for tag in pushed]
            podman("rmi", "--force", "localhost/pinion", *made, check=False)


def change(path: Path) -> Callable[[], None]:
    """Change a file, and return how it is undone to the nanosecond."""
    before, times = path.read_bytes(), path.stat()
    path.write_bytes(before + b"# another version\n")

    def undo() -> None:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return undo


@pytest.mark.image
@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_image()), reason=why_no_image())
def test_the_steps_run_twice_in_a_row_after_a_change_and_after_its_end(
    runner: Runner, owner: dict[str, str], pushed: list[str]
) -> None:
    first = runner.run()
    again = runner.run()
    undo = change(runner.checkout / "server" / "__init__.py")
    after = runner.run()
    undo()
    back = runner.run()
    would_ask = runner.audit()
    sent = ask(owner, "ssm", "list-commands")["Commands"]
    components = json.loads((runner.checkout / "build/sbom.json").read_text())

    names = [step["name"] for step in deploying()["steps"]]
    assert [name for name in names if name not in first] == list(NOT_RUN)
    one, other = pushed
    assert [each["Parameters"]["commands"] for each in sent] == [
        [f"/usr/local/bin/pinion-machine update {ECR}/pinion:{tag}"]
        for tag in (one, one, other, one)
    ]
    found = "Refuse critical faults of the system"
    assert [told[found] for told in (first, again, after, back)] == [
        f"The registry found in {ECR}/pinion:{tag}: 1 high.\n"
        for tag in (one, one, other, one)
    ]
    inside = {
        f"{each['name']}=={each['version']}"
        for each in components["components"]
        if each["bom-ref"].startswith("pkg:pypi/")
    }
    requirements = (ROOT / "requirements-inference.txt").read_text("utf-8")
    shipped = re.findall(r"^([\w.-]+==[\w.-]+)", requirements, re.MULTILINE)
    assert inside == set(shipped) - {each for each in shipped if "colorama" in each}
    assert f"would have audited {len(inside)} packages" in would_ask
