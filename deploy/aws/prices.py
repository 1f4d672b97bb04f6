"""What a machine costs a month, before it is made.

List prices of us-east-1 without tax, of November 2026: other regions cost up to a third
more. https://aws.amazon.com/ec2/pricing/on-demand/, …/ebs/pricing/, …/vpc/pricing/,
…/ecr/pricing/ and https://calculator.aws have today's.
"""

from collections.abc import Iterator
from typing import NamedTuple

AS_OF = "November 2026"
REGION = "us-east-1"

DOLLARS_AN_HOUR = {
    "t2.micro": 0.0116,
    "t3.micro": 0.0104,
    "t3.small": 0.0208,
    "t4g.micro": 0.0084,
    "t4g.small": 0.0168,
}
"""Of Linux, on demand; the instance types that the stack takes."""

IPV4_DOLLARS_AN_HOUR = 0.005
DISK_DOLLARS_A_GB_MONTH = 0.08
IMAGE_DOLLARS_A_GB_MONTH = 0.10
HOURS_A_MONTH = 730

DISK_GB = 8
N_IMAGES = 3
"""That the repository keeps."""

IMAGE_GB = 0.033
"""Compressed, of the shipped image (`tests/test_image.py` bounds it)."""


class Cost(NamedTuple):
    """One line of the bill."""

    what: str
    dollars: float


def monthly(instance_type: str, hours: float, keeps_address: bool) -> list[Cost]:
    """Return what a month costs, line by line.

    Parameters
    ----------
    hours
        That the machine runs, of the 730 that a month has.
    keeps_address
        Whether it has an Elastic IP, which costs as much while the machine is stopped.
    """
    ipv4_hours = HOURS_A_MONTH if keeps_address else hours
    images_gb = N_IMAGES * IMAGE_GB
    return [
        Cost(
            f"{instance_type}, {hours:.0f} of {HOURS_A_MONTH} h",
            hours * DOLLARS_AN_HOUR[instance_type],
        ),
        Cost(
            f"public IPv4 address, {ipv4_hours:.0f} h",
            ipv4_hours * IPV4_DOLLARS_AN_HOUR,
        ),
        Cost(
            f"disk, {DISK_GB} GB, also while it is stopped",
            DISK_GB * DISK_DOLLARS_A_GB_MONTH,
        ),
        Cost(
            f"registry, {N_IMAGES} images of {IMAGE_GB * 1000:.0f} MB",
            images_gb * IMAGE_DOLLARS_A_GB_MONTH,
        ),
    ]


def say(costs: list[Cost]) -> Iterator[str]:
    """Yield the bill as lines of text."""
    width = max(len(cost.what) for cost in costs)
    for cost in costs:
        yield f"  {cost.what:<{width}}  ${cost.dollars:6.2f}"
    total = sum(cost.dollars for cost in costs)
    yield f"  {'a month, before any free tier':<{width}}  ${total:6.2f}"
    yield f"  list prices of {REGION}, {AS_OF}; an account's free tier may pay all of it"


FUNCTION = (
    "nothing for a million requests of 128 MB a month, then $0.20 a million and $0.0000021 "
    "a second (us-east-1, November 2026)"
)
"""What a function costs; the million is of every account, and does not end."""
