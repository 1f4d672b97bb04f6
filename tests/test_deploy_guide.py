"""The commands of docs/deploy.md, in their order, as far as they can run offline."""

import re
import shlex

import pytest

from tests.servers import ROOT
from tests.test_deploy_aws import account, ask, aws, said
from tests.tools import aws_cli

__all__ = ["account", "aws"]

pytestmark = [pytest.mark.external, pytest.mark.slow]

GUIDE = ROOT / "docs" / "deploy.md"


def commands(heading: str) -> list[list[str]]:
    """Return the words of each line in a section's blocks of shell."""
    section = GUIDE.read_text("utf-8").partition(f"# {heading}\n")[2]
    section = re.split(r"^##? ", section, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_stack_are_those_of_the_program(
    account: dict[str, str],
) -> None:
    ran = []
    for words in commands("One machine on AWS"):
        if "deploy.aws" in words:
            told = words[words.index("deploy.aws") + 1 :]
            if told[0] in ("up", "status"):
                said(account, *told, *(["--yes"] if told == ["up"] else []))
                ran.append(" ".join(told))

    assert ran == ["up --dry-run", "up", "status"]


@pytest.mark.parametrize(
    "flags", re.findall(r"`(up --[^`]+)`", GUIDE.read_text("utf-8"))
)
def test_every_flag_that_is_named_is_taken(account: dict[str, str], flags: str) -> None:
    assert said(account, *shlex.split(flags), "--dry-run")


def test_the_machine_by_hand_is_made_by_the_lines_that_make_it(
    account: dict[str, str],
) -> None:
    lines = [words for words in commands("By hand") if words[0] == "aws"]
    offline = [words for words in lines if "get-login-password" not in words]
    ends = next(n for n, words in enumerate(offline) if "terminate-instances" in words)
    for words in offline[:ends]:
        aws_cli(*words[1:], environment=account)
    (found,) = ask(account, "ec2", "describe-instances")["Reservations"]
    (machine,) = found["Instances"]
    role = ask(account, "iam", "list-attached-role-policies", "--role-name=pinion")
    inline = ask(account, "iam", "list-role-policies", "--role-name=pinion")
    groups = ask(account, "ec2", "describe-security-groups", "--group-names=pinion")
    (rule,) = groups["SecurityGroups"][0]["IpPermissions"]

    for words in offline[ends:]:
        named = [machine["InstanceId"] if word == "i-…" else word for word in words]
        aws_cli(*named[1:], environment=account)
    left = ask(account, "ec2", "describe-security-groups")["SecurityGroups"]

    assert len(offline) == 19
    assert "pinion" not in [each["GroupName"] for each in left]
    assert ask(account, "iam", "list-roles")["Roles"] == []
    assert ask(account, "iam", "list-instance-profiles")["InstanceProfiles"] == []
    assert ask(account, "ecr", "describe-repositories")["repositories"] == []
    assert machine["InstanceType"] == "t2.micro"
    assert [each["GroupName"] for each in machine["SecurityGroups"]] == ["pinion"]
    assert [each["PolicyName"] for each in role["AttachedPolicies"]] == [
        "AmazonEC2ContainerRegistryPullOnly",
    ]
    assert inline["PolicyNames"] == ["agent"]
    assert (rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) == (8080, "203.0.113.7/32")


def test_the_commands_for_github_make_a_role(account: dict[str, str]) -> None:
    said(account, "up", "--yes")
    told = [
        [word.replace("OWNER/NAME", "ann/pinion") for word in words[3:]]
        for words in commands("From push to running")
    ]
    dry, made = [
        said(account, *words, *([] if "--dry-run" in words else ["--yes"]))
        for words in told
    ]

    assert [words[0] for words in told] == ["github", "github"]
    assert made[: len(dry)] == dry
    assert made[len(dry) + 1] == "  pinion-github: create complete"


def test_prices_in_the_guide_are_those_of_the_program(account: dict[str, str]) -> None:
    text = GUIDE.read_text("utf-8")
    for hours, dollars in (("24", "11.89"), ("5.7", "3.32")):
        lines = said(account, "cost", "--hours-a-day", hours)
        assert lines[-2].split()[-1] == dollars
        assert f"${dollars}" in text
