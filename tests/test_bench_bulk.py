import json
from pathlib import Path

from bench.measurements import bulk


def test_large_requests_and_the_small_ones_beside_them_are_measured(
    tmp_path: Path,
) -> None:
    output = tmp_path / "bulk.json"

    table = bulk.main(["--seconds", "1", "--output", str(output)])

    result = json.loads(output.read_text())
    _, *lines, note = table.splitlines()
    assert [line.split()[0] for line in lines] == ["list", "columns"]
    assert note.startswith("note: ")
    for figures in result["figures"].values():
        assert figures["rows_per_second"] > 0
        assert figures["n_large_requests"] > 0
        assert figures["pss_mib"] > 10
        assert figures["small_latency_ms"]["max"] > 0
