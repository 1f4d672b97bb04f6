"""The commands, each a function of what the command line says."""

import argparse
import http.client
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3

from deploy.aws import (
    function_zip,
    github_role,
    image,
    machine,
    plan,
    prices,
    stack,
)
from deploy.aws.errors import Refusal

STATUS_S = 10


def up(options: argparse.Namespace) -> None:
    """Make the stack, or change what is said of it."""
    plan.refuse_http_with_domain(options.scheme, options.domain)
    template = stack.machine_template()
    cloudformation = _client(options, "cloudformation")
    before = plan.before(stack.describe(cloudformation, options.name), template)
    old = _machine(options)["InstanceId"] if before else None
    if old and not before.get("System"):
        before["System"] = machine.state(_client(options, "ec2"), old).system
    after = _machine_parameters(options, before)
    for line in _machine_plan(options, cloudformation, template, before, after):
        print(line)
    if not _agreed(options):
        return
    if not _make(cloudformation, options.name, template, after):
        print("There is nothing to change.")
        return
    found = _machine(options)
    _let_github_follow(cloudformation, options.name, found["InstanceId"])
    if "DomainAddress" in found:
        print(f"Set the A record of {after['Domain']} to {found['DomainAddress']}.")
    if found["InstanceId"] != old:
        print("Next: python -m deploy.aws push, then update.")


def function(options: argparse.Namespace) -> None:
    """Make a function of AWS Lambda of the zip, or put the zip in its place."""
    name = f"{options.name}-function"
    content = function_zip.read(options.zip)
    template = stack.function_template()
    cloudformation = _client(options, "cloudformation")
    before = plan.before(stack.describe(cloudformation, name), template)
    given = {
        "Runtime": content.runtime,
        "Architecture": content.architecture,
        "MemoryMegabytes": options.memory,
        "Concurrency": options.concurrency,
    }
    parameters = plan.merged(before, plan.FUNCTION_DEFAULTS, given)
    print(f"{plan.verb(before)} the stack {name!r}: a function, its address, its log.")
    print(f"  {prices.FUNCTION}")
    print("\n".join(plan.say(before, parameters)))
    if not _agreed(options):
        return
    _make(cloudformation, name, template, parameters)
    client = _client(options, "lambda")
    client.update_function_code(FunctionName=name, ZipFile=content.data)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    url = client.get_function_url_config(FunctionName=name)["FunctionUrl"]
    print(f"{url} {_answer(url)}")
    print(f"python -m deploy.aws --name {name} down deletes it.")


def github(options: argparse.Namespace) -> None:
    """Make a role with which a repository of GitHub pushes and updates."""
    found = _machine(options)
    cloudformation = _client(options, "cloudformation")
    name = f"{options.name}-github"
    template = stack.github_template()
    before = plan.before(stack.describe(cloudformation, name), template)
    parameters = {
        "Repository": options.repository,
        "NumberedRepository": github_role.numbered(options.repository),
        "Provider": github_role.provider(_client(options, "iam"), before),
        "MachineStack": options.name,
        "InstanceId": found["InstanceId"],
    }
    what = f"a role for {options.repository} (no cost)"
    print(f"{plan.verb(before)} the stack {name!r}: {what}.")
    print("\n".join(plan.say(before, parameters)))
    if not _agreed(options):
        return
    _make(cloudformation, name, template, parameters)
    print("GitHub needs these variables of the repository; this sets them:")
    for line in _github_variables(options, cloudformation, name):
        print(line)
    print(f"python -m deploy.aws --name {name} down deletes it.")


def push(options: argparse.Namespace) -> None:
    """Push an image into the stack's registry."""
    repository = _machine(options)["RepositoryUri"]
    print(f"This pushes {options.image} to {repository} (about $0.01 a month).")
    if options.dry_run:
        return
    ecr = _client(options, "ecr")
    print(image.push(ecr, options.engine, options.image, repository))


