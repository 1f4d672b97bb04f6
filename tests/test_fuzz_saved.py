import subprocess
import sys

import pytest

from tests.servers import ROOT


@pytest.mark.slow
def test_no_changed_save_does_more_than_to_be_refused() -> None:
    """In a process of its own: a fork of one that has computed waits for its threads."""
    command = [sys.executable, "-m", "tests.fuzz_saved", "--mutations", "300"]

    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout
