"""What runs the server elsewhere: files that are checked, and pages that name them."""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from deploy.aws import prices
from server.settings import SETTINGS
from tests.containers import (
    Container,
    alone,
    await_port,
    built_image,
    free_port,
    podman,
    why_no_image,
)
from tests.podman import LIMITS
from tests.servers import ROOT
from tests.tools import checkov, run, tool

DEPLOY = ROOT / "deploy"
PAGES = ROOT / "docs" / "elsewhere"
PLACES = (
    "azure",
    "beanstalk",
    "cloud-run",
    "compose",
    "ecs-express",
    "fly",
    "lightsail",
    "raspberry-pi",
    "render",
)
N_PAGE_LINES = 60
HEADINGS = ("To an address", "A new model", "What it says", "Get rid of it")

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
DRAIN_S = next(each.default for each in SETTINGS if each.name == "drain_seconds")
MAX_BODY_MIB = next(
    int(each.default) // 2**20 for each in SETTINGS if each.name == "max_body_bytes"
)
COMPOSE = DEPLOY / "compose" / "compose.yaml"
BEANSTALK = DEPLOY / "beanstalk" / "docker-compose.yml"
CADDYFILE = DEPLOY / "compose" / "Caddyfile"
UNIT = DEPLOY / "raspberry-pi" / "pinion.service"
MAX_EXPOSURE = 1.1
"""Of the unit, as `systemd-analyze security` adds it up: 0 is walled in, 10 is open."""

ROW = b'{"reading_score": 72}'
JSON = {"Content-Type": "application/json"}


def needs(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"not installed: {program}")


def read(path: Path) -> Any:
    """Return what a file of JSON, TOML or YAML says."""
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)


def page(place: str) -> str:
    return (PAGES / f"{place}.md").read_text("utf-8")


def of_place(name: str) -> Any:
    """Return what the only file of a place says, or the one that says the most."""
    file = {
        "azure": "web-app.json",
        "beanstalk": BEANSTALK.name,
        "cloud-run": "service.yaml",
        "compose": COMPOSE.name,
        "ecs-express": "service.json",
        "fly": "fly.toml",
        "lightsail": "public-endpoint.json",
        "render": "render.yaml",
    }[name]
    return read(DEPLOY / name / file)


def unit() -> dict[str, list[str]]:
    """Return each setting of the unit with its values, in their order."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def unit_environment() -> dict[str, str]:
    words = " ".join(unit()["Environment"]).split()
    return dict(word.split("=", 1) for word in words)


def megabytes(text: str) -> int:
    """Return 256 for 256m, 256mb, 256M, 256Mi."""
    found = re.fullmatch(r"(\d+)(m|mb|M|Mi)?", text)
    assert found is not None, text
    return int(found[1])


class Facts(NamedTuple):
    """What a place's file repeats of the server and of its image."""

    port: int
    health: str = ""
    memory_mb: int = 0
    user: str = ""
    stop_s: int = 0


