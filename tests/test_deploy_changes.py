"""A second `python -m deploy.aws up`: what was not said again stays as it is."""

from pathlib import Path
from typing import Any

import pytest

from tests.test_deploy_aws import account, ask, aws, function_zip, refused, said
from tests.tools import aws_cli

__all__ = ["account", "aws", "function_zip"]

IMAGES = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"

pytestmark = [pytest.mark.external, pytest.mark.slow]

FIRST = {
    "--instance-type": ("InstanceType", "t3.small"),
    "--cidr": ("AllowedCidr", "203.0.113.7/32"),
    "--domain": ("Domain", "model.example.org"),
    "--start-cron": ("StartCron", "cron(0 8 ? * MON-FRI *)"),
    "--stop-cron": ("StopCron", "cron(0 18 ? * MON-FRI *)"),
    "--time-zone": ("TimeZone", "Europe/Berlin"),
    "--budget-email": ("BudgetEmail", "ann@example.org"),
    "--budget-dollars": ("BudgetDollars", "7"),
}


def words(options: dict[str, tuple[str, str]]) -> list[str]:
    return [word for key, (_, value) in options.items() for word in (key, value)]


def stack(account: dict[str, str], name: str = "pinion") -> dict[str, Any]:
    found = ask(account, "cloudformation", "describe-stacks", f"--stack-name={name}")
    described: dict[str, Any] = found["Stacks"][0]
    return described


def parameters(account: dict[str, str], name: str = "pinion") -> dict[str, str]:
    return {
        each["ParameterKey"]: each["ParameterValue"]
        for each in stack(account, name)["Parameters"]
    }


def system(account: dict[str, str]) -> str:
    """Return the AMI of the machine that runs."""
    found = ask(account, "ec2", "describe-instances")["Reservations"]
    (image,) = [
        each["ImageId"]
        for reservation in found
        for each in reservation["Instances"]
        if each["State"]["Name"] == "running"
    ]
    return str(image)


