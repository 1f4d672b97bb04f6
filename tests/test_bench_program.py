import os
import sys

import pytest

from bench.errors import Refusal
from bench.load.address import Address
from bench.subjects.answer import (
    KnownRequest,
    await_answer,
    await_ready,
    await_signature,
)
from bench.subjects.program import Program, choose_cores, clean_environment, free_port
from tests.standin import SIGNATURE

CORE, _ = choose_cores()


def start(code: str, **environment: str) -> Program:
    command = [sys.executable, "-c", code]
    return Program(command, CORE, clean_environment() | environment)


def start_standin(port: int, behaviour: str = "") -> Program:
    command = [sys.executable, "-m", "uvicorn", "tests.standin:app", f"--port={port}"]
    return Program(command, CORE, clean_environment() | {"STANDIN": behaviour})


def test_a_program_is_pinned_and_we_are_not() -> None:
    before = os.sched_getaffinity(0)
    code = "import os, sys; print(*os.sched_getaffinity(0), 'ready', flush=1);"
    code += "sys.stdin.read()"
    with start(code) as program:
        await_ready(program)

        assert program.read_log() == f"{CORE} ready"
    assert os.sched_getaffinity(0) == before


def test_memory_counts_the_children_too() -> None:
    code = (
        "import subprocess, sys\n"
        "if len(sys.argv) == 1:\n"
        "    code = 'import sys; x = bytearray(64 << 20); print(\"ready\", flush=True);'\n"
        "    subprocess.run([sys.executable, '-c', code + 'sys.stdin.read()'])\n"
    )
    with start(code) as program:
        await_ready(program)
        memory = program.memory()

    assert 64 < memory.private_mib <= memory.pss_mib <= memory.resident_mib < 200


def test_cpu_counts_what_was_computed() -> None:
    code = (
        "import sys, time\n"
        "while time.process_time() < 0.3: pass\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with start(code) as program:
        await_ready(program)

        assert 0.28 <= program.cpu_s() <= 0.4


def test_a_program_that_ends_too_early_is_refused_with_its_words() -> None:
    with (
        start("import sys; sys.exit('no model')") as program,
        pytest.raises(Refusal, match=r"ended with exit code 1 .* it said: no model"),
    ):
        await_ready(program)


def test_nothing_of_a_program_is_left_after_its_block() -> None:
    port = free_port()
    with start_standin(port) as program:
        await_signature(program, Address("127.0.0.1", port))

    with pytest.raises(Refusal, match="nothing listens"):
        Address("127.0.0.1", port).ask("GET", "/models")


def test_the_first_correct_answer_ends_the_start() -> None:
    address = Address("127.0.0.1", free_port())
    with start_standin(address.port) as program:
        ready_s = await_answer(program, address, KnownRequest.take(SIGNATURE))

    assert ready_s > 0


def test_a_wrong_answer_is_refused() -> None:
    address = Address("127.0.0.1", free_port())
    question = KnownRequest(b'{"reading score": 1}', prediction=66.0, tolerance=0.1)
    with (
        start_standin(address.port) as program,
        pytest.raises(Refusal, match=r"expected a prediction of 66.0 ± 0.1"),
    ):
        await_answer(program, address, question)


def test_a_model_without_a_number_to_check_is_refused() -> None:
    golden = {"row": {}, "predictions": ["setosa"]}

    with pytest.raises(Refusal, match="'irises' has no golden row with a number"):
        KnownRequest.take({"name": "irises", "golden_rows": [golden]})


def test_ci_and_telemetry_are_kept_from_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")

    environment = clean_environment()

    assert "CI" not in environment
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