def scan(options: argparse.Namespace) -> None:
    """Wait for what the registry finds in an image, and refuse a critical fault.

    Raises
    ------
    Refusal
        If there is one.
    """
    name = _image_name(options, _machine(options)["RepositoryUri"])
    counts = image.scan(_client(options, "ecr"), name)
    if counts is None:
        print(f"The registry cannot look into the system of {name}: nothing is known.")
        return
    found = ", ".join(f"{n} {severity.lower()}" for severity, n in counts.items())
    print(f"The registry found in {name}: {found or 'nothing'}.")
    if counts.get("CRITICAL"):
        raise Refusal(f"{name} has critical faults: build it on a newer base")


def update(options: argparse.Namespace) -> None:
    """Put an image in the place of the one that serves."""
    found = _machine(options)
    name = _image_name(options, found["RepositoryUri"])
    print(
        f"This starts {name} beside what serves, and swaps once it is ready (no cost)."
    )
    if options.dry_run:
        return
    print(_on_machine(options, found, "update", name))


def status(options: argparse.Namespace) -> None:
    """Say whether the machine runs, at which address, and whether it answers."""
    found = _machine(options)
    state = machine.state(_client(options, "ec2"), found["InstanceId"])
    print(f"{found['InstanceId']} ({state.instance_type}) is {state.name}")
    if state.address:
        url = _url(options, state.address)
        print(f"{url} {_answer(url)}")


def logs(options: argparse.Namespace) -> None:
    """Show what the containers are, and what the server said last."""
    print(_on_machine(options, _machine(options), "status", str(options.lines)))


def stop(options: argparse.Namespace) -> None:
    """Stop the machine: only its disk, images and Elastic IP cost money then."""
    _switch(options, "stop_instances", "stopped")


def start(options: argparse.Namespace) -> None:
    """Start the machine again; without a domain it has another address then."""
    _switch(options, "start_instances", "running")


def cost(options: argparse.Namespace) -> None:
    """Say what a month costs."""
    hours = options.hours_a_day * prices.HOURS_A_MONTH / 24
    costs = prices.monthly(options.instance_type, hours, keeps_address=options.domain)
    print("\n".join(prices.say(costs)))


def down(options: argparse.Namespace) -> None:
    """Delete a stack and all that is in it."""
    cloudformation = _client(options, "cloudformation")
    found = stack.describe(cloudformation, options.name)
    if found is None:
        print(f"There is no stack {options.name!r}: nothing of it costs money.")
        return
    print(f"This deletes the stack {options.name!r}: {plan.parts(found)}.")
    if not _agreed(options):
        return
    known = _event_ids(cloudformation, options.name)
    cloudformation.delete_stack(StackName=options.name)
    stack.follow(cloudformation, found["StackId"], print, known)
    print("Gone: nothing of it costs money any more.")


def template(options: argparse.Namespace) -> None:
    """Print the machine's template, for the console or another tool."""
    print(stack.machine_template(), end="")


def _make(
    cloudformation: Any, name: str, template: str, parameters: dict[str, str]
) -> bool:
    known = _event_ids(cloudformation, name)
    is_new = stack.make(cloudformation, name, template, parameters)
    if is_new:
        stack.follow(cloudformation, name, print, known)
    return is_new


def _let_github_follow(cloudformation: Any, name: str, instance_id: str) -> None:
    found = stack.describe(cloudformation, f"{name}-github")
    if found is not None:
        parameters = stack.parameters(found) | {"InstanceId": instance_id}
        template = stack.github_template()
        _make(cloudformation, f"{name}-github", template, parameters)


def _github_variables(
    options: argparse.Namespace, cloudformation: Any, name: str
) -> Iterator[str]:
    """Yield the commands that set what .github/workflows/deploy.yml reads."""
    machine_stack = stack.describe(cloudformation, options.name)
    assert machine_stack is not None  # noqa: S101 - its outputs were read
    instance_type = stack.parameters(machine_stack)["InstanceType"]
    variables = {
        "PINION_ROLE": stack.outputs(cloudformation, name)["RoleArn"],
        "PINION_REGION": cloudformation.meta.region_name,
        "PINION_STACK": options.name,
        "PINION_RUNNER": github_role.RUNNERS[stack.architecture(instance_type)],
    }
    repository = re.sub("@[0-9]+", "", options.repository)
    for key, value in variables.items():
        yield f"gh variable set {key} --repo {repository} --body {value}"


