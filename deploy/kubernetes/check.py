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


def main() -> int:
    """Check what is piped in, and return the exit code."""
    documents = [each for each in yaml.safe_load_all(sys.stdin) if each]
    if not documents:
        print("there is no manifest", file=sys.stderr)
        return 1
    found = [fault for document in documents for fault in faults(document)]
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


def faults(document: dict[str, Any]) -> Iterator[str]:
    """Yield what Kubernetes would refuse in a manifest."""
    name = f"{document.get('kind')}/{document.get('metadata', {}).get('name')}"
    if missing := {"apiVersion", "kind"} - document.keys():
        yield f"{name}: without {', '.join(sorted(missing))}"
        return
    try:
        validate(document, latest_version(), strict=True)
    except SchemaNotFoundError as error:
        yield f"{name}: {error.message}"
    except ValidationError as error:
        place = ".".join(map(str, error.path))
        yield f"{name}: {place}: {error.message}"


if __name__ == "__main__":
    sys.exit(main())
