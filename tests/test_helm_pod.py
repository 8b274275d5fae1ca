"""What the rendered pod promises: order, isolation, restriction, and settings that load."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from chart import (
    BEARER,
    CASES,
    CHART,
    KUBERNETES,
    POD_CASES,
    containers_of,
    mounted_in,
    pod_of,
    render,
    run_helm,
    settings_in,
    the,
)

from sidecar import identity, settings

pytestmark = pytest.mark.sockets

MOUNTED = {
    "backend/url": "https://mcp.example.com/mcp/secret",
    "backend/token": "fixture",
    "endpoints/key": "k" * 43,
    "endpoints/token": "t" * 43,
    "denied/denied.yaml": "jti: []\n",
    "pod/uid": "0b5f1e0c-6c5f-4a53-9d0b-0f1f9d1c2a3b",
    "signing/key": "fixture",
    "pseudonyms/k1": "1" * 43,
    "pseudonyms/k2": "2" * 43,
    "telemetry/headers": "x-key: fixture\n",
    "telemetry/ca.pem": "fixture",
    "ship/headers": "x-key: fixture\n",
    "ship/ca.pem": "fixture",
}
"""What Secrets, ConfigMaps and the downward API put into the pod, as far as settings look."""

PARENT = """\
apiVersion: v2
name: team
version: 1.0.0
dependencies:
  - name: gladly-mcp-sidecar
    version: ">=0.1.0"
"""
PARENT_POD = """\
{{- $sidecar := index .Subcharts "gladly-mcp-sidecar" }}
apiVersion: v1
kind: Pod
metadata:
  name: team
spec:
  initContainers:
    {{- include "gladly-mcp-sidecar.container" $sidecar | nindent 4 }}
  containers:
    - name: agent
      image: example.com/agent:1.0.0
      volumeMounts:
        {{- include "gladly-mcp-sidecar.agentVolumeMounts" $sidecar | nindent 8 }}
  volumes:
    {{- include "gladly-mcp-sidecar.volumes" $sidecar | nindent 4 }}
