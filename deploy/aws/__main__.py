"""The command line: python -m deploy.aws up, push, update, status, stop, start, down."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

try:
    import boto3  # noqa: F401 - said here, and not where it is used
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
except ModuleNotFoundError:
    print(
        "deploy.aws: boto3 is not installed for this Python: "
        "pip install --require-hashes -r deploy/aws/requirements.txt",
        file=sys.stderr,
    )
    sys.exit(2)

from deploy.aws import arguments, commands, prices, stack
from deploy.aws.errors import Refusal

EPILOG = """\
in this order, the first time:
  python -m deploy.aws up --dry-run      what it makes, and what that costs
  python -m deploy.aws up                one stack: registry, machine, firewall
  make image                             the image `pinion`, with your model in models/
  python -m deploy.aws push              into the stack's registry
  python -m deploy.aws update            onto the machine, without losing a request
  python -m deploy.aws status            the address to open

then stop and start as you like, and down when you are done: it deletes everything.

or without a machine:
  make lambda                            the zip build/function.zip
  python -m deploy.aws function          a function of AWS Lambda, and its address

or from GitHub, at each push:
  python -m deploy.aws github --repository OWNER/NAME
                                         a role for .github/workflows/deploy.yml

The keys are those of the aws command line; docs/deploy.md has all of it by hand.

exit code: 0 done, 2 refused, 130 interrupted
"""


def main(words: Sequence[str]) -> int:
    """Run one command, and return the exit code."""
    options = _parser().parse_args(words)
    try:
        options.run(options)
    except NoCredentialsError as error:
        remedy = "run aws configure, or name a profile with --profile or AWS_PROFILE"
        print(f"refused: {error}: {remedy}", file=sys.stderr)
        return 2
    except (Refusal, BotoCoreError, ClientError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "interrupted; python -m deploy.aws status says where it is", file=sys.stderr
        )
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.aws",
        description="One machine on AWS that serves your image over https.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--name",
        type=arguments.stack_name,
        default=stack.NAME,
        help="of the stack and its registry (%(default)s)",
    )
    parser.add_argument("--region", help="AWS region (that of the aws command line)")
    parser.add_argument("--profile", help="of the aws command line")
    add = partial(_add, parser.add_subparsers(required=True, metavar="COMMAND"))
    _up_options(add(commands.up, makes_changes=True))
    _function_options(add(commands.function, makes_changes=True))
    add(commands.github, makes_changes=True).add_argument(
        "--repository",
        type=arguments.repository,
        required=True,
        help="OWNER/NAME, on GitHub",
    )
    _push_options(add(commands.push, makes_changes=True))
    for each in (add(commands.scan), add(commands.update, makes_changes=True)):
        each.add_argument("tag", nargs="?", help="of the image (the one pushed last)")
    add(commands.status)
    add(commands.logs).add_argument(
        "--lines", type=arguments.whole(1), default=20, help="(%(default)s)"
    )
    add(commands.stop, makes_changes=True)
    add(commands.start, makes_changes=True)
    _cost_options(add(commands.cost))
    add(commands.down, makes_changes=True)
    add(commands.template)
    return parser


def _add(
    subparsers: Any,
    run: Callable[[argparse.Namespace], None],
    *,
    makes_changes: bool = False,
) -> argparse.ArgumentParser:
    sentence = (run.__doc__ or "").splitlines()[0]
    parser: argparse.ArgumentParser = subparsers.add_parser(
        run.__name__, help=sentence, description=sentence
    )
    parser.set_defaults(run=run)
    if makes_changes:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and end"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _up_options(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A stack that exists keeps whatever is not said here; an empty text, such as "
        "--start-cron '', removes what was said before."
    )
    add = parser.add_argument
    add(
        "--instance-type",
        choices=prices.DOLLARS_AN_HOUR,
        help="(what the account's free tier has)",
    )
    add(
        "--new-system",
        action="store_true",
        help="replace the machine by one with the newest Amazon Linux",
    )
    add(
        "--domain",
        type=arguments.domain,
        help="name that will point to the machine (none)",
    )
    for scheme, sentence in (
        ("http", "port 8080 alone, without a certificate"),
        ("https", "ports 80 and 443, with a certificate (so)"),
    ):
        add(
            f"--{scheme}",
            dest="scheme",
            action="store_const",
            const=scheme,
            help=sentence,
        )
    add("--cidr", type=arguments.cidr, help="addresses that may ask (0.0.0.0/0)")
    cron = arguments.cron
    add("--start-cron", type=cron, help="such as 'cron(0 8 ? * MON-FRI *)' (none)")
    add("--stop-cron", type=cron, help="such as 'cron(0 18 ? * MON-FRI *)' (none)")
    add("--time-zone", type=arguments.time_zone, help="of the timetable (UTC)")
    add("--budget-email", type=arguments.email, help="who is warned of costs (nobody)")
    add("--budget-dollars", type=arguments.whole(1), help="a month (10)")


def _function_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--zip", type=Path, default=Path("build/function.zip"), help="(%(default)s)")
    add("--memory", type=arguments.whole(128, 10240), help="MB, 128 to 10240 (128)")
    add(
        "--concurrency",
        type=arguments.whole(0),
        help="most requests at a time, 0 for no bound (5)",
    )


def _push_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--image", default="pinion", help="to push (%(default)s)")
    add(
        "--engine",
        type=arguments.engine,
        default="docker",
        help="that has the image (%(default)s)",
    )


def _cost_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--instance-type", default="t3.micro", choices=prices.DOLLARS_AN_HOUR)
    add("--hours-a-day", type=arguments.hours_a_day, default=24, help="(%(default)s)")
    add("--domain", action="store_true", help="with an Elastic IP")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