def facts() -> dict[str, Facts]:
    """Return them for each place; what the place decides itself is left out."""
    lightsail = of_place("lightsail")
    ecs = of_place("ecs-express")
    azure = of_place("azure")["resources"][1]["properties"]["siteConfig"]
    (run_container,) = of_place("cloud-run")["spec"]["template"]["spec"]["containers"]
    (render,) = of_place("render")["services"]
    fly = of_place("fly")
    (check,) = fly["http_service"]["checks"]
    extensions = read(DEPLOY / "beanstalk" / ".ebextensions" / "pinion.config")
    beanstalk = of_place("beanstalk")["services"]["pinion"]
    compose = of_place("compose")["services"]["pinion"]
    service = unit()
    return {
        "azure": Facts(
            int(
                {each["name"]: each["value"] for each in azure["appSettings"]}[
                    "WEBSITES_PORT"
                ]
            ),
            azure["healthCheckPath"],
        ),
        "beanstalk": Facts(
            int(beanstalk["ports"][0].split(":")[1]),
            extensions["option_settings"]["aws:elasticbeanstalk:application"][
                "Application Healthcheck URL"
            ],
            megabytes(beanstalk["mem_limit"]),
            beanstalk["user"],
            int(beanstalk["stop_grace_period"].removesuffix("s")),
        ),
        "cloud-run": Facts(
            run_container["ports"][0]["containerPort"],
            run_container["startupProbe"]["httpGet"]["path"],
            megabytes(run_container["resources"]["limits"]["memory"]),
        ),
        "compose": Facts(
            int(re.findall(r"\{\$UPSTREAM:pinion:(\d+)\}", CADDYFILE.read_text())[0]),
            "",
            megabytes(compose["mem_limit"]),
            compose["user"],
            int(compose["stop_grace_period"].removesuffix("s")),
        ),
        "ecs-express": Facts(
            ecs["primaryContainer"]["containerPort"],
            ecs["healthCheckPath"],
            megabytes(ecs["memory"]),
        ),
        "fly": Facts(
            fly["http_service"]["internal_port"],
            check["path"],
            megabytes(fly["vm"][0]["memory"]),
            "",
            int(fly["kill_timeout"].removesuffix("s")),
        ),
        "lightsail": Facts(
            lightsail["containerPort"], lightsail["healthCheck"]["path"]
        ),
        "raspberry-pi": Facts(
            int(unit_environment()["PINION_PORT"]),
            "",
            megabytes(service["MemoryMax"][0]),
            "",
            int(service["TimeoutStopSec"][0]),
        ),
        "render": Facts(
            int(render["envVars"][0]["value"]),
            render["healthCheckPath"],
            0,
            "",
            render["maxShutdownDelaySeconds"],
        ),
    }


def test_every_place_has_a_page_and_files_that_the_page_and_the_guide_name() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    rows = re.findall(r"^\| \[[^]]+\]\(elsewhere/([\w-]+)\.md\)", guide, re.MULTILINE)

    assert sorted(path.stem for path in PAGES.iterdir()) == list(PLACES)
    assert sorted(rows) == list(PLACES)
    for place in PLACES:
        files = [path for path in (DEPLOY / place).rglob("*") if path.is_file()]
        assert files
        assert [path.name for path in files if path.name not in page(place)] == []


def test_every_page_is_one_page_that_answers_the_same_questions() -> None:
    for place in PLACES:
        text = page(place)
        head = text.partition("## ")[0]

        assert len(text.splitlines()) <= N_PAGE_LINES
        assert tuple(re.findall("^## (.*)$", text, re.MULTILINE)) == HEADINGS
        assert "\n| a month | https | first answer after |\n" in head
        assert not re.search(r"\$\d", text) or re.search(r"\b202[56]\b", head), place


def test_what_the_files_repeat_is_what_the_image_and_the_server_say() -> None:
    port = int(re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)[0])
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1]
    container = (ROOT / "docs" / "container.md").read_text("utf-8")
    enough_mb = int(re.findall(r"--memory=(\d+)m", container)[0])
    route = (DEPLOY / "image" / "healthcheck.py").read_text().split()
    found = facts()

    assert f"PINION_PORT={port} " in DOCKERFILE
    assert [each.default for each in SETTINGS if each.name == "port"] == [port]
    assert {name: each.port for name, each in found.items()} == dict.fromkeys(
        PLACES, port
    )
    assert {each.health for each in found.values()} == {
        "",
        route[route.index('b"GET') + 1],
    }
    assert {each.user for each in found.values()} == {"", user}
    assert {name: each.memory_mb for name, each in found.items() if each.memory_mb} == {
        "beanstalk": 256,
        "cloud-run": 256,
        "compose": 256,
        "ecs-express": 512,
        "fly": 256,
        "raspberry-pi": 256,
    }
    assert enough_mb == 128
    assert [each for each in found.values() if 0 < each.stop_s <= int(DRAIN_S)] == []


def test_who_has_no_health_route_has_another_eye_on_it() -> None:
    """compose has the image's HEALTHCHECK; systemd the end of the process."""
    without = [name for name, each in facts().items() if not each.health]

    assert without == ["compose", "raspberry-pi"]
    assert "HEALTHCHECK" in DOCKERFILE
    assert unit()["Restart"] == ["on-failure"]


def test_both_compose_files_run_the_server_alike() -> None:
    ours, theirs = (read(path)["services"]["pinion"] for path in (COMPOSE, BEANSTALK))
    assert theirs.pop("ports") == ["80:8080"]
    assert (ours.pop("build"), theirs.pop("build")) == ("../..", ".")

    assert ours == theirs
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]


