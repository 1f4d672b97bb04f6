import json
from pathlib import Path

import pytest

from bench.errors import Refusal
from bench.load.address import Address
from bench.load.table import Rows, csv_header, csv_lines, json_lines, send
from bench.measurements import stream
from tests.servers import running_server


def test_a_stream_and_the_small_requests_beside_it_are_measured(
    tmp_path: Path,
) -> None:
    output = tmp_path / "stream.json"

    table = stream.main(["--rows", "20001", "--output", str(output)])

    result = json.loads(output.read_text())
    _, *lines, note = table.splitlines()
    assert [line.split()[0] for line in lines] == ["text/csv", "application/x-ndjson"]
    assert note.startswith("note: ")
    for figures in result["figures"].values():
        assert figures["n_rows"] == 30_000
        assert figures["rows_per_second"] > 0
        assert figures["rows_per_cpu_second"] > 0
        assert figures["idle_pss_mib"] > 10
        assert figures["mib_above_idle"] >= 0
        assert figures["small_latency_ms"]["max"] > 0


def test_rows_are_lines() -> None:
    rows: Rows = [{"a": 1.5, "b,c": "x"}, {"a": None, "b,c": 'y"'}]

    assert csv_header(rows) == b'a,"b,c"\n'
    assert csv_lines(rows) == b'1.5,x\n,"y"""\n'
    assert json_lines(rows) == b'{"a":1.5,"b,c":"x"}\n{"a":null,"b,c":"y\\""}\n'


def test_a_stream_that_is_refused_is_no_measurement() -> None:
    with running_server() as served, pytest.raises(Refusal, match=r"was refused: b'{"):
        send(Address.parse(served.url), "text/csv", [{"reading_scor": 1}], 3)
