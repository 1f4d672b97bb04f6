"""Checks manifests of Kubernetes, from standard input, and says what is wrong with each.

Every kind must be known: kubernetes-validate's own command warns of one that it does
not know, and exits with 0.
"""

import sys
from collections.abc import Iterator
from typing import Any

import yaml
from kubernetes_validate import (
    SchemaNotFoundError,
    ValidationError,
    latest_version,
    validate,
)
from kubernetes_validate.utils import VersionNotSupportedError

MAX_SHOWN = 60
"""Characters of a value in a message."""


class NoYaml(ValueError):
    """What is piped in cannot be read."""


def main() -> int:
    """Check what is piped in, and return the exit code."""
    try:
        found = list(faults_of_all(read_documents()))
    except NoYaml as error:
        found = [str(error)]
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


def read_documents() -> list[Any]:
    """Return the documents of standard input that are not empty.

    Raises
    ------
    NoYaml
    """
    try:
        documents = list(yaml.safe_load_all(sys.stdin.buffer))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise NoYaml(f"this is no YAML: {place}{error.problem}") from error
    except yaml.reader.ReaderError as error:
        raise NoYaml(f"this is no YAML: {error.reason}") from error
    except RecursionError as error:
        raise NoYaml("this is no YAML: it is nested too deeply") from error
    except (ValueError, TypeError) as error:  # a 31st of February
        raise NoYaml(f"this is no YAML: {error}") from error
    return [document for document in documents if document is not None]


def faults_of_all(documents: list[Any]) -> Iterator[str]:
    """Yield what Kubernetes would refuse in several manifests."""
    if not documents:
        yield "there is no manifest"
    for document in documents:
        yield from faults(document)


def faults(document: Any) -> Iterator[str]:
    """Yield what Kubernetes would refuse in a manifest."""
    if not isinstance(document, dict):
        yield f"{shown(document)} is not a manifest"
        return
    metadata = document.get("metadata")
    named = metadata.get("name") if isinstance(metadata, dict) else None
    name = f"{shown(document.get('kind'))}/{named}"
    if missing := {"apiVersion", "kind"} - document.keys():
        yield f"{name}: without {', '.join(sorted(missing))}"
        return
    for field in ("apiVersion", "kind"):
        if not isinstance(document[field], str):
            yield f"{name}: {field}: {shown(document[field])} is not of type 'string'"
            return
    try:
        validate(document, latest_version(), strict=True)
    except SchemaNotFoundError as error:
        yield f"{name}: {error.message}"
    except VersionNotSupportedError:
        yield f"{name}: apiVersion: {document['apiVersion']!r} is not known"
    except ValidationError as error:
        place = ".".join(map(str, error.path))
        yield f"{name}: {place}: {error.message}"


def shown(value: Any) -> str:
    """Return a value as a message has it: short."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


if __name__ == "__main__":
    sys.exit(main())
