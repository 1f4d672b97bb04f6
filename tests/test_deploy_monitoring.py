"""deploy/monitoring asks for what the server tells, and alarms when it should."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import exposition
from tests.models import make_model, make_row
from tests.servers import ROOT, asking

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
WHY = "needs promtool (apt-get install prometheus)"
SAID = re.compile(r"\b(?:pinion|process)_[a-z_]+\b")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> exposition.Exposition:
    """Return what a server tells that has predicted something."""
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    with asking(path) as client:
        client.post("/predict", json=make_row()).raise_for_status()
        return exposition.read(client.get("/metrics").text)


def names(told: exposition.Exposition) -> set[str]:
    return told.kinds.keys() | {sample.name for sample in told.values}


def expressions() -> Iterator[str]:
    """Yield what the panels ask for, with values in the place of variables."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression: str = target["expr"]
            yield expression.replace("[$__rate_interval]", "[5m]")
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["query"]


def test_the_dashboard_asks_for_what_there_is(told: exposition.Exposition) -> None:
    asked = {name for each in expressions() for name in SAID.findall(each)}

    assert len(asked) > 20
    assert asked - names(told) == set()


def test_the_rules_and_the_guide_name_what_there_is(
    told: exposition.Exposition,
) -> None:
    rules = (FOLDER / "rules.yaml").read_text("utf-8")
    tests = (FOLDER / "rules-test.yaml").read_text("utf-8")

    assert set(SAID.findall(rules)) - names(told) == set()
    assert set(SAID.findall(tests)) == set(SAID.findall(rules)) | {
        "pinion_request_duration_seconds_bucket"
    }


def test_every_metric_is_in_the_document(told: exposition.Exposition) -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text("utf-8")

    assert set(SAID.findall(document)) == told.kinds.keys()


def test_the_panels_stand_beside_each_other() -> None:
    panels = DASHBOARD["panels"]
    taken = [cell for panel in panels for cell in _cells(panel["gridPos"])]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert all(x < 24 for x, _ in taken)
    assert all(
        target["datasource"]["uid"] == "${datasource}"
        for panel in panels
        for target in panel.get("targets", ())
    )


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


@pytest.mark.external
@pytest.mark.skipif(not exposition.has_promtool(), reason=WHY)
@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yaml"),
        ("check", "rules", "rules.yaml"),
        ("test", "rules", "rules-test.yaml"),
    ],
)
def test_promtool_agrees_with_the_files(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)

    assert "SUCCESS" in exposition.promtool(*words)


@pytest.mark.external
@pytest.mark.skipif(not exposition.has_promtool(), reason=WHY)
def test_promtool_reads_what_the_panels_ask_for(tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions())
        if not expression.startswith("label_values") and expression != "prometheus"
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    found = exposition.promtool("check", "rules", str(path))

    assert f"{len(rules)} rules found" in found
