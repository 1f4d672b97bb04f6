"""`python -m deploy.aws` from an empty account to an empty account, beside a stand-in.

moto answers what AWS would; what it leaves out is asserted on the template.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.containers import free_port
from tests.tools import aws_cli, run, tool

pytestmark = [pytest.mark.external, pytest.mark.slow]

TIMETABLE = (
    *("--start-cron", "cron(0 8 ? * MON-FRI *)"),
    *("--stop-cron", "cron(0 18 ? * MON-FRI *)"),
    *("--time-zone", "Europe/Berlin"),
)


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """Run a stand-in for AWS; the variables let every client find it."""
    port = free_port()
    server = subprocess.Popen(
        [tool("moto_server"), "--port", str(port)],
        env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                httpx.get(f"{url}/moto-api/data.json", timeout=60)
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
        }
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def account(aws: dict[str, str]) -> dict[str, str]:
    """Empty the account."""
    httpx.post(f"{aws['AWS_ENDPOINT_URL']}/moto-api/reset", timeout=60)
    return aws


def deploy(
    account: dict[str, str], *words: str, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    python = tool("python")
    return run(python, "-m", "deploy.aws", *words, check=check, environment=account)


def said(account: dict[str, str], *words: str) -> list[str]:
    return deploy(account, *words).stdout.splitlines()


def refused(account: dict[str, str], *words: str) -> str:
    done = deploy(account, *words, check=False)
    assert (done.returncode, done.stdout.count("Traceback")) == (2, 0)
    return done.stderr


def ask(account: dict[str, str], *words: str) -> Any:
    """Return what the aws command line says."""
    return json.loads(aws_cli(*words, "--output", "json", environment=account).stdout)


def resources(account: dict[str, str]) -> dict[str, str]:
    found = ask(
        account, "cloudformation", "list-stack-resources", "--stack-name=pinion"
    )
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in found["StackResourceSummaries"]
    }


def test_a_stack_is_made_changed_switched_and_deleted(account: dict[str, str]) -> None:
    made = said(account, "up", "--yes", "--instance-type", "t3.micro")
    machine = resources(account)["Machine"]
    changed = said(account, "up", "--yes", "--instance-type", "t3.micro", *TIMETABLE)
    running = said(account, "status")
    stopped = said(account, "stop")
    started = said(account, "start")
    gone = said(account, "down", "--yes")
    again = said(account, "down", "--yes")
    left = ask(account, "cloudformation", "describe-stacks")["Stacks"]

    assert (
        made[0] == "This makes the stack 'pinion': a registry, a machine, a firewall."
    )
    assert "  pinion: create complete" in made
    assert made[-1] == "Next: python -m deploy.aws push, then update."
    assert "  pinion: create complete" not in changed
    assert "  pinion: update complete" in changed
    assert running[0] == f"{machine} (t3.micro) is running"
    assert running[1].startswith("https://")
    assert stopped == [
        f"{machine} will be stopped.",
        f"{machine} (t3.micro) is stopped",
    ]
    assert started[1] == f"{machine} (t3.micro) is running"
    assert gone[0] == (
        "This deletes the stack 'pinion': a machine with its disk and address, a registry "
        "with its images."
    )
    assert gone[-1] == "Gone: nothing of it costs money any more."
    assert again == ["There is no stack 'pinion': nothing of it costs money."]
    assert left == []
    assert ask(account, "ecr", "describe-repositories")["repositories"] == []


def test_a_stack_that_nothing_here_made_is_not_deleted(
    account: dict[str, str], tmp_path: Path
) -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    (tmp_path / "other.json").write_text(json.dumps({"Resources": {"Topic": topic}}))
    ask(
        account,
        *("cloudformation", "create-stack", "--stack-name=other"),
        *("--template-body", f"file://{tmp_path}/other.json"),
    )
    told = refused(account, "--name", "other", "down", "--yes")
    (left,) = ask(account, "cloudformation", "describe-stacks")["Stacks"]

    assert told == (
        "refused: nothing here made the stack 'other': give another --name, or delete it "
        "where it was made\n"
    )
    assert left["StackName"] == "other"


def test_a_dry_run_says_what_it_costs_and_asks_aws_for_nothing_new(
    account: dict[str, str],
) -> None:
    dry = said(account, "up", "--dry-run")

    assert dry[1].split() == ["t3.micro,", "730", "of", "730", "h", "$", "7.59"]
    assert dry[5].split()[-1] == "11.89"
    assert ask(account, "cloudformation", "describe-stacks")["Stacks"] == []


def test_what_was_pushed_last_is_what_the_machine_is_told_to_serve(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes")
    nothing = refused(account, "update")
    for tag in ("first", "second"):
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": tag},
            "layers": [],
        }
        words = ("--image-manifest", json.dumps(manifest), "--image-tag", tag)
        ask(account, "ecr", "put-image", "--repository-name", "pinion", *words)
        time.sleep(1.1)  # the stand-in's clock has whole seconds
    told = said(account, "update")
    sent = ask(account, "ssm", "list-commands")["Commands"]

    assert nothing.startswith("refused: 123456789012.dkr.ecr.us-east-1.amazonaws.com/")
    assert "holds no image: push one with python -m deploy.aws push" in nothing
    assert told[0].startswith("This starts 123456789012.dkr.ecr.us-east-1.")
    assert [each["Parameters"]["commands"] for each in sent] == [
        [
            "/usr/local/bin/pinion-machine update "
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/pinion:second"
        ]
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("status",),
            "refused: there is no stack 'pinion': make one with python -m deploy.aws up",
        ),
        (("up",), "refused: nobody is here to say yes: give --yes, or --dry-run"),
        (("--name", "No_Good", "up"), "'No_Good' is no name of a registry"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    account: dict[str, str], words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(account, *words)


def test_no_keys_and_no_region_are_one_sentence_each(tmp_path: Path) -> None:
    nowhere = {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    assert refused(nowhere, "status") == (
        "refused: no region is set: give --region, for instance eu-central-1\n"
    )
    assert refused(nowhere, "--region", "eu-central-1", "status") == (
        "refused: Unable to locate credentials: run aws configure, or name a profile "
        "with --profile or AWS_PROFILE\n"
    )


@pytest.fixture(scope="module")
def function_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("function") / "function.zip"
    run(
        *(sys.executable, "-m", "deploy.aws.function.build"),
        *("models/student_performance.onnx", "--output", path),
    )
    return path


def test_a_function_is_made_of_a_zip_and_the_zip_takes_its_place(
    account: dict[str, str], function_zip: Path
) -> None:
    named = "--function-name=pinion-function"
    words = ("function", "--yes", "--zip", str(function_zip))
    without_address = refused(account, *words)
    # the stand-in leaves function URLs out of a stack
    made = ask(
        account, "lambda", "create-function-url-config", named, "--auth-type=NONE"
    )
    told = said(account, *words)
    found = ask(account, "lambda", "get-function", named)
    gone = said(account, "--name", "pinion-function", "down", "--yes")

    version = "{}.{}".format(*sys.version_info)
    assert "ResourceNotFound" in without_address
    assert told[0] == (
        "This changes the stack 'pinion-function': a function, its address, its log."
    )
    assert told[-2].startswith(made["FunctionUrl"])
    assert found["Configuration"]["Runtime"] == f"python{version}"
    assert found["Configuration"]["Handler"] == "deploy.aws.function.handler.answer"
    assert found["Configuration"]["CodeSize"] == function_zip.stat().st_size
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 5
    assert gone[0] == (
        "This deletes the stack 'pinion-function': a function, its address, its log."
    )
    assert gone[-1] == "Gone: nothing of it costs money any more."


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("absent.zip", None, "there is no absent.zip: build it with make lambda"),
        ("text.zip", b"text", "text.zip is no zip: build it with make lambda"),
        ("large.zip", b"\0" * 50_500_000, "large.zip has 50 MB, and Lambda takes 50"),
    ],
)
def test_a_zip_that_cannot_be_sent_is_refused(
    aws: dict[str, str], tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    said = refused(aws, "function", "--yes", "--zip", str(tmp_path / name))

    assert said.replace(f"{tmp_path}/", "").startswith(f"refused: {sentence}")
