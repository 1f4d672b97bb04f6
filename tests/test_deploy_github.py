"""The role that GitHub takes: how it is made, followed and deleted, and what it may.

moto leaves the identity provider out of a stack in silence, so that part is asserted on
the template, and what an account has already is made through the API.
"""

import ast
import json
from typing import Any

import pytest

from deploy.aws.github_role import numbered
from tests.servers import ROOT
from tests.test_deploy_aws import account, ask, aws, refused, said
from tests.tools import checkov, run, tool

__all__ = ["account", "aws"]

pytestmark = [pytest.mark.external, pytest.mark.slow]

TEMPLATE = ROOT / "deploy" / "aws" / "github.yaml"
READ = """
import json, sys
from cfnlint.decode import decode
found, problems = decode(sys.argv[1])
assert not problems, problems
print(json.dumps(found))
"""
GITHUB = ("github", "--repository", "ann/pinion")
URL = "https://token.actions.githubusercontent.com"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]


def parameters(account: dict[str, str]) -> dict[str, str]:
    named = "--stack-name=pinion-github"
    (found,) = ask(account, "cloudformation", "describe-stacks", named)["Stacks"]
    return {
        each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]
    }


def role(account: dict[str, str]) -> dict[str, Any]:
    """Return the role of the stack, with what it may."""
    roles = ask(account, "iam", "list-roles")["Roles"]
    (found,) = [each for each in roles if each["RoleName"].startswith("pinion-github")]
    words = (f"--role-name={found['RoleName']}", "--policy-name=push-and-update")
    policy = ask(account, "iam", "get-role-policy", *words)["PolicyDocument"]
    # which the stand-in stores as Python writes it
    return {**found, "Statements": ast.literal_eval(policy)["Statement"]}


def add_provider(account: dict[str, str]) -> None:
    words = ("create-open-id-connect-provider", f"--url={URL}")
    ask(account, "iam", *words, "--client-id-list=sts.amazonaws.com")


def test_the_role_is_for_the_main_branch_of_one_repository_and_goes_again(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes", "--instance-type", "t3.micro")
    dry = said(account, *GITHUB, "--dry-run")
    n_before = len(ask(account, "cloudformation", "describe-stacks")["Stacks"])
    add_provider(account)
    told = said(account, *GITHUB, "--yes")
    found = role(account)
    machine = parameters(account)["InstanceId"]
    gone = said(account, "--name", "pinion-github", "down", "--yes")
    roles = [each["RoleName"] for each in ask(account, "iam", "list-roles")["Roles"]]
    left = ask(account, "iam", "list-open-id-connect-providers")

    assert dry == [
        "This makes the stack 'pinion-github': a role for ann/pinion (no cost).",
        "  Repository = ann/pinion",
        "  NumberedRepository = ann@*/pinion@*",
        "  Provider = new",
        "  MachineStack = pinion",
        f"  InstanceId = {machine}",
    ]
    assert n_before == 1
    assert told[-6:] == [
        "GitHub needs these variables of the repository; this sets them:",
        f"gh variable set PINION_ROLE --repo ann/pinion --body {found['Arn']}",
        "gh variable set PINION_REGION --repo ann/pinion --body us-east-1",
        "gh variable set PINION_STACK --repo ann/pinion --body pinion",
        "gh variable set PINION_RUNNER --repo ann/pinion --body ubuntu-24.04",
        "python -m deploy.aws --name pinion-github down deletes it.",
    ]
    assert found["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                    "token.actions.githubusercontent.com:ref": "refs/heads/main",
                },
                "StringLike": {
                    "token.actions.githubusercontent.com:sub": [
                        "repo:ann/pinion:environment:aws",
                        "repo:ann@*/pinion@*:environment:aws",
                    ]
                },
            },
        }
    ]
    assert found["Statements"] == [
        {
            "Effect": "Allow",
            "Action": "cloudformation:DescribeStacks",
            "Resource": "arn:aws:cloudformation:us-east-1:123456789012:stack/pinion/*",
        },
        {
            "Effect": "Allow",
            "Action": PUSH,
            "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/pinion",
        },
        {
            "Effect": "Allow",
            "Action": "ssm:SendCommand",
            "Resource": [
                f"arn:aws:ec2:us-east-1:123456789012:instance/{machine}",
                "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
            ],
        },
        {
            "Effect": "Allow",
            "Action": ["ecr:GetAuthorizationToken", "ssm:GetCommandInvocation"],
            "Resource": "*",
        },
    ]
    assert gone[0] == "This deletes the stack 'pinion-github': a role for GitHub."
    assert gone[-1] == "Gone: nothing of it costs money any more."
    assert [name for name in roles if "github" in name] == []
    assert left == {"OpenIDConnectProviderList": [{"Arn": PROVIDER}]}


