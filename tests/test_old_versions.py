from pathlib import Path

import pytest

from tests import old_pipelines
from tests.old_versions import (
    RIGHT,
    VERSIONS,
    Line,
    NoOldPython,
    measure,
    section,
    versions_in,
)

UNREADABLE = "1.0.2"
"""No Python that the converter runs on has a build of it."""


@pytest.mark.slow
@pytest.mark.external
@pytest.mark.parametrize("version", VERSIONS)
def test_pickles_of_old_versions_are_served_as_they_predicted_there(
    version: str, tmp_path: Path
) -> None:
    try:
        lines = measure(version, tmp_path)
    except NoOldPython as error:
        pytest.skip(f"no Python at hand {error}")

    assert versions_in(tmp_path) == {version}
    outcomes = {line.outcome for line in lines}
    assert len(lines) == len(old_pipelines.ESTIMATORS)
    if version == UNREADABLE:
        assert all(outcome.startswith("refused: ") for outcome in outcomes)
    else:
        assert outcomes == {RIGHT}


def test_the_table_has_a_column_a_version_and_counts_the_wrong() -> None:
    lines = [
        Line("1.0.2", "SVR", "refused: too old"),
        Line("1.0.2", "Ridge", "refused: too old"),
        Line("1.2.2", "SVR", "wrong by 1e-03"),
        Line("1.2.2", "Ridge", RIGHT),
    ]

    table = section(lines).split("\n\n", 2)[2]

    assert table == (
        "1 of 4 files are right, 1 wrong.\n\n"
        "| estimator | 1.0.2 | 1.2.2 |\n|---|---|---|\n"
        "| SVR | (1) | (2) |\n| Ridge | (1) | right |\n\n"
        "1. refused: too old\n2. wrong by 1e-03\n"
    )
