"""The figures of docs/scale.md are those of the files, and what they come to."""

import json
from typing import Any

from tests.servers import ROOT

TEXT = (ROOT / "docs" / "scale.md").read_text("utf-8")
RESULTS = ROOT / "bench" / "results"
N_MILLIONS = 10_000
"""A day."""
DAY_S, HOUR_S = 86_400, 3_600


def read(name: str) -> dict[str, Any]:
    result = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    figures: dict[str, Any] = result["figures"]
    return figures


def a_day(way: str, cpu_seconds: float, digits: int) -> str:
    """Return the row of a way to predict, with what a million rows take of a core."""
    total = N_MILLIONS * cpu_seconds
    hours, cores = total / HOUR_S, total / DAY_S
    return f"| {way} | {cpu_seconds:.{digits}f} | {hours:.1f} | {cores:.2f} |"


def test_what_ten_billion_rows_cost_is_what_a_million_were_measured_to() -> None:
    columns = 1e6 / read("bulk")["columns"]["rows_per_second"]
    spark = read("engines")["spark"]["cpu_seconds_per_million_rows"]
    one = read("contest")["pinion"]["cpu_us_16"]["median"]
    rows = [
        a_day("over HTTP, 10,000 rows a request, as columns", columns, 2),
        a_day("Spark, Parquet to Parquet", spark, 2),
        a_day("over HTTP, one row a request", one, 1),
    ]

    assert [row for row in rows if row not in TEXT] == []
    assert "115,741 a second" in TEXT
    assert f"{N_MILLIONS * 1e6 / DAY_S:,.0f}" == "115,741"


def test_what_the_engines_take_is_what_was_measured() -> None:
    figures = read("engines")
    spark, ray = figures["spark"], figures["ray"]
    alone = read("contest")["pinion"]
    duckdb, postgresql = figures["duckdb"], figures["postgresql"]
    said = [
        f"starts in {spark['start_seconds']:.0f} s and {spark['start_cpu_seconds']:.0f} s "
        "of CPU",
        f"{spark['rows_per_second']:,} rows a second",
        f"ready after {ray['ready_seconds']:.0f} s in {ray['pss_mib']:,} MiB",
        f"{alone['ready_ms']['median']:.0f} ms and {alone['pss_mib']['median']:.0f} MiB",
        f"of {ray['n_requests']:,} requests {ray['n_asked_once_more']} were asked once "
        f"more and {ray['n_lost'] or 'none'} lost",
        f"{duckdb['n_rows']:,} rows in {duckdb['seconds']:.2f} s",
        f"{postgresql['n_rows']:,} rows in {postgresql['one_call_ms']:.0f} ms in one call",
        f"{postgresql['one_by_one_ms']:,.0f} ms one by one",
    ]
    plain = " ".join(TEXT.split())

    assert [each for each in said if each not in plain] == []


def test_the_page_is_short() -> None:
    assert len(TEXT.splitlines()) <= 60
