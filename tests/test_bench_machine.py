import platform
import sys
from importlib.metadata import version

from bench.subjects.machine import describe_run, describe_versions


def test_a_result_says_when_how_and_where_it_was_measured() -> None:
    run = describe_run()

    assert list(run) == ["date", "command", "commit", "machine"]
    assert run["command"][:3] == ["python", "-m", "bench"]
    assert run["machine"]["kernel"] == f"Linux {platform.release()}"
    assert run["machine"]["memory_mib"] > 100
    assert run["machine"]["processor"]


def test_versions_are_those_of_the_environment_that_is_measured() -> None:
    versions = describe_versions(sys.executable)

    assert versions["python"] == platform.python_version()
    assert versions["uvicorn"] == version("uvicorn")
    assert "pytest" not in versions
