"""The InferenceService of deploy/kserve, and what a request through its route gets."""

import json
from typing import Any

import pytest
import yaml

from tests.servers import ROOT, running_server
from tests.test_engines_kubernetes import pod as pod_of_kubernetes
from tests.tools import run, tool

pytestmark = pytest.mark.engines

FOLDER = ROOT / "deploy" / "kserve"
TEXT = (FOLDER / "inferenceservice.yaml").read_text("utf-8")
PREDICTOR: dict[str, Any] = yaml.safe_load(TEXT)["spec"]["predictor"]


def check(text: str) -> tuple[int, str]:
    done = run(tool("python"), "-m", "deploy.kserve.check", given=text, check=False)
    return done.returncode, done.stderr


def test_kserve_takes_the_service() -> None:
    assert check(TEXT) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        (
            "kind: InferenceService\n",
            "kind: InferenceServant\n",
            "serving.kserve.io/v1beta1 InferenceServant is not "
            "serving.kserve.io/v1beta1 InferenceService",
        ),
        (
            "minReplicas:",
            "minReplica:",
            "spec.predictor.minReplica: V1beta1PredictorSpec has no such field",
        ),
        (
            "  predictor:",
            "  predict:",
            "spec.predict: V1beta1InferenceServiceSpec has no such field",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: ten",
            "spec.predictor.maxReplicas: 'ten' is not of type int",
        ),
        (
            "containers:",
            "containers: 5\n    volumes:",
            "spec.predictor.containers: 5 is not of type list[V1Container]",
        ),
        (
            "readinessProbe:",
            "readyProbe:",
            "Pod/pinion: spec.containers.0: Additional properties are not allowed "
            "('readyProbe' was unexpected)",
        ),
        (
            "runAsUser: 65532",
            "runAsUser: nobody",
            "Pod/pinion: spec.securityContext.runAsUser: 'nobody' is not of type "
            "'integer', 'null'",
        ),
    ],
)
def test_a_service_that_kserve_would_refuse_fails_the_check(
    right: str, wrong: str, fault: str
) -> None:
    assert right in TEXT

    assert check(TEXT.replace(right, wrong)) == (1, f"{fault}\n")


HEAD = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
KIND = "serving.kserve.io/v1beta1 InferenceService"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("a: *b", "this is no YAML: line 1, column 4: found undefined alias 'b'"),
        ("", "there are 0 documents, where one InferenceService is checked"),
        (
            f"{TEXT}\n---\n{TEXT}",
            "there are 2 documents, where one InferenceService is checked",
        ),
        ("5", f"5 is not {KIND}"),
        ("- a", f"['a'] is not {KIND}"),
        (HEAD, "metadata is missing"),
        (f"{HEAD}metadata: {{name: pinion}}", "spec is missing"),
        (
            f"{HEAD}metadata: {{name: pinion}}\nspec:",
            "spec: None is not of type V1beta1InferenceServiceSpec",
        ),
        (
            f"{HEAD}metadata: {{name: pinion}}\nspec: {{}}",
            "spec.predictor is missing",
        ),
        (
            f"{HEAD}metadata: 5\nspec: {{predictor: {{containers: [5]}}}}",
            "Pod/None: metadata: 5 is not of type 'object', 'null'",
        ),
    ],
)
def test_what_is_no_service_is_a_sentence(given: str, fault: str) -> None:
    assert check(given) == (1, f"{fault}\n")


def test_a_predictor_has_the_probes_and_rights_of_a_pod_on_kubernetes() -> None:
    (ours,), (theirs,) = PREDICTOR["containers"], pod_of_kubernetes()["containers"]
    named = json.dumps(theirs).replace('"port": "http"', '"port": 8080')
    same = (
        *("startupProbe", "readinessProbe", "livenessProbe"),
        *("resources", "securityContext"),
    )

    assert {name: ours[name] for name in same} == {
        name: json.loads(named)[name] for name in same
    }
    assert PREDICTOR["securityContext"] == pod_of_kubernetes()["securityContext"]
    assert PREDICTOR["enableServiceLinks"] is False


def test_the_call_of_the_guide_is_answered_by_the_server() -> None:
    guide = (FOLDER / "README.md").read_text("utf-8")
    lines = guide.partition("\nHOST=")[2].partition("```")[0].partition("\n")[2]
    with running_server() as served:
        address = served.url.removeprefix("http://")
        asked = {"INGRESS": address, "HOST": "pinion-default.example.com"}
        answer = run("bash", "-c", lines, environment=asked).stdout

    assert json.loads(answer) == {"prediction": 66.84103064100907}