def test_the_proxy_takes_what_the_server_takes_and_is_that_of_our_machine() -> None:
    text = CADDYFILE.read_text("utf-8")
    machine = (DEPLOY / "aws" / "machine.yaml").read_text("utf-8")
    (image,) = re.findall(r"Default: \S+/(caddy:\S+)", machine)

    assert read(COMPOSE)["services"]["caddy"]["image"] == image

    assert (
        re.findall(r"(?:max_size|request_buffers) (\S+)", text)
        == [f"{MAX_BODY_MIB}MiB"] * 2
    )


def test_lightsail_sends_the_world_to_the_port_that_the_container_opens() -> None:
    endpoint = of_place("lightsail")
    port = str(endpoint["containerPort"])

    assert read(DEPLOY / "lightsail" / "containers.json") == {
        endpoint["containerName"]: {
            "image": ":pinion.pinion.1",  # as the first push names it
            "ports": {port: "HTTP"},
        }
    }


def test_render_is_told_nothing_that_it_does_not_know() -> None:
    """The fields are those of Render's Blueprint reference, August 2026."""
    blueprint = of_place("render")
    (service,) = blueprint["services"]

    assert set(blueprint) == {"services"}
    assert service == {
        "type": "web",
        "name": "pinion",
        "runtime": "docker",
        "plan": "free",
        "dockerfilePath": "./Dockerfile",
        "dockerContext": ".",
        "healthCheckPath": "/readyz",
        "maxShutdownDelaySeconds": 30,
        "envVars": [{"key": "PORT", "value": "8080"}],
    }
    assert (ROOT / service["dockerfilePath"]).samefile(ROOT / "Dockerfile")


def test_fly_is_told_nothing_that_it_does_not_know() -> None:
    """The fields are those of Fly's reference and of SchemaStore, August 2026."""
    known: dict[str, set[str]] = {
        "": {
            *("app", "primary_region", "kill_signal", "kill_timeout", "build"),
            *("deploy", "http_service", "vm"),
        },
        "build": {"dockerfile"},
        "deploy": {"strategy"},
        "http_service": {
            *("internal_port", "force_https", "auto_start_machines", "checks"),
            *("auto_stop_machines", "min_machines_running", "concurrency"),
        },
        "http_service.concurrency": {"type", "soft_limit", "hard_limit"},
        "http_service.checks": {
            "method",
            "path",
            "grace_period",
            "interval",
            "timeout",
        },
        "vm": {"size", "memory"},
    }
    told = of_place("fly")

    assert fields(told) == known
    assert told["deploy"]["strategy"] in ("rolling", "immediate", "canary", "bluegreen")
    assert told["http_service"]["auto_stop_machines"] in ("off", "stop", "suspend")
    # as flyctl looks for it: from the file's own folder
    dockerfile = DEPLOY / "fly" / told["build"]["dockerfile"]
    assert dockerfile.samefile(ROOT / "Dockerfile")


def fields(table: dict[str, Any], name: str = "") -> dict[str, set[str]]:
    """Return the names in each table of a file, those of a list's tables together."""
    found = {name: set(table)}
    for key, value in table.items():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                for path, names in fields(inner, f"{name}.{key}".strip(".")).items():
                    found.setdefault(path, set()).update(names)
    return found


def test_azure_makes_a_plan_an_app_and_the_right_to_pull() -> None:
    template = of_place("azure")
    plan, app, right = template["resources"]
    named = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(template)))

    assert [each["type"] for each in (plan, app, right)] == [
        "Microsoft.Web/serverfarms",
        "Microsoft.Web/sites",
        "Microsoft.Authorization/roleAssignments",
    ]
    assert (plan["sku"], plan["properties"]) == ({"name": "B1"}, {"reserved": True})
    assert named == set(template["parameters"])
    assert app["properties"]["siteConfig"]["acrUseManagedIdentityCreds"] is True
    assert "password" not in json.dumps(template).lower()


