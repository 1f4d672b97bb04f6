"""Reads the schema of a skops file: which scikit-learn wrote it, and what it names.

This needs no library. All of a skops file is read by `convert.saved.skops_archive`, which
loads numpy and skops for it.
"""

import json
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.archive import Archive
from convert.saved.budget import LIMITS, Limits
from convert.saved.damage import NO_SENSE, Damaged
from convert.saved.scan import NONSENSE, Findings, Written
from convert.saved.unpack import SCHEMA

NAMING = {"FunctionNode", "ObjectNode", "TypeNode"}
"""Loaders that import what their nodes name; the others are of skops' own kinds."""

VERSION = "_sklearn_version"


def read_outline(content: bytes, limits: Limits = LIMITS) -> Written:
    """Read what a skops file says of itself, and none of what is in it.

    Returns
    -------
    Written
        Without a tree.

    Raises
    ------
    Unreadable
        Its parts are too deep inside each other.
    Damaged
        It is not whole.
    Refusal
        Reading it takes more than `limits`.
    """
    findings = Findings()
    archive = Archive(content, limits)
    try:
        schema = json.loads(read_schema(archive, len(content), limits))
        _look(schema, findings)
    except (Damaged, Refusal):
        raise
    except RecursionError as error:
        raise Unreadable("its parts are too deep inside each other") from error
    except NONSENSE as error:
        raise Damaged(NO_SENSE) from error
    return findings.written(None, readers=("skops",))


def _look(schema: Any, findings: Findings) -> None:
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if type(node) is list:
            waiting += node
        elif type(node) is dict:
            waiting += node.values()
            if node.get("__loader__") in NAMING:
                findings.find(*_named(node))
            if VERSION in node:
                version = json.loads(node[VERSION]["content"])
                findings.sklearn_versions.add(str(version))


def _named(node: dict[str, Any]) -> tuple[str, str]:
    function = node.get("content")
    if node["__loader__"] == "FunctionNode" and function:  # before skops 0.7
        return str(function["module_path"]), str(function["function"])
    return str(node["__module__"]), str(node["__class__"])


def read_schema(archive: Archive, n_bytes: int, limits: Limits) -> bytes:
    """Return the schema, if it can be parsed in a memory like its own size.

    Raises
    ------
    Unreadable
        If it is longer than `limits` allow, or has more parts than skops writes in as
        many bytes.
    """
    size = archive.sizes.get(SCHEMA, 0)
    if size > limits.schema_bytes_of(n_bytes):
        raise Unreadable(
            f"its schema has {size // 2**20} MiB: save a smaller model, or the same one "
            "with joblib.dump"
        )
    schema = archive.read(SCHEMA)
    n_branches = schema.count(b"{") + schema.count(b"[")
    n_parts = schema.count(b",")
    if max(5 * n_branches, n_parts) > limits.free_branches + size // 4:
        raise Unreadable(
            f"its schema has {n_parts} parts in {size} bytes, which skops does not write"
        )
    return schema
