import json
import sys
import zlib
from pathlib import Path

import pytest

from bench.errors import Refusal
from bench.figures.rounds import spread
from bench.measurements import cold
from bench.subjects.answer import KnownRequest
from bench.subjects.contender import FUNCTIONS, read_contenders
from bench.subjects.program import choose_cores

QUESTION = KnownRequest(b'{"a":1}', 3.0, 0.5)


def program(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


def test_a_function_is_measured_until_it_has_answered() -> None:
    hold = "held = bytearray(60_000_000)"
    answer = "print('{\"prediction\": 3.25}', flush=True)"
    wait = "import sys; sys.stdin.read()"
    core, _ = choose_cores()

    light = cold.measure(program(answer, wait), {}, QUESTION, core)
    heavy = cold.measure(program(hold, answer, wait), {}, QUESTION, core)

    assert heavy["peak_mib"] > light["peak_mib"] + 50
    assert light["cpu_ms"] > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise SystemExit('broken')", "gave no answer; it said: broken"),
        ("print(4, flush=True); input()", "expected a prediction of 3.0 ± 0.5"),
        ("print('no JSON', flush=True); input()", "'no JSON\\n' to a golden row"),
    ],
)
def test_a_function_that_answers_something_else_is_refused(
    line: str, said: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        cold.measure(program(line), {}, QUESTION, choose_cores()[0])

    assert said in str(refusal.value)


def test_the_golden_row_of_the_shipped_model_is_the_event() -> None:
    question = cold.ask(Path("models/student_performance.onnx"))
    event = cold.as_event(question.body)

    assert json.loads(event["body"])["reading_score"] > 0
    assert event["requestContext"]["http"]["method"] == "POST"


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    contents = (b"a" * 3_000_000, bytes(range(256)) * 10_000)
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)

    sizes = cold.measure_size(tmp_path.iterdir())

    assert sizes == {
        "zip_mb": round(sum(len(zlib.compress(each, 9)) for each in contents) / 1e6, 1),
        "unpacked_mb": 5.6,
    }


def test_what_does_not_fit_is_marked() -> None:
    result = {
        "labels": {"light": "Light", "heavy": "Heavy"},
        "sizes": {
            "light": {"zip_mb": 11.7, "unpacked_mb": 250.0},
            "heavy": {"zip_mb": 78.3, "unpacked_mb": 250.1},
        },
        "figures": {
            name: {"cpu_ms": spread([115.0]), "peak_mib": spread([44.0])}
            for name in ("light", "heavy")
        },
    }

    lines = cold.tabulate(result).splitlines()

    assert [line.split()[:3] for line in lines[1:3]] == [
        ["Light", "11.7", "250.0"],
        ["Heavy", "78.3", "250.1*"],
    ]


def test_every_function_is_written_with_exact_requirements() -> None:
    functions = read_contenders([], FUNCTIONS)

    assert [each.name for each in functions] == [
        "fastapi_onnxruntime",
        "fastapi_sklearn",
        "node_onnxruntime",
        "pinion",
    ]
    assert all(
        "==" in package or "@" in package
        for each in functions
        for package in each.requirements
    )


@pytest.mark.slow
@pytest.mark.external
def test_our_own_zip_is_built_and_measured(tmp_path: Path) -> None:
    output = tmp_path / "cold.json"

    table = cold.main(["--only", "pinion", "--rounds", "1", "--output", str(output)])

    result = json.loads(output.read_text())
    assert table.splitlines()[1].startswith("Pinion ")
    assert result["sizes"]["pinion"]["zip_mb"] <= 12.5
    assert list(result["figures"]["pinion"]) == ["cpu_ms", "peak_mib"]


def test_the_page_has_the_figures_of_the_file() -> None:
    result = json.loads(Path("bench/results/cold.json").read_bytes())
    page = Path("docs/benchmarks.md").read_text("utf-8")
    missing = []
    for name, label in result["labels"].items():
        size, figures = result["sizes"][name], result["figures"][name]
        cpu_ms, peak_mib = figures["cpu_ms"]["median"], figures["peak_mib"]["median"]
        shown = f"**{label}**" if name == "pinion" else label
        row = (
            f"| {shown} | {size['zip_mb']} | {size['unpacked_mb']} | {cpu_ms:,.0f} | "
            f"{peak_mib:.1f} |"
        )
        missing += [] if row in page else [row]

    assert missing == []