def test_the_sums_on_the_pages_of_aws_are_those_of_their_lines() -> None:
    hours = prices.HOURS_A_MONTH
    machine, address, disk, _ = (
        f"{cost.dollars:.2f}" for cost in prices.monthly("t3.micro", hours, True)
    )
    balancer = f"{0.0225 * hours:.2f}"
    task = f"{(0.25 * 0.04048 + 0.5 * 0.004445) * hours:.2f}"
    addresses = f"{3 * prices.IPV4_DOLLARS_AN_HOUR * hours:.2f}"
    both = f"{(0.0225 + 2 * prices.IPV4_DOLLARS_AN_HOUR) * hours:.2f}"
    one = total(machine, address, disk)
    all_of_ecs = total(balancer, addresses, task)

    assert lines_of_costs("beanstalk") == [
        *(machine, address, disk, one, both, total(one, both)),
    ]
    assert lines_of_costs("ecs-express") == [balancer, addresses, task, all_of_ecs]
    assert f"| ${one} on one machine; ${total(one, both)} with" in page("beanstalk")
    assert f"| ${all_of_ecs}, see below |" in page("ecs-express")


def total(*dollars: str) -> str:
    return f"{sum(map(float, dollars)):.2f}"


def lines_of_costs(place: str) -> list[str]:
    return re.findall(r"^\|.*\| \$([\d.]+) \|$", page(place), re.MULTILINE)


def test_the_cap_of_cloud_run_is_what_its_instances_cost() -> None:
    service = of_place("cloud-run")["spec"]["template"]
    cap = service["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"]
    gib = facts()["cloud-run"].memory_mb / 1024
    text = page("cloud-run")

    an_hour = int(cap) * 3600 * (0.000024 + gib * 0.0000025)

    assert f'`maxScale: "{cap}"` is the cap' in text
    assert f"never rest cost ${an_hour:.2f} an hour" in text
    assert "$0.000024 a second of a core and $0.0000025 a GiB-second" in text