def test_what_is_not_said_again_stays_and_what_is_empty_goes(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes", *words(FIRST))
    first = parameters(account)
    plan = said(account, "up", "--dry-run", "--budget-dollars", "9")
    said(account, "up", "--yes", "--budget-dollars", "9")
    second = parameters(account)
    empty = said(account, "up", "--yes", "--start-cron", "", "--budget-email", "")
    third = parameters(account)

    assert {key: first[key] for key, _ in FIRST.values()} == dict(FIRST.values())
    assert plan[0] == (
        "This changes the stack 'pinion': a registry, a machine, a firewall."
    )
    assert "  BudgetDollars: 7 → 9" in plan
    assert "  AllowedCidr = 203.0.113.7/32" in plan
    assert second == first | {"BudgetDollars": "9"}
    assert "  StartCron: cron(0 8 ? * MON-FRI *) → nothing" in empty
    assert third == second | {"StartCron": "", "BudgetEmail": ""}


def test_a_change_keeps_the_machines_system_until_a_new_one_is_asked_for(
    account: dict[str, str], tmp_path: Path
) -> None:
    amazons = ask(account, "ec2", "describe-images", "--owners=amazon")["Images"]
    (tmp_path / "pinion.yaml").write_text("\n".join(said(account, "template")))
    said(account, "up", "--yes", "--instance-type", "t3.micro")
    newest = parameters(account)["System"]
    said(account, "down", "--yes")
    old = next(each["ImageId"] for each in amazons if each["ImageId"] != newest)
    # the stand-in takes a default for a change when it is said later
    given = {"System": old, "InstanceType": "t3.micro", "Image": f"{IMAGES}x86_64"}
    aws_cli(
        *("cloudformation", "create-stack", "--stack-name=pinion"),
        *("--template-body", f"file://{tmp_path}/pinion.yaml"),
        "--parameters",
        *(f"ParameterKey={key},ParameterValue={value}" for key, value in given.items()),
        environment=account,
    )
    kept = said(account, "up", "--yes", "--budget-email", "ann@example.org")
    new = said(account, "up", "--dry-run", "--new-system")
    other = said(account, "up", "--dry-run", "--instance-type", "t4g.micro")

    assert (system(account), parameters(account)["System"]) == (old, old)
    assert not [line for line in kept if line.startswith("This ")][1:]
    assert f"  System: {old} → {newest}" in new
    for plan in (new, other):
        assert plan[-1].startswith("This replaces the machine")
        assert "python -m deploy.aws update" in plan[-1]


def test_what_the_machine_reads_as_it_starts_stops_it_and_is_said(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes", "--instance-type", "t3.micro")
    plan = said(account, "up", "--dry-run", "--domain", "model.example.org")

    assert "  Domain: nothing → model.example.org" in plan
    assert plan[-1].startswith("This stops the machine and starts it again")
    assert "(Domain changes)" in plan[-1]


def test_a_machine_that_takes_up_no_change_is_to_be_replaced(
    account: dict[str, str], tmp_path: Path
) -> None:
    text = "\n".join(said(account, "template"))
    old = text.replace("pinion-machine configure", "pinion-machine start")
    (tmp_path / "old.yaml").write_text(old)
    aws_cli(
        *("cloudformation", "create-stack", "--stack-name=pinion"),
        *("--template-body", f"file://{tmp_path}/old.yaml"),
        *("--parameters", "ParameterKey=InstanceType,ParameterValue=t3.micro"),
        environment=account,
    )
    kept = said(account, "up", "--dry-run", "--domain", "model.example.org")
    new = said(account, "up", "--dry-run", "--new-system")

    assert kept[-1] == (
        "This stops the machine and starts it again, if it needs to (Domain changes), and "
        "changes nothing on it: a machine as old as this one has to be replaced for that, "
        "with --new-system once there is a newer Amazon Linux, or with down and up."
    )
    # it has the newest system already
    assert new[-1] == kept[-1].replace("Domain", "the template")


def test_a_function_keeps_its_memory_and_its_bound(
    account: dict[str, str], function_zip: Path
) -> None:
    given = ("function", "--zip", str(function_zip), "--yes")
    # the stand-in leaves function URLs out of a stack
    refused(account, *given, "--memory", "512", "--concurrency", "0")
    before = parameters(account, "pinion-function")
    told = said(account, *given[:-1], "--dry-run", "--concurrency", "3")
    refused(account, *given)

    assert (before["MemoryMegabytes"], before["Concurrency"]) == ("512", "0")
    assert parameters(account, "pinion-function") == before
    assert told[0].startswith("This changes the stack 'pinion-function'")
    assert {"  MemoryMegabytes = 512", "  Concurrency: 0 → 3"} <= set(told)


@pytest.mark.parametrize("command", ["status", "stop", "update", "logs", "push", "up"])
def test_a_stack_without_a_machine_is_refused_in_one_sentence(
    function_stack: dict[str, str], command: str
) -> None:
    told = refused(function_stack, "--name", "pinion-function", command)

    assert told.startswith("refused: the stack 'pinion-function' ")
    assert told.count("\n") == 1
    assert "--name" in told


@pytest.fixture(scope="module")
def function_stack(aws: dict[str, str], function_zip: Path) -> dict[str, str]:
    """Give an account in which there is a function."""
    refused(aws, "function", "--zip", str(function_zip), "--yes")
    return aws


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (("--http",), ("--domain", "a.example"), "http and the domain a.example"),
        (("--domain", "a.example"), ("--http",), "--https, or --domain ''"),
    ],
)
def test_a_domain_and_http_contradict_in_two_commands_too(
    account: dict[str, str],
    first: tuple[str, ...],
    second: tuple[str, ...],
    sentence: str,
) -> None:
    said(account, "up", "--yes", *first)

    assert sentence in refused(account, "up", "--dry-run", *second)
