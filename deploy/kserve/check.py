"""Checks an InferenceService, from standard input, and says what is wrong with it.

KServe's fields are those of the classes in its own package; what a predictor takes over
from a pod is checked as a pod's.
"""

import importlib
import sys
import types
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from kubernetes_validate.utils import latest_version, schema_contents

from deploy.kubernetes.check import NoYaml, read_documents, shown
from deploy.kubernetes.check import faults as faults_of_kubernetes

KIND = "serving.kserve.io/v1beta1 InferenceService"
NEEDED = ("metadata", "spec.predictor")
PLAIN = {"str": str, "int": int, "bool": bool, "float": float}


def main() -> int:
    """Check what is piped in, and return the exit code."""
    try:
        found = list(_faults_of_all(read_documents()))
    except NoYaml as error:
        found = [str(error)]
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


def _faults_of_all(documents: list[Any]) -> Iterator[str]:
    if len(documents) == 1:
        yield from faults(documents[0])
    else:
        yield f"there are {len(documents)} documents, where one InferenceService is checked"


def faults(document: Any) -> Iterator[str]:
    """Yield what KServe or Kubernetes would refuse in an InferenceService."""
    if not isinstance(document, dict):
        yield f"{shown(document)} is not {KIND}"
        return
    kind = f"{document.get('apiVersion')} {document.get('kind')}"
    if kind != KIND:
        yield f"{kind} is not {KIND}"
        return
    found = [*_faults_of_fields(_models(), document, "V1beta1InferenceService", "")]
    yield from found
    if found:
        return
    for place in NEEDED:
        if (lacking := _lacking(document, place)) is not None:
            yield f"{lacking} is missing"
            return
    predictor = document["spec"]["predictor"]
    fields = {name: predictor[name] for name in _pod_fields() & predictor.keys()}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": document["metadata"]}
    yield from faults_of_kubernetes(pod | {"spec": fields})


def _lacking(document: Mapping[str, Any], place: str) -> str | None:
    """Return how far down a place there is nothing, or None if all of it is there."""
    value: Any = document
    names = place.split(".")
    for depth, name in enumerate(names, start=1):
        if not isinstance(value, dict) or value.get(name) is None:
            return ".".join(names[:depth])
        value = value[name]
    return None


def _faults_of_fields(
    models: types.ModuleType, found: Mapping[str, Any], kind: str, place: str
) -> Iterator[str]:
    model = getattr(models, kind)
    kinds = {
        model.attribute_map[name]: is_a for name, is_a in model.openapi_types.items()
    }
    for name, value in found.items():
        where = f"{place}.{name}".removeprefix(".")
        if name not in kinds:
            yield f"{where}: {kind} has no such field"
        else:
            yield from _faults_of_value(models, value, kinds[name], where)


def _faults_of_value(
    models: types.ModuleType, value: Any, kind: str, place: str
) -> Iterator[str]:
    """Check a value of KServe's; one of Kubernetes' own is checked as a pod's."""
    if kind in PLAIN:
        if type(value) is not PLAIN[kind]:
            yield f"{place}: {value!r} is not of type {kind}"
    elif hasattr(models, kind):
        if isinstance(value, dict):
            yield from _faults_of_fields(models, value, kind, place)
        else:
            yield f"{place}: {value!r} is not of type {kind}"
    elif kind.startswith("list["):
        if not isinstance(value, list):
            yield f"{place}: {value!r} is not of type {kind}"
            return
        for position, each in enumerate(value):
            inner = kind.removeprefix("list[").removesuffix("]")
            yield from _faults_of_value(models, each, inner, f"{place}.{position}")


def _models() -> types.ModuleType:
    """Import KServe's classes without its `__init__`, which needs 60 packages more."""
    found = find_spec("kserve")
    assert found is not None  # noqa: S101 - `make deploy-tools` installs it
    package = types.ModuleType("kserve")
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules["kserve"] = package
    return importlib.import_module("kserve.models")


def _pod_fields() -> set[str]:
    version = latest_version()
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    definitions = schema_contents(f"{folder}/_definitions.json", version)
    return set(definitions["$defs"]["io.k8s.api.core.v1.PodSpec"]["properties"])


if __name__ == "__main__":
    sys.exit(main())
