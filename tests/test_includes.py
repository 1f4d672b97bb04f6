"""What `?include=` adds: over HTTP, and at the edges of what is worth a warning."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from onnx import TensorProto

from convert.graph.builder import Graph
from server.includes import warnings
from server.signature import (
    Feature,
    GoldenRow,
    Interval,
    Provenance,
    Target,
    Value,
)
from tests.models import (
    TARGET,
    make_model,
    make_row,
    make_signature,
    with_signature,
)
from tests.servers import running_server

INTERVAL = Interval(
    half_width=8.25,
    coverage=0.9,
    n_rows=800,
    measured_coverage=0.895,
    n_measured_rows=200,
)
BOUNDED = replace(
    TARGET, interval=INTERVAL, minimum=0.0, maximum=100.0, observed=(30.0, 80.0)
)
NUMBER = Feature(name="height", input="height", kind="number", required=True)
SIZES = (
    Target(
        name="height",
        unit="cm",
        observed=(0.0, 2.0),
        interval=Interval(half_width=1.5, coverage=0.9, n_rows=60),
    ),
    Target(
        name="weight",
        unit="kg",
        maximum=40.0,
        interval=Interval(half_width=0.25, coverage=0.8, n_rows=60),
    ),
)


def make_sizes() -> bytes:
    """Return a model whose two targets are the number itself and ten times that."""
    graph = Graph()
    height = graph.input("height", TensorProto.DOUBLE)
    both = graph.add("MatMul", height, graph.constant([[1.0, 10.0]]))
    graph.output("prediction", both, TensorProto.DOUBLE, ["n_rows", 2])
    golden = GoldenRow(row={"height": 2.0}, predictions=(2.0, 20.0))
    return with_signature(
        graph,
        make_signature(
            name="sizes", features=(NUMBER,), targets=SIZES, golden_rows=(golden,)
        ),
    )


def make_classes(
    name: str, classes: Sequence[Value], *, overflows: bool = False
) -> bytes:
    """Return a classifier of two classes; the number is how probable the second is."""
    graph = Graph()
    number = graph.input("height", TensorProto.DOUBLE)
    rest = graph.add("Sub", graph.constant([1.0]), number)
    shares = graph.add("Concat", rest, number, axis=1)
    if overflows:
        wide = graph.add("Mul", shares, graph.constant([1e200]))
        shares = graph.add("Div", wide, graph.constant([1e200]))
    label = graph.add("ArgMax", shares, axis=1, keepdims=1)
    graph.output("label_index", label, TensorProto.INT64, ["n_rows", 1])
    graph.output("probabilities", shares, TensorProto.DOUBLE, ["n_rows", 2])
    target = Target(name="kind", kind="classification", classes=tuple(classes))
    golden = GoldenRow(
        row={"height": 0.75}, predictions=(classes[1],), probabilities=(0.25, 0.75)
    )
    return with_signature(
        graph,
        make_signature(
            name=name, features=(NUMBER,), targets=(target,), golden_rows=(golden,)
        ),
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A model with one target, one with two, and three classifiers."""
    folder = tmp_path_factory.mktemp("models")
    contents = {
        "student": make_model(make_signature(targets=(BOUNDED,))),
        "sizes": make_sizes(),
        "overflowing": make_classes("overflowing", ["no", "yes"], overflows=True),
        "texts": make_classes("texts", ["<no>", "yes"]),
        "booleans": make_classes("booleans", [False, True]),
        "floats": make_classes("floats", [0.125, 12.25]),
    }
    files = [folder / f"{name}.onnx" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_bytes(content)
    with (
        running_server(*files) as served,
        httpx.Client(base_url=served.url) as client,
    ):
        yield client


def ask(client: httpx.Client, name: str, includes: str, body: Any) -> Any:
    response = client.post(f"/models/{name}/predict?include={includes}", json=body)
    assert response.status_code == 200
    return response.json()


def test_the_interval_of_a_row_and_of_rows(client: httpx.Client) -> None:
    first = {"low": 71.75, "high": 88.25, "coverage": 0.9}
    second = {"low": 60.25, "high": 76.75, "coverage": 0.9}

    one = ask(client, "student", "interval", make_row())
    many = ask(client, "student", "interval", [make_row(), {"gender": "male"}])

    assert one == {"prediction": 80.0, "interval": first}
    assert many == {"predictions": [80.0, 68.5], "intervals": [first, second]}
    assert ask(client, "student", "interval", []) == {
        "predictions": [],
        "intervals": [],
    }


def test_the_intervals_of_several_targets_are_named_like_them(
    client: httpx.Client,
) -> None:
    interval = {
        "height": {"low": 0.5, "high": 3.5, "coverage": 0.9},
        "weight": {"low": 19.75, "high": 20.25, "coverage": 0.8},
    }
    prediction = {"height": 2.0, "weight": 20.0}

    one = ask(client, "sizes", "interval,warnings", {"height": 2})
    many = ask(client, "sizes", "interval", [{"height": 2}])

    assert one == {"prediction": prediction, "interval": interval, "warnings": []}
    assert many == {"predictions": [prediction], "intervals": [interval]}


def test_a_target_named_as_a_feature_is_told_apart(client: httpx.Client) -> None:
    answer = ask(client, "sizes", "warnings", {"height": 4.25})

    assert answer["warnings"] == [
        {
            "target": "height",
            "detail": "4.25 is outside of the training range, 0 to 2 cm, by more than "
            "the model's error, 1.5 cm: the model extrapolates",
        },
        {
            "target": "weight",
            "detail": "42.5 is above the maximum, 40 kg: the model extrapolates",
        },
    ]


def test_warnings_of_rows_are_of_the_target_and_of_the_features(
    client: httpx.Client,
) -> None:
    rows = [make_row(), make_row(reading_score=1)]

    answer = ask(client, "student", "warnings", rows)

    assert answer == {
        "predictions": [80.0, 1.0],
        "warnings": [
            [],
            [
                {
                    "target": "math score",
                    "detail": "1 is outside of the training range, 30 to 80 points, by "
                    "more than the model's error, 8.25 points: the model extrapolates",
                },
                {
                    "feature": "reading score",
                    "detail": "outside of the training range, 17 to 100 points",
                },
            ],
        ],
    }


@pytest.mark.parametrize("includes", ["", "?include=probabilities"])
def test_a_label_whose_probabilities_overflowed_is_no_answer(
    client: httpx.Client, includes: str
) -> None:
    path = f"/models/overflowing/predict{includes}"
    response = client.post(path, json=[{"height": 0.75}, {"height": 1e200}])

    assert response.status_code == 422
    assert [fault["detail"] for fault in response.json()["errors"]] == [
        "Row 2 has no finite prediction."
    ]


@pytest.mark.parametrize(
    ("name", "prediction", "labels"),
    [
        ("texts", "<no>", ["<no>", "yes"]),
        ("booleans", False, ["false", "true"]),
        ("floats", 0.125, ["0.125", "12.25"]),
    ],
)
def test_probabilities_are_named_by_label(
    client: httpx.Client, name: str, prediction: Value, labels: list[str]
) -> None:
    shares = dict(zip(labels, [0.75, 0.25], strict=True))

    one = ask(client, name, "probabilities,warnings", {"height": 0.25})
    many = ask(client, name, "probabilities", [{"height": 0.25}])

    assert one == {"prediction": prediction, "probabilities": shares, "warnings": []}
    assert many == {"predictions": [prediction], "probabilities": [shares]}


def test_a_classifier_has_no_interval(client: httpx.Client) -> None:
    response = client.post("/models/texts/predict?include=interval", json={})

    assert (response.status_code, response.json()["detail"]) == (
        400,
        "'interval' is not one of: probabilities, warnings.",
    )


@pytest.mark.parametrize(
    ("name", "label", "shares"),
    [
        ("texts", "&lt;no&gt;", [("&lt;no&gt;", "75.0%"), ("yes", "25.0%")]),
        ("booleans", "false", [("false", "75.0%"), ("true", "25.0%")]),
        ("floats", "0.125", [("0.125", "75.0%"), ("12.25", "25.0%")]),
    ],
)
def test_the_page_shows_how_probable_each_class_is(
    client: httpx.Client, name: str, label: str, shares: list[tuple[str, str]]
) -> None:
    page = client.post(f"/?model={name}", data={"height": "0.25"}).text

    rows = "".join(
        f"<tr><th scope=row>{each}</th><td>{share}</td></tr>" for each, share in shares
    )
    assert f'<div role="status"><p>kind: <strong>{label}</strong> </p></div>' in page
    assert f"<table><caption>How probable each is</caption>{rows}</table>" in page


def test_the_page_shows_the_interval_and_what_was_measured(
    client: httpx.Client,
) -> None:
    row = {"gender": "female", "reading score": "80"}
    page = client.post("/?model=student", data=row).text

    assert "<p>math score: <strong>77.5</strong> points</p>" in page
    assert (
        '<p class="more">Between 69.2 and 85.8 points in 90 of 100 cases; in a test it '
        "was so for 179 of 200 rows.</p>"
    ) in page


def test_the_page_shows_the_interval_of_each_target_and_its_doubts(
    client: httpx.Client,
) -> None:
    page = client.post("/?model=sizes", data={"height": "4.25"}).text

    assert (
        "<p>height: <strong>4.25</strong> cm</p>"
        '<p class="more">Between 2.75 and 5.75 cm in 90 of 100 cases, if the rows '
        "that this was measured on were new to the model.</p>"
        "<p>weight: <strong>42.5</strong> kg</p>"
        '<p class="more">The model expects it between 42.250 and 42.750 kg in 80 of 100 '
        "cases; no true value can be there.</p>"
        '<p class="doubts">To keep in mind:</p>'
        "<ul><li>height: 4.25 is outside of the training range, 0 to 2 cm, by more "
        "than the model&#x27;s error, 1.5 cm: the model extrapolates</li>"
        "<li>weight: 42.5 is above the maximum, 40 kg: the model extrapolates</li></ul>"
    ) in page


def doubt(prediction: float, target: Target, **scores: float) -> str:
    """Return what is doubted of a prediction whose row gives no reason to."""
    signature = make_signature(
        targets=(target,), provenance=Provenance(scores=dict(scores))
    )
    found = warnings(signature, ("female", "standard", 80.0), prediction)
    assert [sorted(one) for one in found] in ([], [["detail", "target"]])
    return found[0]["detail"] if found else ""


MEAN_ERROR = "root_mean_squared_error"


@pytest.mark.parametrize(
    ("prediction", "detail"),
    [
        (0.0, ""),
        (-0.0, ""),
        (math.nextafter(0.0, -1), "-5e-324 is below the minimum, 0 points"),
        (-1.7, "-1.7 is below the minimum, 0 points"),
        (math.nextafter(100.0, 0), ""),
        (100.0, ""),
        (math.nextafter(100.0, 101), "100.00000000000001 is above the maximum, 100"),
        (100.04, "100.04 is above the maximum, 100 points"),
        (110.93847, "110.9 is above the maximum, 100 points"),
        (-1e300, "-1e300 is below the minimum, 0 points"),
    ],
)
def test_a_prediction_beyond_a_bound_is_doubted(prediction: float, detail: str) -> None:
    target = replace(BOUNDED, observed=None)

    found = doubt(prediction, target)

    assert found.startswith(detail)
    assert found.endswith(": the model extrapolates" if detail else "")
    assert bool(found) == bool(detail)


@pytest.mark.parametrize(
    ("prediction", "shown"),
    [
        (21.75, ""),
        (math.nextafter(21.75, 0), "21.75 is"),
        (88.25, ""),
        (math.nextafter(88.25, 89), "88.25 is"),
        (95.0, "95 is"),
    ],
)
def test_a_prediction_far_from_any_seen_is_doubted(
    prediction: float, shown: str
) -> None:
    found = doubt(prediction, BOUNDED)

    assert found == (
        f"{shown} outside of the training range, 30 to 80 points, by more than the "
        "model's error, 8.25 points: the model extrapolates"
        if shown
        else ""
    )


def test_without_an_interval_the_error_is_that_of_the_held_out_rows() -> None:
    target = replace(BOUNDED, interval=None)

    assert doubt(85.0, target, **{MEAN_ERROR: 5.0}) == ""
    assert doubt(85.5, target, **{MEAN_ERROR: 5.0}) == (
        "85.5 is outside of the training range, 30 to 80 points, by more than the "
        "model's error, 5 points: the model extrapolates"
    )
    assert doubt(80.0, target) == ""
    assert doubt(80.5, target) == (
        "80.5 is outside of the training range, 30 to 80 points: the model extrapolates"
    )


def test_a_score_over_several_targets_is_nobodys_error() -> None:
    targets = tuple(
        Target(name=name, observed=(0.0, 1.0)) for name in ("height", "weight")
    )
    signature = make_signature(
        features=(NUMBER,),
        targets=targets,
        provenance=Provenance(scores={MEAN_ERROR: 5.0}),
    )

    found = warnings(signature, (1.0,), {"height": 1.0, "weight": 2.0})

    assert found == [
        {
            "target": "weight",
            "detail": "2 is outside of the training range, 0 to 1: the model "
            "extrapolates",
        }
    ]


def test_without_bounds_and_range_no_number_is_doubted() -> None:
    assert doubt(1e9, TARGET, **{MEAN_ERROR: 5.0}) == ""