def test_the_line_of_the_unit_starts_the_server(tmp_path: Path) -> None:
    """By hand, in a folder that stands in for /opt/pinion, at a free port."""
    (folder,) = unit()["WorkingDirectory"]
    for name in ("server", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    port = free_port()
    environment = {
        name: value.replace(folder, str(tmp_path))
        for name, value in unit_environment().items()
    }
    (line,) = unit()["ExecStart"]

    with subprocess.Popen(
        shlex.split(line.replace(folder, str(tmp_path))),
        cwd=tmp_path,
        env=environment | {"PINION_PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
        server.terminate()

    assert said == f"serving student_performance on http://0.0.0.0:{port}\n"
    assert answer.status_code == 200
    assert server.returncode == 0


@needs("systemd-analyze")
@pytest.mark.external
def test_systemd_finds_nothing_in_the_unit_and_little_that_it_may(
    tmp_path: Path,
) -> None:
    copy = tmp_path / UNIT.name
    (line,) = unit()["ExecStart"]
    text = UNIT.read_text("utf-8").replace(line.split()[0], sys.executable)
    copy.write_text(text)

    verified = run("systemd-analyze", "verify", copy)
    rated = run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT),
        f"--threshold={MAX_EXPOSURE * 10:.0f}",
    )

    assert (verified.stdout, verified.stderr) == ("", "")
    assert f"Overall exposure level for {UNIT.name}: {MAX_EXPOSURE} OK" in rated.stdout
    assert f"rates it at\n{MAX_EXPOSURE} (" in page("raspberry-pi")


@needs("strace")
@needs("systemd-analyze")
@pytest.mark.external
def test_the_server_asks_the_kernel_for_nothing_that_the_unit_refuses(
    tmp_path: Path,
) -> None:
    allowed, refused = unit()["SystemCallFilter"]
    port = free_port()
    trace = tmp_path / "trace"
    program = subprocess.Popen(
        ["strace", "-f", "-o", trace, sys.executable, "-m", "server"],
        cwd=ROOT,
        env=os.environ | {"PINION_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(port, Container("", ""))
        url = f"http://127.0.0.1:{port}/predict"
        answer = httpx.post(url, content=ROW, headers=JSON, timeout=60)
    finally:
        traced = int(trace.read_text().split()[0])
        os.kill(traced, signal.SIGTERM)  # strace ends with it
        program.wait(timeout=60)
    text = trace.read_text()
    called = set(re.findall(r"^\d+ (?:\[[^]]*\] )?(\w+)\(", text, re.MULTILINE))
    sets = [system_calls(name) for name in refused.removeprefix("~").split()]

    assert answer.status_code == 200
    assert called - system_calls(allowed) == set()
    assert called & set().union(*sets) == set()
    assert re.findall(r"PROT_WRITE\|PROT_EXEC", text) == []


def system_calls(name: str) -> set[str]:
    """Return the calls of one of systemd's sets, with those of the sets in it."""
    listed = run("systemd-analyze", "syscall-filter", "--no-pager", name).stdout
    names = [line.strip() for line in listed.splitlines()[1:] if line.strip()]
    inner = (system_calls(each) for each in names if each.startswith("@"))
    calls = {each for each in names if not each.startswith(("@", "#"))}
    return calls.union(*inner)


@pytest.mark.external
def test_the_compose_files_are_those_of_the_specification() -> None:
    run(
        tool("check-jsonschema"),
        *("--builtin-schema", "vendor.compose-spec", COMPOSE, BEANSTALK),
    )


@pytest.mark.external
def test_cloud_run_gets_a_pod_of_kubernetes_and_two_fields_of_knative(
    tmp_path: Path,
) -> None:
    service = of_place("cloud-run")
    spec = service["spec"]["template"]["spec"]
    knative = {
        name: spec.pop(name) for name in ("containerConcurrency", "timeoutSeconds")
    }
    spec["containers"][0]["name"] = "pinion"  # Knative gives it one
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod))

    run(tool("kubernetes-validate"), "--strict", path)

    assert knative == {"containerConcurrency": 80, "timeoutSeconds": 60}
    assert fields({**service, "spec": {"template": {"metadata": {}}}}) == {
        "": {"apiVersion", "kind", "metadata", "spec"},
        "metadata": {"name"},
        "spec": {"template"},
        "spec.template": {"metadata"},
        "spec.template.metadata": set(),
    }
    assert (service["apiVersion"], service["kind"]) == (
        "serving.knative.dev/v1",
        "Service",
    )
    assert set(service["spec"]["template"]["metadata"]["annotations"]) == {
        "autoscaling.knative.dev/maxScale",
        "run.googleapis.com/execution-environment",
        "run.googleapis.com/startup-cpu-boost",
    }


@pytest.mark.external
@pytest.mark.slow
def test_checkov_finds_in_azures_file_only_what_costs_more() -> None:
    skipped = {
        "CKV_AZURE_17": "everybody may ask, who has no certificate",
        "CKV_AZURE_212": "two instances cost twice as much",
        "CKV_AZURE_222": "it is to be reached from everywhere",
        "CKV_AZURE_225": "several zones are for plans that start at ten times the price",
    }
    checked = checkov(
        *("--framework", "arm"),
        *("--skip-check", ",".join(skipped)),
        *("--file", DEPLOY / "azure" / "web-app.json"),
    )

    assert "Passed checks: 15, Failed checks: 0" in checked


ASK_AWS = """
import json, os, sys
from types import SimpleNamespace
from awscli.clidriver import create_clidriver
asked = []
def answer(model, **_):
    asked.append(f"{model.service_model.service_name} {model.name}")
    return SimpleNamespace(status_code=200), {}
driver = create_clidriver()
driver.session.register("before-call", answer)
for words in json.load(sys.stdin):
    code = driver.main([*words, "--output", "json"])
    assert code == 0, words
print(json.dumps(asked), file=sys.stderr)
"""
"""Lets AWS's own command line read each line, and keeps what it would have asked."""


def shell_lines(place: str) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", page(place), re.DOTALL)
    lines = chain.from_iterable(block.splitlines() for block in blocks)
    return [shlex.split(line) for line in lines]


@pytest.mark.external
def test_the_lines_for_aws_are_understood_by_its_own_command_line() -> None:
    lines = [
        words[1:]
        for place in PLACES
        for words in shell_lines(place)
        if words[0] == "aws" and "push-container-image" not in words  # a plugin's
    ]
    done = subprocess.run(
        [tool("python"), "-c", ASK_AWS],
        input=json.dumps(lines),
        cwd=ROOT,
        env=os.environ
        | {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": "/dev/null",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == [
        "iam CreateRole",
        "iam AttachRolePolicy",
        "iam CreateRole",
        "iam AttachRolePolicy",
        "ecs CreateExpressGatewayService",
        "ecs DescribeExpressGatewayService",
        "ecs UpdateExpressGatewayService",
        "ecs DeleteExpressGatewayService",
        "ecr DeleteRepository",
        "lightsail CreateContainerService",
        "lightsail CreateContainerServiceDeployment",
        "lightsail GetContainerServices",
        "lightsail GetContainerLog",
        "lightsail DeleteContainerService",
    ]


@needs("zip")
@pytest.mark.external
def test_the_bundle_of_beanstalk_has_what_the_image_is_built_from(
    tmp_path: Path,
) -> None:
    lines = [
        line
        for line in page("beanstalk").splitlines()
        if line.startswith(("mkdir", "git archive", "(cd"))
    ]
    checkout = tmp_path / "checkout"
    run("git", "clone", "--quiet", "--shared", ROOT, checkout)
    # what is not committed yet is a part of it
    for name in ("Dockerfile", "deploy", "server"):
        run("cp", "-r", ROOT / name, checkout)

    run("bash", "-euc", f"cd {checkout}\n" + "\n".join(lines))
    with zipfile.ZipFile(checkout / "build" / "beanstalk.zip") as bundle:
        names = [name for name in bundle.namelist() if not name.endswith("/")]
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)

    assert {"docker-compose.yml", ".ebextensions/pinion.config", "Dockerfile"} <= set(
        names
    )
    for source in chain.from_iterable(line.split() for line in copied):
        pattern = re.escape(source).replace(r"\*", r"[^/]*") + "(/|$)"
        assert any(re.match(pattern, name) for name in names), source
    assert {name.split("/")[0] for name in names} == {
        *(".dockerignore", ".ebextensions", "Dockerfile", "LICENSE", "deploy"),
        *("docker-compose.yml", "models", "requirements-inference.txt", "server"),
    }


@contextmanager
def serving(port: int) -> Iterator[None]:
    """Run the server at a port until the block ends."""
    program = subprocess.Popen(
        [sys.executable, "-m", "server"],
        cwd=ROOT,
        env=os.environ | {"PINION_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        program.terminate()
        program.wait(timeout=60)


def ask_until(stop: threading.Event, port: int, answers: list[int]) -> None:
    with closing(http.client.HTTPConnection("localhost", port, timeout=60)) as asking:
        while not stop.is_set():
            asking.request("POST", "/predict", ROW, JSON)
            answer = asking.getresponse()
            answer.read()
            answers.append(answer.status)


@pytest.mark.external
@pytest.mark.slow
def test_no_request_is_lost_while_the_server_behind_caddy_is_replaced(
    tmp_path: Path,
) -> None:
    port, site = free_port(), free_port()
    answers: list[int] = []
    stop = threading.Event()
    asking = [
        threading.Thread(target=ask_until, args=(stop, site, answers)) for _ in range(8)
    ]
    run(tool("caddy"), "fmt", "--diff", CADDYFILE)
    caddy = subprocess.Popen(
        [tool("caddy"), "run", "--config", CADDYFILE],
        env={
            "SITE": f"http://localhost:{site}",
            "UPSTREAM": f"127.0.0.1:{port}",
            "HOME": str(tmp_path),
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(site, Container("", ""))
        for number in range(4):
            with serving(port):
                if number == 0:
                    for thread in asking:
                        thread.start()
                time.sleep(1.5)
        with serving(port):
            stop.set()
            for thread in asking:
                thread.join(timeout=60)
    finally:
        stop.set()
        caddy.terminate()
        caddy.wait(timeout=60)

    assert Counter(answers) == {200: len(answers)}
    assert len(answers) > 100


def as_options(service: dict[str, Any], **environment: str) -> list[str]:
    """Return what docker compose says to the engine, for podman on this network.

    Raises KeyError for what no option is known of, so that nothing is left out.
    """
    ignored = {"build", "image", "restart", "logging", "ports", "volumes"}
    options = {
        "user": "--user={}",
        "read_only": "--read-only={}",
        "cap_drop": "--cap-drop={}",
        "cap_add": "--cap-add={}",
        "security_opt": "--security-opt={}",
        "mem_limit": "--memory={}",
        "pids_limit": "--pids-limit={}",
        "stop_grace_period": "--stop-timeout={}",
        "environment": "",
    }
    said = [f"--env={name}={value}" for name, value in environment.items()]
    for name in service.keys() - ignored:
        values = service[name] if isinstance(service[name], list) else [service[name]]
        option = options[name]
        for value in values if option else ():
            # docker's word for it has a colon
            text = str(value).removesuffix(":true")
            text = text.removesuffix("s") if name == "stop_grace_period" else text
            said.append(option.format(text))
    return said


def caddy_image() -> str:
    """Return an image that stands in for Docker Hub's, with the same Caddy alone."""
    name = "localhost/pinion-test/caddy"
    folder = ROOT / "build" / "caddy"
    folder.mkdir(parents=True, exist_ok=True)
    with alone("caddy"):
        shutil.copy(tool("caddy"), folder / "caddy")
        (folder / "Dockerfile").write_text(
            "FROM scratch\n"
            "COPY caddy /usr/bin/caddy\n"
            "ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data\n"
            'CMD ["/usr/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile", '
            '"--adapter", "caddyfile"]\n'
        )
        podman("build", "--quiet", "--format=docker", f"--tag={name}", str(folder))
    return name


@pytest.mark.image
@pytest.mark.external
@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_image()), reason=why_no_image())
def test_the_containers_of_compose_serve_a_page_behind_caddy(tmp_path: Path) -> None:
    """With podman and Caddy's own binary: no registry is asked, no TLS is spoken."""
    services = read(COMPOSE)["services"]
    port, site = free_port(), free_port()
    volumes = [
        f"--volume={CADDYFILE}:/etc/caddy/Caddyfile:ro",
        *(f"--tmpfs=/{name}" for name in ("data", "config")),
    ]
    server, caddy = (f"pinion-test-compose-{number}" for number in (port, site))
    runs = {
        server: (
            as_options(services["pinion"], PINION_PORT=str(port)),
            built_image(),
            port,
        ),
        caddy: (
            [
                *as_options(
                    services["caddy"],
                    SITE=f"http://localhost:{site}",
                    UPSTREAM=f"127.0.0.1:{port}",
                ),
                *volumes,
            ],
            caddy_image(),
            site,
        ),
    }
    try:
        for name, (options, image, listens) in runs.items():
            podman(
                *("run", "--detach", "--network=host", f"--name={name}", *LIMITS),
                *options,
                image,
            )
            await_port(listens, Container(name, ""))
        url = f"http://localhost:{site}"
        shown = httpx.get(url, headers={"accept": "text/html"}, timeout=60)
        answer = httpx.post(f"{url}/predict", content=ROW, headers=JSON, timeout=60)
        stopped = Container(server, "").stop(30)
    finally:
        for name in runs:
            podman("rm", "--force", "--time=0", name, check=False)

    assert (shown.status_code, shown.headers["via"]) == (200, "1.1 Caddy")
    assert answer.json() == {"prediction": pytest.approx(63.22029096820949)}
    assert stopped == 0


@pytest.mark.external
@pytest.mark.slow
def test_a_pi_is_set_up_by_the_lines_that_set_it_up(tmp_path: Path) -> None:
    """As they are, but for sudo, the folder, and what tells systemd."""
    (folder,) = unit()["WorkingDirectory"]
    lines = [
        line.replace("sudo ", "").replace(folder, str(tmp_path))
        for line in "\n".join(
            re.findall(r"```sh\n(.*?)```", page("raspberry-pi"), re.DOTALL)
        ).splitlines()
        if folder in line and "rm -r" not in line
    ]
    run("bash", "-euo", "pipefail", "-c", "\n".join(lines))
    port = free_port()
    (line,) = unit()["ExecStart"]

    with subprocess.Popen(
        shlex.split(line.replace(folder, str(tmp_path))),
        cwd=tmp_path,
        env={"PINION_PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        server.terminate()

    assert len(lines) == 5
    assert said == f"serving student_performance on http://127.0.0.1:{port}\n"
    assert list((tmp_path / "server" / "__pycache__").glob("app.*.pyc")) != []
