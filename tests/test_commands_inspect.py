import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import onnx
import pytest

from convert.__main__ import main
from convert.commands.inspect import read_graph
from server.signature import (
    Discrepancy,
    Interval,
    Provenance,
    Signature,
)
from tests.models import GENDER, LUNCH, SCORE, TARGET, make_model, make_signature
from tests.servers import ROOT


def inspect(folder: Path, signature: Signature, *options: str) -> int:
    path = folder / "student.onnx"
    path.write_bytes(make_model(signature))
    return main(["inspect", str(path), *options])


def accepted(folder: Path, capsys: Any, **changes: Any) -> str:
    """Return what is said of the score, with `changes`."""
    score = msgspec.structs.replace(SCORE, **changes)
    assert inspect(folder, make_signature(features=(GENDER, LUNCH, score))) == 0
    line: str = capsys.readouterr().out.splitlines()[5]
    return line.partition("reading score  ")[2]


def test_a_file_is_shown_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interval = Interval(half_width=8.25, coverage=0.9, n_rows=200)
    provenance = Provenance(
        n_test_rows=200,
        scores={"r2_score": 0.88043},
        libraries={"onnx": "1.23.2", "scikit-learn": "1.9.1"},
        discrepancy=Discrepancy(
            largest=7e-12, tolerance=1e-9, n_rows=1000, n_edge_rows=73
        ),
    )
    signature = make_signature(
        description="Shows how it works.\nTo people.",
        estimator="Ridge",
        targets=(msgspec.structs.replace(TARGET, interval=interval),),
        provenance=provenance,
    )

    status = inspect(tmp_path, signature)

    n_bytes = (tmp_path / "student.onnx").stat().st_size
    assert (status, capsys.readouterr().out) == (
        0,
        f"""\
Maths score (student, version 0123456789ab)
Shows how it works.
To people.

accepts
  gender         category: female, male; others rejected; required
  lunch/meal     category: free/reduced, standard; others ignored; may be missing
  reading score  number from 0 to 100 points; seen 17 to 100; missing counts as 70.0

returns
  math score: a number in points; ± 8.25 in 90% of rows
  contributions: one a feature, which add up to the prediction

contains
  Ridge: 10 nodes, {n_bytes:,} bytes
  opsets ai.onnx 21, ai.onnx.ml 5
  made with onnx 1.23.2, scikit-learn 1.9.1

measured
  r2_score 0.8804 on 200 rows
  On 1,000 rows of the table and 73 made-up edge rows, each in a batch and alone, the \
graph and scikit-learn differ by at most 7.0e-12; above 1e-09 the file would not have \
been made.
  1 golden row (made up, with what scikit-learn predicted for it) is reproduced
""",
    )


def test_what_is_ignored_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ignored = ("id", "math score", *map(str, range(6)))

    assert inspect(tmp_path, make_signature(ignored=ignored)) == 0

    lines = capsys.readouterr().out.splitlines()
    place = lines.index("ignores")
    assert lines[place - 1 : place + 3] == [
        "",
        "ignores",
        "  id, math score, 0, 1, 2, 3 and 2 more",
        "",
    ]


def test_a_program_gets_the_signature_and_the_graph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signature = make_signature()

    status = inspect(tmp_path, signature, "--json")

    document = json.loads(capsys.readouterr().out)
    assert status == 0
    found = msgspec.convert(document["signature"], Signature)
    assert msgspec.structs.replace(found, sha256="") == signature
    assert document["graph"] == {
        "n_bytes": (tmp_path / "student.onnx").stat().st_size,
        "n_nodes": 10,
        "operators": {
            "Add": 1,
            "Concat": 1,
            "Identity": 2,
            "IsNaN": 1,
            "LabelEncoder": 2,
            "ReduceSum": 1,
            "Sub": 1,
            "Where": 1,
        },
        "opsets": {"ai.onnx": 21, "ai.onnx.ml": 5},
        "outputs": ["prediction", "contributions"],
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": ""}, "a number"),
        ({"minimum": 0.0}, "a number in points from 0"),
        (
            {"minimum": -2.5, "maximum": 100.0, "observed": (8.0, 99.5)},
            "a number in points from -2.5 to 100; seen 8 to 99.5",
        ),
        (
            {
                "interval": Interval(
                    half_width=8.25,
                    coverage=0.9,
                    n_rows=800,
                    measured_coverage=0.8875,
                    n_measured_rows=2000,
                )
            },
            "a number in points; ± 8.25 in 90% of rows, measured 88.8% of 2,000",
        ),
    ],
)
def test_a_target_is_shown_with_what_is_known_of_it(
    changes: dict[str, Any],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = msgspec.structs.replace(TARGET, **changes)

    assert inspect(tmp_path, make_signature(targets=(target,))) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("returns") + 1] == f"  math score: {said}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minimum": None}, "number to 100 points; seen 17 to 100"),
        ({"maximum": None}, "number from 0 points; seen 17 to 100"),
        ({"minimum": None, "maximum": None}, "number points; seen 17 to 100"),
        ({"observed": None, "maximum": 1234567.5}, "number from 0 to 1234567.5 points"),
        ({"kind": "integer", "unit": ""}, "integer from 0 to 100; seen 17 to 100"),
    ],
)
def test_hard_bounds_are_shown_with_every_digit(
    changes: dict[str, Any],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert accepted(tmp_path, capsys, **changes) == f"{said}; missing counts as 70.0"


def test_no_more_than_six_categories_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lunch = msgspec.structs.replace(LUNCH, categories=tuple("abcdefgh"))

    inspect(tmp_path, make_signature(features=(GENDER, lunch, SCORE)))

    assert capsys.readouterr().out.splitlines()[4] == (
        "  lunch/meal     category: a, b, c, d, e, f and 2 more; others ignored; "
        "may be missing"
    )


def test_a_name_cannot_move_the_cursor_or_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "Maths\x1b[2J\nscore"

    inspect(tmp_path, make_signature(title=title))

    assert capsys.readouterr().out.splitlines()[0] == (
        r"Maths\x1b[2J\nscore (student, version 0123456789ab)"
    )


def test_the_encoder_for_which_others_are_rejected_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gender = msgspec.structs.replace(GENDER, encoder="TargetEncoder")

    inspect(tmp_path, make_signature(features=(gender, LUNCH, SCORE)))

    assert capsys.readouterr().out.splitlines()[3] == (
        "  gender         category: female, male; others rejected, because TargetEncoder "
        "is not scikit-learn's; required"
    )


def test_the_graph_is_read_as_the_library_reads_it() -> None:
    path = ROOT / "models" / "student_performance.onnx"
    graph = onnx.load(path).graph

    found = read_graph(path.read_bytes())

    assert found["n_nodes"] == len(graph.node)
    assert found["operators"] == Counter(node.op_type for node in graph.node)
    assert found["outputs"] == [output.name for output in graph.output]
    assert found["opsets"] == {"ai.onnx": 21, "ai.onnx.ml": 5}
