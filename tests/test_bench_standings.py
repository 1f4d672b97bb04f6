from pathlib import Path

from bench.figures.rounds import Spread, spread
from bench.figures.standings import draw_standings, rank, tabulate_standings

COSTS = ("cpu_us_16", "predictions_per_credit_16", "ready_ms", "pss_mib", "private_mib")


def make_figures(*costs: float) -> dict[str, Spread]:
    figures = {name: spread([cost]) for name, cost in zip(COSTS, costs, strict=True)}
    for name in ("requests_per_second", "p50_ms", "p99_ms"):
        for connections in (1, 16, 64):
            figures[f"{name}_{connections}"] = spread([connections * 1.5])
    return figures


RESULT = {
    "labels": {"flask": "Flask", "pinion": "Pinion", "bare": "import"},
    "figures": {
        "bare": {"ready_ms": spread([95.0]), "pss_mib": spread([46.0])},
        "flask": make_figures(7000.0, 8571.0, 1375.0, 174.0, 150.0),
        "pinion": make_figures(45.04, 1_332_150.0, 160.0, 48.06, 28.8),
    },
}


def test_the_cheapest_request_comes_first_and_what_serves_none_last() -> None:
    assert rank(RESULT) == ["pinion", "flask", "bare"]


def test_the_table_shows_medians_with_their_spread() -> None:
    triple = "1.5 / 24 / 96 | 1.5 / 24 / 96 | 1.5 / 24 / 96"

    assert tabulate_standings(RESULT) == (
        "|  | CPU per request, µs | predictions per CPU credit "
        "| start to first answer, ms | PSS, MiB | private, MiB "
        "| requests/s at 1 / 16 / 64 | p50, ms at 1 / 16 / 64 "
        "| p99, ms at 1 / 16 / 64 |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        "| Pinion | 45 (45–45) | 1,330,000 (1,330,000–1,330,000) | 160 (160–160) "
        f"| 48.1 (48.1–48.1) | 28.8 (28.8–28.8) | {triple} |\n"
        "| Flask | 7,000 (7,000–7,000) | 8,570 (8,570–8,570) | 1,380 (1,380–1,380) "
        f"| 174 (174–174) | 150 (150–150) | {triple} |\n"
        "| import |  |  | 95 (95–95) | 46 (46–46) |  |  |  |  |\n\n"
        "PSS is the memory of a program in which a page that n programs share counts as "
        "1/n."
    )


def test_the_picture_names_every_contender(tmp_path: Path) -> None:
    path = tmp_path / "contest.svg"

    draw_standings(RESULT, path)

    picture = path.read_text()
    assert all(
        f"<!-- {label} -->" in picture for label in ("Pinion", "Flask", "import")
    )
