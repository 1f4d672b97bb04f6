"""The running machine: its state and address, and commands on it by Session Manager."""

import shlex
import time
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from deploy.aws.errors import Refusal

ONLINE_S = 300
"""How long a machine may take from its start to its first command."""

COMMAND_S = 300
POLL_S = 2.0

DONE = ("Success", "Cancelled", "TimedOut", "Failed")


class State(NamedTuple):
    """What EC2 says of a machine."""

    name: str
    address: str
    instance_type: str
    system: str
    """Id of the image (AMI) that it was made from."""


def state(ec2: Any, instance_id: str) -> State:
    """Return whether it runs, and where; the address is empty while it does not."""
    answer = ec2.describe_instances(InstanceIds=[instance_id])
    found = answer["Reservations"][0]["Instances"][0]
    return State(
        found["State"]["Name"],
        found.get("PublicIpAddress", ""),
        found["InstanceType"],
        found["ImageId"],
    )


def run(ssm: Any, instance_id: str, *words: str) -> str:
    """Run `pinion-machine` with the words, and return what it said.

    Raises
    ------
    Refusal
        If the machine cannot be reached, or the command fails; with its last lines.
    """
    command = shlex.join(["/usr/local/bin/pinion-machine", *words])
    command_id = _send(ssm, instance_id, command)
    deadline = time.monotonic() + COMMAND_S
    while True:
        time.sleep(POLL_S)
        answer = _invocation(ssm, instance_id, command_id)
        if answer and answer["Status"] in DONE:
            break
        if time.monotonic() > deadline:
            raise Refusal(f"{command} has no result after {COMMAND_S} s: try status")
    said = f"{answer['StandardOutputContent']}{answer['StandardErrorContent']}".strip()
    if answer["Status"] != "Success":
        raise Refusal(f"{command} ended with {answer['Status']}:\n{said}")
    return said


def _send(ssm: Any, instance_id: str, command: str) -> str:
    deadline = time.monotonic() + ONLINE_S
    while True:
        try:
            answer = ssm.send_command(
                InstanceIds=[instance_id],
                DocumentName="AWS-RunShellScript",
                Parameters={
                    "commands": [command],
                    "executionTimeout": [str(COMMAND_S)],
                },
            )
        except ClientError as error:
            # until its agent has said that it is there
            if error.response["Error"]["Code"] != "InvalidInstanceId":
                raise
            if time.monotonic() > deadline:
                raise Refusal(
                    f"{instance_id} does not answer Session Manager after {ONLINE_S} s: "
                    "is it running (python -m deploy.aws status)?"
                ) from error
            time.sleep(POLL_S)
        else:
            command_id: str = answer["Command"]["CommandId"]
            return command_id


def _invocation(ssm: Any, instance_id: str, command_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = ssm.get_command_invocation(
            CommandId=command_id, InstanceId=instance_id
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvocationDoesNotExist":
            raise
        return None
    return found