"""


def test_a_native_sidecar_starts_before_the_agent_and_gates_it() -> None:
    pod = pod_of(render(BEARER))
    [sidecar] = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "mcp-admin"}
    assert [container["name"] for container in pod["containers"]] == ["agent"]


def test_a_classic_sidecar_is_an_ordinary_container() -> None:
    pod = pod_of(render("endpoints-values.yaml"))
    assert "initContainers" not in pod
    sidecar, agent = pod["containers"]
    assert (sidecar["name"], agent["name"]) == ("mcp-sidecar", "agent")
    assert "restartPolicy" not in sidecar


@pytest.mark.parametrize("case", POD_CASES)
def test_probes_ask_the_admin_port_and_the_mcp_port_is_not_declared(case: str) -> None:
    sidecar = containers_of(pod_of(render(case)))["mcp-sidecar"]
    assert sidecar["ports"] == [{"name": "mcp-admin", "containerPort": 9090}]
    paths = {kind: sidecar[kind]["httpGet"]["path"] for kind in sidecar if kind.endswith("Probe")}
    expected = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    assert paths == expected
    assert all(sidecar[kind]["httpGet"]["port"] == "mcp-admin" for kind in expected)


@pytest.mark.parametrize("case", POD_CASES)
def test_no_container_but_the_sidecar_mounts_a_secret(case: str) -> None:
    documents = render(case)
    pod = pod_of(documents)
    secrets = [volume["name"] for volume in pod["volumes"] if "secret" in volume]
    shared = {"mcp-agent-endpoint"} & set(secrets)
    ours = set(secrets) - shared
    optional = {"endpoints", "signing", "pseudonyms", "telemetry", "ship"}
    assert ours - {f"mcp-sidecar-{name}" for name in optional} == {"mcp-sidecar-backend"}
    assert all(mounted_in(pod, name) == {"mcp-sidecar"} for name in ours)
    assert all(mounted_in(pod, name) == {"agent"} for name in shared)
    for container in containers_of(pod).values():
        assert "envFrom" not in container
        assert not any("valueFrom" in variable for variable in container.get("env", []))


def test_what_was_revoked_is_mounted_as_a_folder_and_read_as_the_sidecar_reads_it(
    tmp_path: Path,
) -> None:
    documents = render("endpoints-values.yaml")
    text = the("ConfigMap", documents, "-denied")["data"]["denied.yaml"]
    (tmp_path / "denied.yaml").write_text(text)
    denied = identity.read_deny_list(tmp_path / "denied.yaml")
    assert denied == identity.DenyList(jti=frozenset({"7"}), endpoint=frozenset({"contractor"}))
    assert mounted_in(pod_of(documents), "mcp-sidecar-denied") == {"mcp-sidecar"}
    before = the("Deployment", documents)["spec"]["template"]["metadata"]["annotations"]
    after = render("endpoints-values.yaml", "denyList.endpoint={other}")
    assert the("Deployment", after)["spec"]["template"]["metadata"]["annotations"] == before


def test_an_endpoints_token_is_in_both_containers_and_the_key_of_the_hashes_in_one() -> None:
    pod = pod_of(render("endpoints-values.yaml"))
    items = {v["name"]: v["secret"]["items"] for v in pod["volumes"] if "secret" in v}
    assert items["mcp-agent-endpoint"] == [{"key": "support-token", "path": "token"}]
    assert items["mcp-sidecar-endpoints"][1:] == items["mcp-agent-endpoint"]
    told = {v["name"]: v["value"] for v in containers_of(pod)["agent"]["env"]}
    assert told["MCP_ENDPOINT_FILE"] == "/var/run/secrets/mcp-endpoint/token"


def test_a_collectors_headers_and_authorities_are_mounted_where_the_settings_look() -> None:
    documents = render("endpoints-values.yaml")
    pod, loaded = pod_of(documents), settings_in(documents)
    items = {v["name"]: v["secret"]["items"] for v in pod["volumes"] if "secret" in v}
    both = [{"key": "headers", "path": "headers"}, {"key": "ca.pem", "path": "ca.pem"}]
    assert items["mcp-sidecar-telemetry"] == items["mcp-sidecar-ship"] == both
    told = loaded["telemetry"]
    assert told["headers_file"] == "/etc/sidecar/telemetry/headers"
    assert told["ca_file"] == "/etc/sidecar/telemetry/ca.pem"
    ship = loaded["audit"]["ship"]
    assert ship["otlp_headers_file"] == "/etc/sidecar/ship/headers"
    assert ship["otlp_ca_file"] == "/etc/sidecar/ship/ca.pem"
    assert ship["timeout"] == 2.5


def test_how_long_the_log_is_kept_and_how_often_it_is_signed_reach_the_settings() -> None:
    loaded = settings_in(render("endpoints-values.yaml"))["audit"]
    assert loaded["keep_days"] == 30
    assert loaded["segment_bytes"] == 64 * 2**20
    assert loaded["heartbeat_seconds"] == 30


def test_a_pods_own_labels_and_annotations_come_beside_the_charts_which_win() -> None:
    template = the("Deployment", render("endpoints-values.yaml"))["spec"]["template"]["metadata"]
    assert template["labels"]["example.com/team"] == "support"
    assert template["labels"]["app.kubernetes.io/name"] == "gladly-mcp-sidecar"
    assert template["annotations"]["example.com/owner"] == "support"
    assert len(template["annotations"]["checksum/settings"]) == 64


def test_the_agents_token_has_the_audience_of_the_settings_and_is_the_agents_alone() -> None:
    pod = pod_of(render(BEARER, "settings.bearer.audience=other"))
    assert mounted_in(pod, "mcp-agent-token") == {"agent"}
    [volume] = [v["projected"] for v in pod["volumes"] if v["name"] == "mcp-agent-token"]
    [source] = volume["sources"]
    assert source["serviceAccountToken"]["audience"] == "other"
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("case", POD_CASES)
def test_the_pod_is_restricted_and_the_two_users_differ(case: str) -> None:
    pod = pod_of(render(case))
    sidecar, agent = (containers_of(pod)[name] for name in ("mcp-sidecar", "agent"))
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["shareProcessNamespace"] is False
    for container in (sidecar, agent):
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert sidecar["securityContext"]["readOnlyRootFilesystem"] is True
    assert sidecar["securityContext"]["runAsUser"] == 65532
    assert agent["securityContext"]["runAsUser"] != 65532


@pytest.mark.parametrize("case", POD_CASES)
def test_rules_are_mounted_as_a_whole_folder_so_that_a_change_is_seen(case: str) -> None:
    pod = pod_of(render(case))
    assert mounted_in(pod, "mcp-sidecar-policies") == {"mcp-sidecar"}
    for container in containers_of(pod).values():
        assert not any("subPath" in mount for mount in container.get("volumeMounts", []))


def test_changed_settings_restart_the_pod_and_changed_rules_do_not_since_a_start_has_no_guard():
    def annotations(*sets: str) -> Any:
        deployment = the("Deployment", render(BEARER, *sets))
        return deployment["spec"]["template"]["metadata"]["annotations"]

    first = r"policies.site\.rego=package site"
    before = annotations(first)
    assert annotations(r"policies.site\.rego=package other") == before
    assert annotations(first, "settings.bearer.audience=other") != before


def test_the_rules_arrive_unchanged() -> None:
    [(name, text)] = yaml.safe_load((CHART / "ci" / BEARER).read_text())["policies"].items()
    assert the("ConfigMap", render(BEARER), "-policies")["data"] == {name: text}


@pytest.mark.parametrize("mebibytes", [16, 1024])
def test_the_audit_log_ends_before_its_volume_does(mebibytes: int) -> None:
    documents = render(BEARER, f"audit.sizeMiB={mebibytes}")
    [volume] = [v for v in pod_of(documents)["volumes"] if v["name"] == "mcp-sidecar-audit"]
    assert volume["emptyDir"]["sizeLimit"] == f"{mebibytes}Mi"
    limit = settings_in(documents)["audit"]["max_bytes"]
    assert 0.8 * mebibytes * 2**20 < limit < 0.95 * mebibytes * 2**20


@pytest.mark.parametrize("case", CASES)
def test_the_sidecar_accepts_the_settings_it_is_given(case: str, tmp_path: Path) -> None:
    """Only the folders differ: those of the pod do not exist here."""
    text = yaml.safe_dump(settings_in(render(case)))
    for folder in ("policies", "audit"):
        (tmp_path / folder).mkdir()
    for name, content in MOUNTED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    file = tmp_path / "settings.yaml"
    file.write_text(re.sub(r"/etc/sidecar|/var/lib/sidecar", str(tmp_path), text))
    loaded = settings.load(file)
    assert (loaded.listen.host, loaded.admin.host) == ("127.0.0.1", "0.0.0.0")
    assert loaded.audit.folder == tmp_path / "audit"


def test_the_image_knows_the_command_that_the_container_runs() -> None:
    [verb, option, _] = containers_of(pod_of(render(BEARER)))["mcp-sidecar"]["args"]
    command = [sys.executable, "-m", "sidecar", verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert option in done.stdout


def test_another_chart_can_use_the_named_templates(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text(PARENT)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "pod.yaml").write_text(PARENT_POD)
    shutil.copytree(CHART, tmp_path / "charts" / "gladly-mcp-sidecar")
    values = yaml.safe_load((CHART / "ci" / "library-values.yaml").read_text())
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"gladly-mcp-sidecar": values}))
    done = run_helm("helm", "template", "team", str(tmp_path), "-f", str(tmp_path / "own.yaml"))
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    pod = the("Pod", documents)
    kubernetes_validate.validate(pod, KUBERNETES[-1], strict=True)
    configured = {v["configMap"]["name"] for v in pod["spec"]["volumes"] if "configMap" in v}
    assert configured == {the("ConfigMap", documents)["metadata"]["name"]}
    assert mounted_in(pod["spec"], "mcp-agent-token") == {"agent"}
