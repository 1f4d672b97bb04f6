"""The stack: its template, its parameters, and how it is made, changed and deleted."""

import platform
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.errors import Refusal
from deploy.aws.prices import DOLLARS_AN_HOUR

HERE = Path(__file__).parent
NAME = "pinion"

PROGRAM = "@PROGRAM@"
"""Stands in the template for the program that runs on the machine."""

IMAGES = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"

DEADLINE_S = 900
POLL_S = 2.0


def machine_template() -> str:
    """Return the template of the machine, with the machine's program in it."""
    text = (HERE / "machine.yaml").read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.strip() == PROGRAM]
    indent = line[: line.index(PROGRAM)]
    program = (HERE / "pinion-machine").read_text("utf-8").rstrip("\n")
    lines = [f"{indent}{each}".rstrip() for each in program.splitlines()]
    return text.replace(line, "\n".join(lines))


def architecture(instance_type: str) -> str:
    """Return the processor of an instance type, by the name that its image has."""
    return "arm64" if instance_type.startswith("t4g.") else "x86_64"


def free_instance_type(ec2: Any) -> str:
    """Return what the account's free tier has of this computer's processor.

    Images that are built here run there without emulation.
    """
    answer = ec2.describe_instance_types(
        Filters=[{"Name": "free-tier-eligible", "Values": ["true"]}]
    )
    free = {each["InstanceType"] for each in answer["InstanceTypes"]}
    here = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    fitting = [each for each in DOLLARS_AN_HOUR if architecture(each) == here]
    newest_first = sorted(fitting, key=lambda each: (each.startswith("t2."), each))
    return next((each for each in newest_first if each in free), newest_first[0])


def newest_system(ssm: Any, processor: str) -> str:
    """Return the id of the newest image (AMI) of Amazon Linux."""
    found: str = ssm.get_parameter(Name=IMAGES + processor)["Parameter"]["Value"]
    return found


def function_template() -> str:
    """Return the template of the function."""
    return (HERE / "function.yaml").read_text("utf-8")


def github_template() -> str:
    """Return the template of the role that a repository of GitHub takes."""
    return (HERE / "github.yaml").read_text("utf-8")


def make(
    cloudformation: Any, name: str, template: str, parameters: Mapping[str, str]
) -> bool:
    """Create the stack, or change it; return whether there was anything to do.

    Raises
    ------
    Refusal
        If it is being worked on, or CloudFormation takes the template or a
        parameter for wrong.
    """
    request = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in parameters.items()
        ],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        if exists(cloudformation, name):
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request, OnFailure="DELETE")
    except ClientError as error:
        said = error.response["Error"]["Message"]
        if "No updates are to be performed" in said:
            return False
        raise Refusal(f"CloudFormation takes no stack {name}: {said}") from error
    return True


def exists(cloudformation: Any, name: str) -> bool:
    return describe(cloudformation, name) is not None


def describe(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """Return what CloudFormation says of a stack; None where there is none.

    Raises
    ------
    ClientError
        If CloudFormation cannot be asked.
    """
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    stack: dict[str, Any] = found
    return stack


def template(cloudformation: Any, name: str) -> str:
    """Return the text from which an existing stack was made."""
    return str(cloudformation.get_template(StackName=name)["TemplateBody"])


def parameters(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters by name of a stack as `describe` found it."""
    return {
        each["ParameterKey"]: each["ParameterValue"]
        for each in found.get("Parameters", [])
    }


def parameter_names(template: str) -> list[str]:
    """Return the names of a template's parameters, in their order."""
    section = template.partition("\nParameters:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  (\w+):$", section, re.MULTILINE)


def outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """Return the stack's outputs by name.

    Raises
    ------
    Refusal
        If there is no such stack, or it is not finished.
    """
    found = describe(cloudformation, name)
    if found is None:
        raise Refusal(
            f"there is no stack {name!r}: make one with python -m deploy.aws up"
        )
    if "Outputs" not in found:
        raise Refusal(
            f"the stack {name!r} is {found['StackStatus']}: wait until it is made"
        )
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def events(cloudformation: Any, name: str) -> list[dict[str, Any]]:
    """Return what happened to a stack, oldest first; nothing where there is none."""
    found = describe(cloudformation, name)
    if found is None:
        return []
    stack_id = found["StackId"]
    pages = cloudformation.get_paginator("describe_stack_events")
    newest_first = [
        event
        for page in pages.paginate(StackName=stack_id)
        for event in page["StackEvents"]
    ]
    return newest_first[::-1]


def follow(
    cloudformation: Any,
    name: str,
    say: Callable[[str], None],
    known: Collection[str] = (),
) -> None:
    """Wait until a stack is made, changed or gone, and say what happens to its parts.

    Parameters
    ----------
    say
        Takes a line of text.
    known
        Ids of the events that were before.

    Raises
    ------
    Refusal
        If it fails, with the first reason; or lasts longer than `DEADLINE_S`.
    """
    deadline = time.monotonic() + DEADLINE_S
    found = describe(cloudformation, name)
    if found is None:
        return
    stack_id = found["StackId"]
    told = set(known)
    reasons: list[str] = []
    while True:
        for event in events(cloudformation, stack_id):
            if event["EventId"] in told:
                continue
            told.add(event["EventId"])
            status = event["ResourceStatus"]
            say(f"  {event['LogicalResourceId']}: {status.lower().replace('_', ' ')}")
            if status.endswith("_FAILED"):
                reasons.append(event.get("ResourceStatusReason", status))
        (found,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        status = found["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise Refusal(
                f"the stack {name!r} is still {status} after {DEADLINE_S} s: look at it "
                "in the console"
            )
        time.sleep(POLL_S)
    if reasons or "ROLLBACK" in status:
        raise Refusal(
            f"the stack {name!r} is {status}: {(reasons or ['no reason'])[0]}"
        )
