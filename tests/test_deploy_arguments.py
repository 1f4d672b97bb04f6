"""Arguments of `python -m deploy.aws`: what is wrong is one sentence before AWS is asked."""

import os
import pty
import subprocess
import zoneinfo

import pytest

from deploy.aws import arguments
from tests.servers import ROOT
from tests.test_deploy_aws import account, aws, refused, said
from tests.tools import tool

__all__ = ["account", "aws"]

pytestmark = [pytest.mark.external, pytest.mark.slow]

NOWHERE = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("up --cidr home", "'home' is no range of IPv4 addresses"),
        ("up --cidr 203.0.113.7/24", "has host bits set"),
        ("up --cidr 999.0.0.1/32", "'999.0.0.1/32' is no range"),
        ("up --domain https://a.example", "'https://a.example' is no domain"),
        ("up --domain a..b", "'a..b' is no domain"),
        ("up --domain localhost", "'localhost' is no domain"),
        ("up --domain 203.0.113.7", "'203.0.113.7' is no domain"),
        ("up --http --domain a.example", "http and the domain a.example contradict"),
        ("up --budget-dollars 0", "'0' is no whole number, 1 or more"),
        ("up --budget-email ann", "'ann' is no address such as ann@example.org"),
        ("up --start-cron 08:00", "'08:00' is no cron(...)"),
        ("up --stop-cron at(2026-11-27T18:00:00)", "is no cron(...)"),
        ("up --time-zone Berlin", "'Berlin' is no time zone: a name of the IANA's"),
        ("up --time-zone europe/berlin", "'europe/berlin' is no time zone"),
        ("function --memory 127", "'127' is no whole number, 128 to 10240"),
        ("function --memory 10241", "'10241' is no whole number, 128 to 10240"),
        ("function --concurrency -1", "'-1' is no whole number, 0 or more"),
        ("cost --hours-a-day 25", "'25' is no number of hours, 0 to 24"),
        ("cost --hours-a-day nan", "'nan' is no number of hours, 0 to 24"),
        ("logs --lines 0", "'0' is no whole number, 1 or more"),
        ("push --engine=", "an empty text is no command: docker or podman"),
        ("push --engine=x'y", "is no command: No closing quotation"),
    ],
)
def test_a_wrong_argument_is_one_sentence(words: str, sentence: str) -> None:
    told = refused(NOWHERE, *words.split(" ")).splitlines()

    assert sentence in told[-1]


def test_an_address_without_a_mask_is_a_range_of_one(account: dict[str, str]) -> None:
    assert "  AllowedCidr = 203.0.113.7/32" in said(
        account, "up", "--dry-run", "--cidr", "203.0.113.7"
    )


def test_an_empty_time_zone_is_utc_again(account: dict[str, str]) -> None:
    assert "  TimeZone = UTC" in said(account, "up", "--dry-run", "--time-zone", "")


def test_a_system_without_time_zones_leaves_them_to_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zoneinfo, "available_timezones", set)

    assert arguments.time_zone("Europe/Berlin") == "Europe/Berlin"


def test_an_endpoint_that_is_none_is_one_sentence() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    told = refused({**NOWHERE, **keys, "AWS_ENDPOINT_URL": "nonsense"}, "status")

    assert told == (
        "refused: Invalid endpoint: nonsense: look at AWS_ENDPOINT_URL and the region\n"
    )


def test_an_end_of_input_at_the_question_is_no(account: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\4")
    done = subprocess.run(
        [tool("python"), "-m", "deploy.aws", "up"],
        cwd=ROOT,
        env={**os.environ, **account},
        stdin=theirs,
        capture_output=True,
        text=True,
    )
    os.close(ours)
    os.close(theirs)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Go on? [y/N]" in done.stdout
    assert said(account, "down", "--yes") == [
        "There is no stack 'pinion': nothing of it costs money."
    ]


@pytest.mark.parametrize(
    ("script", "seconds", "sentence"),
    [
        (
            "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            60,
            "sh shows no image 'pinion' (build it with make image): "
            "Cannot connect to the Docker daemon",
        ),
        ("sleep 30", 0.2, "sh image has not ended after 0.2 s: try again"),
    ],
)
def test_what_the_engine_says_is_shown(
    script: str, seconds: float, sentence: str
) -> None:
    program = f"""
import sys
from deploy.aws import errors, image
image.PUSH_S = {seconds}
try:
    image.push(None, ["sh", "-c", {script!r}, "sh"], "pinion", "registry/pinion")
except errors.Refusal as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [tool("python"), "-c", program], cwd=ROOT, capture_output=True, text=True
    )

    assert done.stderr == f"{sentence}\n"
