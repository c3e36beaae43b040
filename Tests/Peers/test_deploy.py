# SPDX-License-Identifier: Apache-2.0
"""Deploy/ itself: the demo's tour, and every file that somebody would apply, checked without a cluster or a daemon."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from harness.bulkhead import ROOT, binary, merged

DEPLOY = ROOT / "Deploy"
PROGRAMS = Path(sys.executable).parent
MANIFESTS = ["namespace", "agent", "store", "network"]


def tool(name, *arguments):
    done = subprocess.run([str(PROGRAMS / name), *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documents(path):
    return [document for document in yaml.safe_load_all((DEPLOY / path).read_text()) if document]


def test_yamllint():
    tool("yamllint", "--strict", "-c", ".yamllint", "Deploy", "Config", "Tests/Benchmarks")


def test_dockerfile():
    tool("hadolint", "Deploy/Dockerfile")
    text = (DEPLOY / "Dockerfile").read_text()
    assert text.count("\nFROM ") == 3 and "\nUSER 65532:65532\n" in text


@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_manifests(name):
    tool("kubernetes-validate", "--strict", DEPLOY / "kubernetes" / f"{name}.yaml")


@pytest.mark.parametrize("name", ["namespace", "agent"])
def test_the_component_that_shuts_doors(name, tmp_path):
    """What kustomize makes of a manifest and its patch."""
    whole, *others = documents(f"kubernetes/{name}.yaml")
    patch, = documents(f"kubernetes/doors/{name}.yaml")
    assert patch["metadata"]["name"] == whole["metadata"]["name"]
    (tmp_path / "patched.yaml").write_text(yaml.safe_dump_all([merged(whole, patch), *others]))
    tool("kubernetes-validate", "--strict", tmp_path / "patched.yaml")
    component = yaml.safe_load((DEPLOY / "kubernetes" / "doors" / "kustomization.yaml").read_text())
    assert {"path": f"{name}.yaml"} in component["patches"]


def test_kustomization_names_what_is_there():
    for folder in ("kubernetes", "sample"):
        text = yaml.safe_load((DEPLOY / folder / "kustomization.yaml").read_text())
        named = text.get("resources", []) + [f for g in text["configMapGenerator"] for f in g["files"]]
        for name in named:
            assert (DEPLOY / folder / name).exists(), name
    assert {f"{name}.yaml" for name in MANIFESTS} < set(
        yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"])


@pytest.mark.parametrize("name", ["agent", "store"])
def test_pods_have_no_more_than_they_need(name):
    deployment = documents(f"kubernetes/{name}.yaml")[0]
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True and security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_the_agent_container_holds_none_of_bulkheads_secrets():
    """THREATS 24: another uid, and neither the keys nor the certificate that opens the store."""
    pod = documents("kubernetes/agent.yaml")[0]["spec"]["template"]["spec"]
    assert not pod.get("shareProcessNamespace") and not pod.get("hostNetwork") and not pod.get("hostPID")
    bulkhead, agent = (next(c for c in pod["containers"] if c["name"] == n) for n in ("bulkhead", "agent"))
    assert bulkhead["securityContext"]["runAsUser"] != agent["securityContext"]["runAsUser"]
    secret = {volume["name"] for volume in pod["volumes"] if "secret" in volume}
    assert secret <= {mount["name"] for mount in bulkhead["volumeMounts"]}
    assert not secret & {mount["name"] for mount in agent["volumeMounts"]}
    assert all("valueFrom" not in variable for variable in agent["env"])


def test_network_policies_close_the_side_doors():
    policies = {document["metadata"]["name"]: document["spec"] for document in documents("kubernetes/network.yaml")}
    assert policies["nothing-by-default"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    opened = {port["port"] for rule in policies["agent"]["ingress"] for port in rule["ports"]}
    assert opened == {8443, 9901}, "the agent's own port is nobody's business"
    blocks = [to["ipBlock"] for rule in policies["agent"]["egress"] for to in rule["to"] if "ipBlock" in to]
    assert all("169.254.0.0/16" in block["except"] for block in blocks), "the node's metadata service stays out of reach"
    assert [rule["from"] for rule in policies["store"]["ingress"]] == [[{"podSelector": {"matchLabels": {"app": "agent"}}}]]
    assert "egress" not in policies["store"]


def test_compose_keeps_agent_and_store_apart():
    compose = documents("compose.yaml")[0]
    services = compose["services"]
    assert not set(services["agent"]["networks"]) & set(services["store"]["networks"])
    assert all(compose["networks"][name].get("internal") for name in ("hull", "stores"))
    assert [name for name, service in services.items() if "ports" in service] == ["bulkhead"]
    assert len({service["user"] for service in services.values()}) == 3
    doctor, agent = services["doctor"], services["agent"]
    assert doctor["user"] == agent["user"] and doctor["network_mode"] == doctor["pid"] == "service:agent"
    for service in services.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
    for service in ("agent", "store"):
        assert not [v for v in services[service].get("volumes", []) if "state" in v]


@pytest.mark.parametrize("name", ["kubernetes", "compose"])
def test_shipped_configurations_pass_check(name, tmp_path):
    """As they are, but for paths that only exist in the image and names that only resolve in the cluster."""
    shutil.copytree(DEPLOY / name, tmp_path / "etc", ignore=shutil.ignore_patterns("state"))
    folder = tmp_path / "etc"
    subprocess.run(["bash", str(DEPLOY / "keys.sh"), str(folder)], check=True)
    (folder / "issuer").mkdir()
    subprocess.run([sys.executable, str(DEPLOY / "sample" / "issuer.py"), "new", str(folder / "issuer")], check=True)
    file = folder / "bulkhead.yaml"
    text = file.read_text().replace("/usr/share/bulkhead/", f"{ROOT}/Config/")
    file.write_text(text.replace("/etc/bulkhead/", f"{folder}/"))
    done = subprocess.run([str(binary()), "check", "--config", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shell_scripts():
    scripts = [*DEPLOY.glob("*.sh"), *(ROOT / "Tests").glob("*/*.sh"), ROOT / ".ci" / "run"]
    subprocess.run(["shellcheck", "-x", *map(str, scripts)], check=True, cwd=ROOT)


def test_the_tour(tmp_path):
    """What a stranger runs first."""
    done = subprocess.run(
        ["bash", str(DEPLOY / "run.sh"), "--tour"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "BULKHEAD_BINARY": str(binary())})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "riverside-clinic" in done.stdout and "as it should be" in done.stdout


def test_the_demo_prints_usage():
    assert subprocess.run(["bash", str(DEPLOY / "run.sh"), "--help"], capture_output=True).returncode == 0
    assert subprocess.run(["bash", str(DEPLOY / "run.sh"), "--port", "x"], capture_output=True).returncode == 2
