"""What a command changes in a stack: what is not said stays as it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.aws import stack
from deploy.aws.errors import Refusal

PARTS = {
    "CaddyImage": "a machine with its disk and address, a registry with its images",
    "Concurrency": "a function, its address, its log",
    "MachineStack": "a role for GitHub",
}
"""What is in a stack, by a parameter that no other kind of stack has."""

MACHINE_DEFAULTS = {
    "Scheme": "https",
    "Domain": "",
    "AllowedCidr": "0.0.0.0/0",
    "StartCron": "",
    "StopCron": "",
    "TimeZone": "UTC",
    "BudgetEmail": "",
    "BudgetDollars": "10",
}
FUNCTION_DEFAULTS = {"MemoryMegabytes": "128", "Concurrency": "5"}

RESTARTS = ("InstanceType", "Scheme", "Domain", "CaddyImage")
"""Parameters for which AWS stops the machine and starts it again."""

TAKES_UP = "pinion-machine configure"
"""Is in the template of machines that take up a changed one as they start."""


def before(found: Mapping[str, Any] | None, template: str) -> dict[str, str]:
    """Return the parameters of a stack that the template has, too.

    Raises
    ------
    Refusal
        If the stack was made from another template.
    """
    if found is None:
        return {}
    said = stack.parameters(found)
    names = stack.parameter_names(template)
    if names[0] not in said:
        raise Refusal(
            f"the stack {found['StackName']!r} is of another kind: give another --name"
        )
    return {name: said[name] for name in names if name in said}


def parts(found: Mapping[str, Any]) -> str:
    """Return what is in a stack, in words.

    Raises
    ------
    Refusal
        If no command here made it.
    """
    for parameter in stack.parameters(found):
        if parameter in PARTS:
            return PARTS[parameter]
    raise Refusal(
        f"nothing here made the stack {found['StackName']!r}: give another --name, or "
        "delete it where it was made"
    )


def merged(
    before: Mapping[str, str],
    defaults: Mapping[str, str],
    given: Mapping[str, str | int | None],
) -> dict[str, str]:
    """Return what was given, else what was before, else the default."""
    said = {key: str(value) for key, value in given.items() if value is not None}
    return {**defaults, **before, **said}


def verb(before: Mapping[str, str]) -> str:
    return "This changes" if before else "This makes"


def refuse_http_with_domain(scheme: str | None, domain: str | None) -> None:
    """Refuse a domain without https, in one command or in two.

    Raises
    ------
    Refusal
        If both were given.
    """
    if scheme == "http" and domain:
        raise Refusal(
            f"http and the domain {domain} contradict: give --https, or --domain ''"
        )


def say(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the parameters as lines of text, changes as old and new value."""
    for key, value in after.items():
        if not before or before.get(key, "") == value:
            yield f"  {key} = {value}"
        else:
            yield f"  {key}: {before.get(key) or 'nothing'} → {value or 'nothing'}"


def consequences(
    before: Mapping[str, str], after: Mapping[str, str], old: str, new: str
) -> Iterator[str]:
    """Yield what a change of an existing stack does to its machine, one line at most.

    Parameters
    ----------
    old, new
        The templates; the machine's program is part of them.
    """
    changed = [
        key for key in RESTARTS if key in before and before[key] != after.get(key)
    ]
    if before["System"] != after["System"]:
        yield (
            "This replaces the machine, as only another one has another system: its image, "
            "address and certificate come again with python -m deploy.aws update."
        )
    elif changed or old.strip() != new.strip():
        what = ", ".join(changed) or "the template"
        stops = f"This stops the machine and starts it again, if it needs to ({what} changes)"
        if TAKES_UP in old:
            yield (
                f"{stops}: it takes up its program and configuration then, and without a "
                "domain it has another address."
            )
        else:
            yield (
                f"{stops}, and changes nothing on it: a machine as old as this one has to be "
                "replaced for that, with --new-system once there is a newer Amazon Linux, or "
                "with down and up."
            )