def test_the_stack_that_made_the_provider_goes_on_making_it(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes")
    said(account, *GITHUB, "--yes")
    add_provider(account)  # which a real stack would have made
    said(account, "github", "--repository", "ann@1/pinion@2", "--yes")

    found = parameters(account)
    assert found.pop("InstanceId").startswith("i-")
    assert found == {
        "Repository": "ann@1/pinion@2",
        "NumberedRepository": "ann@1/pinion@2",
        "Provider": "new",
        "MachineStack": "pinion",
    }


def test_a_new_machine_is_the_one_that_the_role_reaches(
    account: dict[str, str],
) -> None:
    said(account, "up", "--yes")
    said(account, *GITHUB, "--yes")
    before = parameters(account)
    said(account, "down", "--yes")
    said(account, "up", "--yes", "--instance-type", "t4g.micro")
    after = parameters(account)
    told = said(account, *GITHUB, "--yes")

    assert before["InstanceId"] != after["InstanceId"]
    assert before | {"InstanceId": ""} == after | {"InstanceId": ""}
    # the stand-in changes no policy of a role that is there
    assert told[-2].endswith("PINION_RUNNER --repo ann/pinion --body ubuntu-24.04-arm")


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("ann/my.model", "ann@*/my.model@*"),
        ("ann@12/model@345", "ann@12/model@345"),
    ],
)
def test_numbers_that_are_not_said_are_any(repository: str, expected: str) -> None:
    assert numbered(repository) == expected


@pytest.mark.parametrize(
    "repository", ["pinion", "ann/*", "ann/a/b", "ann@1/pinion", "ann@*/pinion@*", ""]
)
def test_what_is_no_repository_is_refused(aws: dict[str, str], repository: str) -> None:
    said = refused(aws, "github", "--repository", repository)

    assert f"{repository!r} is no repository: OWNER/NAME, or OWNER@1/NAME@2" in said


def test_without_a_machine_there_is_no_role(account: dict[str, str]) -> None:
    assert refused(account, *GITHUB, "--yes") == (
        "refused: there is no stack 'pinion': make one with python -m deploy.aws up\n"
    )


def test_linters_find_nothing_in_the_template() -> None:
    run(tool("cfn-lint"), TEMPLATE)
    checked = checkov("--file", TEMPLATE)

    assert "Failed checks: 0, Skipped checks: 0" in checked


def test_a_new_provider_is_githubs_for_aws_and_the_role_waits_for_it() -> None:
    template = json.loads(run(tool("python"), "-c", READ, TEMPLATE).stdout)
    resources = template["Resources"]
    (statement,) = resources["Role"]["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]

    assert resources["GitHub"] == {
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "MakesProvider",
        "Properties": {"Url": URL, "ClientIdList": ["sts.amazonaws.com"]},
    }
    assert template["Conditions"] == {
        "MakesProvider": {"Fn::Equals": [{"Ref": "Provider"}, "new"]}
    }
    assert statement["Principal"]["Federated"]["Fn::If"][:2] == [
        "MakesProvider",
        {"Ref": "GitHub"},
    ]
    assert list(template["Outputs"]) == ["RoleArn"]  # none reads the provider
