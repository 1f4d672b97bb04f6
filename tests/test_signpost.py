"""Sentences for whoever has lost the way; `test_app` and `test_dialects` have the rest."""

import pytest

from server.signpost import allowed, meant, not_allowed, not_found

PATHS = ("/", "/predict", "/models", "/models/{name}/predict")
ALL = (
    "; predictions are at /api/predict and /api/models/{name}/predict, and GET "
    "/api/models lists the models."
)


def test_the_methods_of_a_path_are_each_said_once() -> None:
    methods = allowed(["POST", "GET", "HEAD", "POST"])

    assert methods == ["GET", "HEAD", "OPTIONS", "POST"]
    assert not_allowed("PUT", "/predict", methods) == (
        "PUT is not answered at /predict; send GET, HEAD, OPTIONS or POST."
    )


def test_of_several_routes_the_one_with_the_fewest_parameters_is_meant() -> None:
    routes = [
        ("/v1/models/{name}", ["GET", "HEAD"]),
        ("/v1/models/{name}:predict", ["POST"]),
    ]

    assert [*meant(routes)] == ["POST"]
    assert [*meant([("/predict", ["GET"]), ("/predict", ["POST"])])] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/predict/", "There is nothing at /api/predict/; there is /api/predict."),
        (
            "/models/a/predikt",
            "There is nothing at /api/models/a/predikt; there is "
            "/api/models/{name}/predict.",
        ),
        ("/wp-admin", f"There is nothing at /api/wp-admin{ALL}"),
        ("/predict" + "/" * 200, f"There is nothing at /api/predict{'/' * 92}{ALL}"),
    ],
)
def test_the_nearest_path_is_told(path: str, sentence: str) -> None:
    assert not_found(path, PATHS, "/api") == sentence
