"""Types of command-line arguments."""

import argparse
import math


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def seconds(text: str) -> float:
    value = span(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is not more than 0")
    return value


def span(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no finite number from 0 up")
    return value
