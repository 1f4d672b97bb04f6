"""The stack's template: what linters say, and what no stand-in for AWS looks at."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT
from tests.tools import checkov, run, tool

pytestmark = pytest.mark.external

AWS = ROOT / "deploy" / "aws"
AGENT = (
    # what AWS documents for Session Manager, and then as the older way of Run Command
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
)
READ = """
import json, sys
from cfnlint.decode import decode
from deploy.aws.stack import machine_template as template
open(sys.argv[1], "w").write(template())
found, problems = decode(sys.argv[1])
assert not problems, problems
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "pinion.yaml"


@pytest.fixture(scope="module")
def template(path: Path) -> dict[str, Any]:
    """Write the template, and return it as linters read it."""
    found: dict[str, Any] = json.loads(
        run(
            tool("python"), "-c", READ, path, environment={"PYTHONPATH": str(ROOT)}
        ).stdout
    )
    return found


def properties(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def as_list(thing: str | list[str]) -> list[str]:
    return [thing] if isinstance(thing, str) else thing


def test_linters_find_nothing_in_it(template: dict[str, Any], path: Path) -> None:
    run(tool("cfn-lint"), path)
    checked = checkov("--file", path)

    assert "Failed checks: 0, Skipped checks: 2" in checked


def test_the_shell_finds_nothing_in_the_machines_program() -> None:
    run(tool("shellcheck"), AWS / "pinion-machine")


def test_linters_find_nothing_in_the_image() -> None:
    run(tool("hadolint"), ROOT / "Dockerfile")


def test_the_machine_has_no_key_no_open_shell_and_a_bounded_bill(
    template: dict[str, Any],
) -> None:
    machine = properties(template, "Machine")

    assert machine["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert machine["CreditSpecification"] == {"CPUCredits": "standard"}
    assert machine["BlockDeviceMappings"][0]["Ebs"] == {
        "VolumeType": "gp3",
        "VolumeSize": 8,
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    assert "KeyName" not in machine
    ports = [
        rule["FromPort"]
        for rule in properties(template, "Firewall")["SecurityGroupIngress"]
    ]
    assert ports == [{"Fn::If": ["IsHttps", 443, 8080]}]
    assert properties(template, "AuthorityIngress")["FromPort"] == 80


def test_the_machine_may_be_reached_and_pull_and_nothing_else(
    template: dict[str, Any],
) -> None:
    role = properties(template, "Role")
    allowed = {
        action: statement["Resource"]
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
    }
    own = {"Fn::GetAtt": ["Repository", "Arn"]}
    instances = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"

    assert sorted(role) == ["AssumeRolePolicyDocument", "Policies"]
    assert allowed == {
        **dict.fromkeys(AGENT, "*"),
        "ssm:UpdateInstanceInformation": {"Fn::Sub": instances},
        # is asked again and again, and an error in the machine's log where it is refused
        "ssm:ListInstanceAssociations": {"Fn::Sub": instances},
        "ecr:GetAuthorizationToken": "*",
        "ecr:BatchCheckLayerAvailability": own,
        "ecr:BatchGetImage": own,
        "ecr:GetDownloadUrlForLayer": own,
    }


def test_the_registry_scans_keeps_three_images_and_goes_with_the_stack(
    template: dict[str, Any],
) -> None:
    repository = properties(template, "Repository")
    (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]

    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EmptyOnDelete"] is True
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert rule["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 3,
    }
    assert rule["action"] == {"type": "expire"}


@pytest.mark.parametrize(
    ("name", "call", "cron"),
    [
        ("Start", "startInstances", "StartCron"),
        ("Stop", "stopInstances", "StopCron"),
    ],
)
def test_the_timetable_calls_ec2_for_this_machine_alone(
    template: dict[str, Any], name: str, call: str, cron: str
) -> None:
    schedule = properties(template, name)
    (statement,) = properties(template, "TimetableRole")["Policies"][0][
        "PolicyDocument"
    ]["Statement"]

    assert schedule["ScheduleExpression"] == {"Ref": cron}
    assert schedule["Target"]["Arn"] == f"arn:aws:scheduler:::aws-sdk:ec2:{call}"
    assert schedule["Target"]["Input"] == {"Fn::Sub": '{"InstanceIds": ["${Machine}"]}'}
    assert statement["Resource"]["Fn::Sub"].endswith(":instance/${Machine}")


def test_the_budget_warns_before_and_when_it_is_used_up(
    template: dict[str, Any],
) -> None:
    budget = properties(template, "Budget")

    assert budget["Budget"]["BudgetLimit"] == {
        "Amount": {"Ref": "BudgetDollars"},
        "Unit": "USD",
    }
    assert [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    ] == [("FORECASTED", 100), ("ACTUAL", 80)]


def test_what_starts_the_machine_fits_and_holds_its_program(
    template: dict[str, Any],
) -> None:
    data = properties(template, "Machine")["UserData"]["Fn::Base64"]["Fn::Join"][1]
    head, body = data[0]["Fn::Sub"], data[1]
    program = (AWS / "pinion-machine").read_text("utf-8")

    assert len(head) + len(body) < 16_000  # EC2 takes 16 kB
    assert f"<<'PROGRAM'\n{program}PROGRAM\n" in body
    assert head.startswith("#!/bin/bash\n")
    assert [line.partition("=")[0] for line in head.splitlines() if "=" in line] == [
        *("repository", "caddy_image", "scheme", "domain"),
    ]


def test_linters_find_nothing_in_the_function() -> None:
    path = AWS / "function.yaml"
    run(tool("cfn-lint"), path)
    checked = checkov("--file", path)

    assert "Failed checks: 0, Skipped checks: 6" in checked


def test_the_function_has_an_address_for_everybody_and_a_bounded_bill() -> None:
    text = (AWS / "function.yaml").read_text("utf-8")

    # both permissions, without which it answers 403, and what no stand-in makes
    assert "AuthType: NONE" in text
    assert "Action: lambda:InvokeFunctionUrl\n" in text
    assert "Action: lambda:InvokeFunction\n" in text
    assert "InvokedViaFunctionUrl: true" in text
    assert "RetentionInDays: 14" in text
    assert "ReservedConcurrentExecutions: !If [IsBounded" in text
