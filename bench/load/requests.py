"""Requests that a server's own signature allows, made before the clock starts."""

import json
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from bench.errors import Refusal
from bench.load.address import Address

Signature = Mapping[str, Any]
"""The JSON of ``GET /models/{name}``."""

Row = dict[str, Any]

N_DISTINCT = 256
"""Different requests in one run: enough that no cache of answers can help."""


def fetch_signature(address: Address, model: str | None = None) -> Signature:
    """Return the signature of `model`, or of the server's default model.

    Raises
    ------
    Refusal
        If what listens there answers with no models, serves none by default and `model`
        names none, or serves no model of that name.
    """
    models = address.read_json("/models")
    try:
        names = [entry["name"] for entry in models["models"]]
        name = model or models["default"]
    except (KeyError, TypeError) as error:
        raise Refusal(
            f"GET {address}/models answered JSON that lists no models: this is no "
            "Pinion server, or another version of it"
        ) from error
    if name is None:
        raise Refusal(
            f"{address} serves several models and none by default; name one with "
            f"--model: {', '.join(names)}"
        )
    if name not in names:
        raise Refusal(f"{address} serves no model {name!r}, but: {', '.join(names)}")
    signature: Signature = address.read_json(f"/models/{name}")
    return signature


def make_rows(signature: Signature, n_rows: int, seed: int = 1) -> list[Row]:
    """Return `n_rows` valid rows; the same seed makes the same rows.

    Numbers are spread over the observed range, categories over all known ones.
    Only a feature of which nothing is known is left missing.
    """
    chance = random.Random(seed)  # noqa: S311
    features = signature["features"]
    return [
        {feature["name"]: _make_value(feature, chance) for feature in features}
        for _ in range(n_rows)
    ]


def _make_value(feature: Mapping[str, Any], chance: random.Random) -> Any:
    if feature.get("categories"):
        return chance.choice(feature["categories"])
    if feature["kind"] == "boolean":
        return chance.random() < 0.5
    if feature["kind"] in ("number", "integer"):
        return _make_number(feature, chance)
    if feature["kind"] == "text" and feature.get("required"):
        return feature.get("typical", "text")
    return feature.get("typical")


def _make_number(feature: Mapping[str, Any], chance: random.Random) -> float:
    low, high = _range(feature)
    if feature["kind"] == "integer":
        return chance.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
    if low == high:
        return low
    # people and programs send short numbers: 61.83, not 61.830472910056214
    n_digits = 3 - math.floor(math.log10(high - low))
    return min(max(round(chance.uniform(low, high), n_digits), low), high)


def _range(feature: Mapping[str, Any]) -> tuple[float, float]:
    typical = feature.get("typical", 0)
    low, high = feature.get("observed") or (typical, typical)
    hard_low, hard_high = feature.get("minimum"), feature.get("maximum")
    if hard_low is not None:
        low, high = max(low, hard_low), max(high, hard_low)
    if hard_high is not None:
        low, high = min(low, hard_high), min(high, hard_high)
    return low, high


def make_bodies(
    signature: Signature, n_rows: int, seed: int = 1, as_columns: bool = False
) -> list[bytes]:
    """Return JSON bodies: one object each, or lists or columns of `n_rows`."""
    if n_rows == 1 and not as_columns:
        return [to_json(row) for row in make_rows(signature, N_DISTINCT, seed)]
    n_bodies = max(1, N_DISTINCT // n_rows)
    rows = make_rows(signature, n_bodies * n_rows, seed)
    shape = _to_columns if as_columns else list[Row]
    return [
        to_json(shape(rows[start : start + n_rows]))
        for start in range(0, len(rows), n_rows)
    ]


def _to_columns(rows: Sequence[Row]) -> dict[str, dict[str, list[Any]]]:
    return {"columns": {name: [row[name] for row in rows] for name in rows[0]}}


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def encode(address: Address, path: str, bodies: Sequence[bytes]) -> list[bytes]:
    """Return whole HTTP/1.1 requests that post `bodies` to `path`."""
    return [
        (
            f"POST {address.prefix}{path} HTTP/1.1\r\n"
            f"Host: {address.authority}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for body in bodies
    ]


def try_one(address: Address, path: str, body: bytes) -> None:
    """Send one request and refuse to measure a server that does not predict.

    Raises
    ------
    Refusal
        If the server answers with another status than 200, or without a prediction.
    """
    status, answer = address.ask("POST", path, body)
    text = answer.decode(errors="replace").strip()
    if status != 200:
        raise Refusal(
            f"POST {address}{path} answered {status} to a row made from the server's "
            f"own signature, so there is nothing to measure; it said: {text[:500]}"
        )
    if '"prediction' not in text:
        raise Refusal(
            f"POST {address}{path} answered 200 without a prediction, so this is no "
            f"Pinion server; it said: {text[:500]}"
        )