def _image_name(options: argparse.Namespace, repository: str) -> str:
    if options.tag:
        return f"{repository}:{options.tag}"
    return image.newest(_client(options, "ecr"), repository)


def _machine_parameters(
    options: argparse.Namespace, before: dict[str, str]
) -> dict[str, str]:
    given = {
        "InstanceType": options.instance_type,
        "Scheme": options.scheme,
        "Domain": options.domain,
        "AllowedCidr": options.cidr,
        "StartCron": options.start_cron,
        "StopCron": options.stop_cron,
        "TimeZone": options.time_zone,
        "BudgetEmail": options.budget_email,
        "BudgetDollars": options.budget_dollars,
    }
    after = plan.merged(before, plan.MACHINE_DEFAULTS, given)
    plan.refuse_http_with_domain(after["Scheme"], after["Domain"])
    ec2 = _client(options, "ec2")
    instance_type = after.get("InstanceType") or stack.free_instance_type(ec2)
    processor = stack.architecture(instance_type)
    if (
        before
        and not options.new_system
        and processor == stack.architecture(before["InstanceType"])
    ):
        system = before["System"]
    else:
        system = stack.newest_system(_client(options, "ssm"), processor)
    return {
        **after,
        "InstanceType": instance_type,
        "Image": stack.IMAGES + processor,
        "System": system,
    }


def _machine_plan(
    options: argparse.Namespace,
    cloudformation: Any,
    template: str,
    before: dict[str, str],
    after: dict[str, str],
) -> Iterator[str]:
    yield f"{plan.verb(before)} the stack {options.name!r}: a registry, a machine, a firewall."
    yield from prices.say(
        prices.monthly(
            after["InstanceType"],
            prices.HOURS_A_MONTH,
            keeps_address=bool(after["Domain"]),
        )
    )
    yield from plan.say(before, after)
    if before:
        old = stack.template(cloudformation, options.name)
        yield from plan.consequences(before, after, old, template)


def _event_ids(cloudformation: Any, name: str) -> set[str]:
    return {event["EventId"] for event in stack.events(cloudformation, name)}


def _agreed(options: argparse.Namespace) -> bool:
    if options.dry_run:
        return False
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise Refusal("nobody is here to say yes: give --yes, or --dry-run")
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _machine(options: argparse.Namespace) -> dict[str, str]:
    """Return the outputs of a stack that `up` made.

    Raises
    ------
    Refusal
        If it is another one.
    """
    found = stack.outputs(_client(options, "cloudformation"), options.name)
    if "InstanceId" not in found:
        raise Refusal(
            f"the stack {options.name!r} has no machine: give the --name that up was given"
        )
    return found


def _on_machine(options: argparse.Namespace, found: dict[str, str], *words: str) -> str:
    return machine.run(_client(options, "ssm"), found["InstanceId"], *words)


def _switch(options: argparse.Namespace, call: str, wanted: str) -> None:
    instance_id = _machine(options)["InstanceId"]
    ec2 = _client(options, "ec2")
    print(f"{instance_id} will be {wanted}.")
    if options.dry_run:
        return
    getattr(ec2, call)(InstanceIds=[instance_id])
    ec2.get_waiter(f"instance_{wanted}").wait(InstanceIds=[instance_id])
    status(options)


def _url(options: argparse.Namespace, address: str) -> str:
    found = stack.describe(_client(options, "cloudformation"), options.name)
    assert found is not None  # noqa: S101 - its outputs were read
    said = stack.parameters(found)
    if said["Scheme"] == "http":
        return f"http://{address}:8080/"
    return f"https://{said['Domain'] or address}/"


def _answer(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}readyz", timeout=STATUS_S):  # noqa: S310
            return "is ready"
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer: {getattr(error, 'reason', error)}"


def _client(options: argparse.Namespace, service: str) -> Any:
    session = boto3.Session(region_name=options.region, profile_name=options.profile)
    if session.region_name is None:
        raise Refusal("no region is set: give --region, for instance eu-central-1")
    try:
        return session.client(service)
    except ValueError as error:
        raise Refusal(f"{error}: look at AWS_ENDPOINT_URL and the region") from error
