"""The chart, rendered by the real helm: what its two test files share."""

import copy
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import tools
import yaml

CHART = Path(__file__).parents[1] / "helm"
CASES = sorted(path.name for path in (CHART / "ci").glob("*-values.yaml"))
POD_CASES = [name for name in CASES if name != "library-values.yaml"]
BEARER = "bearer-values.yaml"
KUBERNETES = ("1.29", "1.33", "1.37")


def run_helm(major: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [tools.require(major), *arguments]
    return subprocess.run(command, cwd=CHART, capture_output=True, text=True, check=False)


def template(case: str, *sets: str, major: str = "helm") -> subprocess.CompletedProcess[str]:
    flags = [flag for one in sets for flag in ("--set", one)]
    return run_helm(major, "template", "demo", ".", "-f", f"ci/{case}", *flags)


@cache
def _rendered(case: str, sets: tuple[str, ...], major: str) -> list[dict[str, Any]]:
    done = template(case, *sets, major=major)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def render(case: str, *sets: str, major: str = "helm") -> list[dict[str, Any]]:
    return copy.deepcopy(_rendered(case, sets, major))


def the(kind: str, documents: list[dict[str, Any]], suffix: str = "") -> dict[str, Any]:
    [one] = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].endswith(suffix)]
    return one


def pod_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = the("Deployment", documents)["spec"]["template"]["spec"]
    return spec


def containers_of(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    every = pod.get("initContainers", []) + pod["containers"]
    return {container["name"]: container for container in every}


def mounted_in(pod: dict[str, Any], volume: str) -> set[str]:
    return {
        name
        for name, container in containers_of(pod).items()
        if volume in {mount["name"] for mount in container.get("volumeMounts", [])}
    }


def settings_in(documents: list[dict[str, Any]]) -> dict[str, Any]:
    text = the("ConfigMap", documents, "-settings")["data"]["settings.yaml"]
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
