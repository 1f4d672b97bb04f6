"""What moto's stacks leave out, called through the interfaces of each service instead.

The properties are the template's own, so that a name or a value that AWS does not know
is found by AWS's own description of its services, which the command line has.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT
from tests.test_deploy_aws import account, ask, aws
from tests.test_deploy_template import READ
from tests.tools import aws_cli, run, tool

__all__ = ["account", "aws"]

pytestmark = [pytest.mark.external, pytest.mark.slow]

ROLE = "arn:aws:iam::123456789012:role/pinion"
VALUES = {
    "AWS::Partition": "aws",
    "BudgetDollars": "10",
    "BudgetEmail": "ann@example.org",
    "Function": "pinion-function",
    "InstanceType": "t3.micro",
    "Machine": "i-0123456789abcdef0",
    "StartCron": "cron(0 8 ? * MON-FRI *)",
    "StopCron": "cron(0 18 ? * MON-FRI *)",
    "TimeZone": "Europe/Berlin",
}
READ_YAML = """
import json, sys
from cfnlint.decode import decode
found, problems = decode(sys.argv[1])
assert not problems, problems
print(json.dumps(found))
"""


def read(program: str, *arguments: str | Path) -> Any:
    python = tool("python")
    environment = {"PYTHONPATH": str(ROOT)}
    done = run(python, "-c", program, *arguments, environment=environment)
    return json.loads(done.stdout)["Resources"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return read(READ, tmp_path_factory.mktemp("stack") / "pinion.yaml")


def resolved(thing: Any) -> Any:
    """Return properties with the values that a stack would have put into them."""
    match thing:
        case {"Ref": name}:
            return VALUES[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: VALUES[found[1]], text)
        case {"Fn::GetAtt": _}:
            return ROLE
        case dict():
            return {name: resolved(each) for name, each in thing.items()}
        case list():
            return [resolved(each) for each in thing]
    return thing


def call(account: dict[str, str], service: str, operation: str, given: Any) -> None:
    words = (service, operation, "--cli-input-json", json.dumps(given))
    aws_cli(*words, environment=account)


@pytest.mark.parametrize("name", ["Start", "Stop"])
def test_the_timetable_is_one_that_the_scheduler_takes(
    account: dict[str, str], machine: Any, name: str
) -> None:
    given = resolved(machine[name]["Properties"])

    call(account, "scheduler", "create-schedule", {"Name": name, **given})

    found = ask(account, "scheduler", "get-schedule", "--name", name)
    assert {each: found[each] for each in given} == given


def test_the_budget_is_one_that_aws_takes(
    account: dict[str, str], machine: Any
) -> None:
    given = resolved(machine["Budget"]["Properties"])
    given["Budget"]["BudgetName"] = "pinion"

    call(account, "budgets", "create-budget", {"AccountId": "123456789012", **given})

    found = ask(account, "budgets", "describe-budgets", "--account-id=123456789012")
    (budget,) = found["Budgets"]
    assert float(budget["BudgetLimit"]["Amount"]) == 10
    assert (budget["BudgetType"], budget["TimeUnit"]) == ("COST", "MONTHLY")


def test_the_machine_is_one_that_ec2_takes(
    account: dict[str, str], machine: Any
) -> None:
    properties = machine["Machine"]["Properties"]
    names = ("MetadataOptions", "CreditSpecification", "BlockDeviceMappings")
    given = resolved({name: properties[name] for name in names})
    credits = given["CreditSpecification"]
    given["CreditSpecification"] = {"CpuCredits": credits["CPUCredits"]}
    image = ask(account, "ec2", "describe-images", "--owners=amazon")["Images"][0]
    wanted = {"ImageId": image["ImageId"], "InstanceType": "t3.micro"}

    call(
        account,
        "ec2",
        "run-instances",
        {**given, **wanted, "MinCount": 1, "MaxCount": 1},
    )

    (found,) = ask(account, "ec2", "describe-instances")["Reservations"]
    options = found["Instances"][0]["MetadataOptions"]
    assert options["HttpTokens"] == "required"
    assert options["HttpPutResponseHopLimit"] == 1


def test_the_registry_is_one_that_ecr_takes(
    account: dict[str, str], machine: Any
) -> None:
    properties = machine["Repository"]["Properties"]
    policy = properties["LifecyclePolicy"]["LifecyclePolicyText"]
    given = {
        "repositoryName": "pinion",
        "imageScanningConfiguration": {
            "scanOnPush": properties["ImageScanningConfiguration"]["ScanOnPush"]
        },
        "imageTagMutability": properties["ImageTagMutability"],
    }
    call(account, "ecr", "create-repository", given)
    named = {"repositoryName": "pinion", "lifecyclePolicyText": policy}
    call(account, "ecr", "put-lifecycle-policy", named)

    (found,) = ask(account, "ecr", "describe-repositories")["repositories"]
    lifecycle = ask(account, "ecr", "get-lifecycle-policy", "--repository-name=pinion")

    assert {name: found[name] for name in given} == given
    assert json.loads(lifecycle["lifecyclePolicyText"]) == json.loads(policy)


def test_the_address_of_the_function_has_both_permissions(
    account: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "code.zip").write_bytes(b"PK\5\6" + bytes(18))
    template = read(READ_YAML, ROOT / "deploy" / "aws" / "function.yaml")
    function = ("--function-name", VALUES["Function"])
    aws_cli(
        *("iam", "create-role", "--role-name=pinion"),
        *("--assume-role-policy-document", "{}"),
        environment=account,
    )
    aws_cli(
        *("lambda", "create-function", *function, "--runtime=python3.13"),
        *("--handler=handler.answer", "--role", ROLE),
        *("--zip-file", f"fileb://{tmp_path}/code.zip"),
        environment=account,
    )
    url = resolved(template["Url"]["Properties"])
    url["FunctionName"] = url.pop("TargetFunctionArn")
    call(account, "lambda", "create-function-url-config", url)
    for name in ("UrlPermission", "InvokePermission"):
        given = resolved(template[name]["Properties"])
        call(account, "lambda", "add-permission", {"StatementId": name, **given})

    found = ask(account, "lambda", "get-function-url-config", *function)
    policy = ask(account, "lambda", "get-policy", *function)["Policy"]

    assert found["AuthType"] == "NONE"
    assert sorted(each["Action"] for each in json.loads(policy)["Statement"]) == [
        "lambda:InvokeFunction",
        "lambda:InvokeFunctionUrl",
    ]


def test_the_provider_of_identities_is_one_that_iam_takes(
    account: dict[str, str],
) -> None:
    template = read(READ_YAML, ROOT / "deploy" / "aws" / "github.yaml")
    given = template["GitHub"]["Properties"]
    wanted = {"Url": given["Url"], "ClientIDList": given["ClientIdList"]}

    call(account, "iam", "create-open-id-connect-provider", wanted)

    found = ask(account, "iam", "list-open-id-connect-providers")
    (provider,) = found["OpenIDConnectProviderList"]
    assert provider["Arn"].endswith("/token.actions.githubusercontent.com")
