"""The manifests of deploy/kubernetes, as kubectl puts them together."""

import base64
import shutil
from functools import cache
from typing import Any

import pytest
import yaml

from tests.servers import ROOT, running_server
from tests.tools import run, tool

pytestmark = pytest.mark.engines

FOLDER = ROOT / "deploy" / "kubernetes"
LABELS = {"app.kubernetes.io/name": "pinion"}


@cache
def text() -> str:
    return run(tool("kubectl"), "kustomize", FOLDER).stdout


def manifests() -> dict[str, Any]:
    """Return each by its kind, which no two share."""
    documents = list(yaml.safe_load_all(text()))
    by_kind = {document["kind"]: document for document in documents}
    assert len(by_kind) == len(documents)
    return by_kind


def check(text: str) -> tuple[int, str]:
    done = run(tool("python"), "-m", "deploy.kubernetes.check", given=text, check=False)
    return done.returncode, done.stderr


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return found


def test_kubernetes_takes_what_is_put_together() -> None:
    assert check(text()) == (0, "")
    assert sorted(manifests()) == [
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        (
            "kind: Service\n",
            "kind: Servant\n",
            "Servant/pinion: Couldn't find schema for kind Servant with api version "
            "v1 for kubernetes version 1.37",
        ),
        (
            "autoscaling/v2",
            "autoscaling/v3",
            "HorizontalPodAutoscaler/pinion: Couldn't find schema for kind "
            "HorizontalPodAutoscaler with api version autoscaling/v3 for kubernetes "
            "version 1.37",
        ),
        (
            "runAsNonRoot:",
            "runAsNotRoot:",
            "Deployment/pinion: spec.template.spec.securityContext: Additional "
            "properties are not allowed ('runAsNotRoot' was unexpected)",
        ),
        (
            "maxSkew: 1",
            "maxSkew: one",
            "Deployment/pinion: spec.template.spec.topologySpreadConstraints.0.maxSkew: "
            "'one' is not of type 'integer'",
        ),
        ("apiVersion: v1\n", "", "Service/pinion: without apiVersion"),
    ],
)
def test_a_manifest_that_kubernetes_would_refuse_fails_the_check(
    right: str, wrong: str, fault: str
) -> None:
    assert right in text()

    assert check(text().replace(right, wrong)) == (1, f"{fault}\n")


def test_without_a_manifest_the_check_fails() -> None:
    assert check("---\n") == (1, "there is no manifest\n")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            "a: [b",
            "this is no YAML: line 1, column 6: expected ',' or ']', but got "
            "'<stream end>'",
        ),
        ("a: *b", "this is no YAML: line 1, column 4: found undefined alias 'b'"),
        ("\x01", "this is no YAML: special characters are not allowed"),
        ("2026-02-31", "this is no YAML: day is out of range for month"),
        ("[" * 3000, "this is no YAML: it is nested too deeply"),
        ("5", "5 is not a manifest"),
        ("false", "False is not a manifest"),
        ("- a\n- b", "['a', 'b'] is not a manifest"),
        (
            "a: 1\n---\n- b",
            "None/None: without apiVersion, kind\n['b'] is not a manifest",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: 5}",
            "Pod/None: metadata: 5 is not of type 'object', 'null'",
        ),
        (
            "{apiVersion: {a: 1}, kind: Pod}",
            "Pod/None: apiVersion: {'a': 1} is not of type 'string'",
        ),
        (
            "{apiVersion: ../../../etc, kind: Pod}",
            "Pod/None: apiVersion: '../../../etc' is not known",
        ),
        (
            "{apiVersion: v1, kind: null}",
            "None/None: kind: None is not of type 'string'",
        ),
    ],
)
def test_what_is_no_manifest_is_a_sentence(given: str, fault: str) -> None:
    assert check(given) == (1, f"{fault}\n")


def test_the_server_answers_at_what_is_probed() -> None:
    (container,) = pod()["containers"]
    probes = [
        container[f"{name}Probe"]["httpGet"]
        for name in ("startup", "readiness", "liveness")
    ]
    with running_server() as served:
        answers = [
            run("curl", "--silent", "--fail", f"{served.url}{probe['path']}").stdout
            for probe in probes
        ]

    assert [probe["path"] for probe in probes] == ["/readyz", "/readyz", "/livez"]
    assert answers == ["ok\n"] * 3
    assert {probe["port"] for probe in probes} == {"http"}
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]


def test_the_pod_has_no_rights_and_writes_nothing() -> None:
    (container,) = pod()["containers"]

    assert pod()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    assert container["resources"]["limits"] == {"memory": "128Mi"}


def test_a_link_of_the_service_would_be_a_setting_and_there_is_none() -> None:
    service = manifests()["Service"]["metadata"]["name"]
    link = {f"{service.upper()}_PORT": "tcp://10.0.0.1:80"}
    refused = run(
        ROOT / ".venv/bin/python", "-m", "server", environment=link, check=False
    )

    assert refused.returncode == 2
    assert "PINION_PORT" in refused.stderr
    assert pod()["enableServiceLinks"] is False


def test_every_manifest_chooses_the_pods_by_their_labels() -> None:
    found = manifests()
    chosen = [
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["Deployment"]["spec"]["template"]["metadata"]["labels"],
        pod()["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    scaled = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]

    assert chosen == [LABELS] * 6
    assert scaled == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pinion"}
    assert "replicas" not in found["Deployment"]["spec"]


def test_the_overlay_of_the_guide_has_another_image_and_a_model() -> None:
    guide = (FOLDER / "README.md").read_text("utf-8")
    folder = ROOT / "build" / "overlay"
    folder.mkdir(parents=True, exist_ok=True)
    overlay = guide.partition("```yaml\n")[2].partition("```")[0]
    (folder / "kustomization.yaml").write_text(overlay, "utf-8")
    model = next((ROOT / "models").glob("*.onnx"))
    shutil.copyfile(model, folder / "model.onnx")

    together = run(tool("kubectl"), "kustomize", folder).stdout
    by_kind = {each["kind"]: each for each in yaml.safe_load_all(together)}
    spec = by_kind["Deployment"]["spec"]["template"]["spec"]
    models = by_kind["ConfigMap"]["metadata"]["name"]

    assert check(together) == (0, "")
    assert spec["containers"][0]["image"] == (
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/pinion:2"
    )
    assert spec["volumes"] == [{"name": "models", "configMap": {"name": models}}]
    (content,) = by_kind["ConfigMap"]["binaryData"].values()
    assert base64.b64decode(content) == model.read_bytes()
