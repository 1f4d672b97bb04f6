"""The figures of docs/capacity.md are those of the files, and what they come to."""

import json
from typing import Any

from deploy.aws.prices import HOURS_A_MONTH, monthly
from tests.servers import ROOT

TEXT = (ROOT / "docs" / "capacity.md").read_text("utf-8")
CREDITS = {"t2.micro": (6, 144), "t3.micro": (12, 288)}
"""Earned an hour, and kept at most: docs.aws.amazon.com, burstable performance."""

CREDIT_S = 60
LAMBDA_REQUEST_DOLLARS = 0.20 / 1e6
LAMBDA_GB_S_DOLLARS = 0.0000166667


def read(name: str) -> dict[str, Any]:
    path = ROOT / "bench" / "results" / f"{name}.json"
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))["figures"]
    return figures


def dollars(instance_type: str) -> float:
    lines = monthly(instance_type, HOURS_A_MONTH, keeps_address=False)
    return sum(line.dollars for line in lines)


def row(label: str, instance_type: str, figures: Any, burst: str) -> str:
    """Return what a machine does a second with what it earns, and with what it saved."""
    earned, kept = CREDITS[instance_type]
    forever = [
        earned * figures[f"predictions_per_credit_{n}"]["median"] / 3600
        for n in (16, 1)
    ]
    minutes = kept / (1 - earned * CREDIT_S / 3600)
    return (
        f"| {label} | {earned} | {forever[0]:,.0f} | {forever[1]:,.0f} | "
        f"{burst} for {minutes:.0f} minutes | {dollars(instance_type):.2f} |"
    )


def test_what_a_machine_does_follows_from_what_a_prediction_costs() -> None:
    contest = read("contest")
    ours, other = contest["pinion"], contest["fastapi_sklearn"]
    container = read("container")["requests_per_second"]["median"]
    said = [
        row("t2.micro", "t2.micro", ours, "65,800"),
        row("t3.micro", "t3.micro", ours, "65,800"),
        row("FastAPI with scikit-learn, on t2.micro", "t2.micro", other, "188"),
        f"{ours['cpu_us_16']['median']:.1f} µs with",
        f"{ours['cpu_us_1']['median']:.1f} µs with one",
        f"{ours['predictions_per_credit_16']['median']:,.0f} predictions",
        f"{ours['predictions_per_credit_1']['median']:,.0f} with one connection",
        f"{other['predictions_per_credit_16']['median']:,.0f} where scikit-learn",
        f"did {container:,.0f} a second",
        f"| {dollars('t4g.micro'):.2f} |",
        f"t3.small, ${dollars('t3.small'):.2f} a month",
    ]

    assert round(ours["requests_per_second_16"]["median"], -2) == 65_800
    assert f"{other['requests_per_second_16']['median']:.0f}" == "188"
    plain = " ".join(TEXT.split())
    assert [each for each in said if each not in plain] == []


def test_what_models_take_of_the_memory_was_measured() -> None:
    rows = []
    for label, figures in read("capacity").items():
        private = {n: each["private_mib"] for n, each in figures["memory"].items()}
        more = (private["100"] - private["10"]) / 90
        cells = " | ".join(f"{private[n]:.1f}" for n in ("1", "10", "100"))
        rows.append(
            f"| {label}, file of {figures['file_kb']} kB | {cells} | {more:.2f} |"
        )

    assert [each for each in rows if each not in TEXT] == []


def test_a_function_costs_less_up_to_the_number_that_is_named() -> None:
    a_request = LAMBDA_REQUEST_DOLLARS + 0.125 * 0.001 * LAMBDA_GB_S_DOLLARS
    n_millions = 1 + dollars("t3.micro") / a_request / 1e6

    assert round(n_millions) == 60
    assert round(n_millions * 1e6 / HOURS_A_MONTH / 3600) == 23
    assert "Up to 60 million requests a month, 23 a second" in " ".join(TEXT.split())
