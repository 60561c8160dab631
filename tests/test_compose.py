# SPDX-License-Identifier: MIT
"""The compose files: valid, closed, consistent; and the secrets that they read."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest

from lib import daemon
from lib.schema import ROOT

yaml = pytest.importorskip("yaml", reason="no python3-yaml")

FILES = ("compose.yaml", "compose.db-writer.yaml")
VALIDATOR = "check-jsonschema==0.39.0"
RUNTIME = "tickd"


def load(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


@pytest.fixture(scope="module")
def stack():
    return load("compose.yaml")


@pytest.fixture(scope="module")
def validator():
    """The command of a validator that knows the Compose specification, in a directory of its own."""
    place = os.path.join(ROOT, "build", "pip")
    command = os.path.join(place, "bin", "check-jsonschema")
    if not os.path.exists(command):
        for argv in ([sys.executable, "-m", "venv", place],
                     [os.path.join(place, "bin", "pip"), "install", "-q", VALIDATOR]):
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
            if done.returncode != 0:
                shutil.rmtree(place, ignore_errors=True)
                pytest.skip(f"{VALIDATOR} cannot be installed: {done.stdout.strip()[-200:]}")
    return command


@pytest.mark.parametrize("name", FILES)
def test_follows_the_specification(validator, name):
    done = subprocess.run([validator, "--builtin-schema", "vendor.compose-spec", name], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_validator_sees_a_mistake(validator, tmp_path):
    (tmp_path / "bad.yaml").write_text("services: {a: {image: b, cap_dorp: [ALL]}}\n")
    done = subprocess.run([validator, "--builtin-schema", "vendor.compose-spec",
                           str(tmp_path / "bad.yaml")], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 1
    assert "cap_dorp" in done.stdout


def test_what_is_named_is_there(stack):
    """Secrets, networks, volumes, files and services that a service refers to."""
    for name, service in stack["services"].items():
        assert set(service.get("secrets", [])) <= set(stack["secrets"]), name
        assert set(service.get("networks", [])) <= set(stack["networks"]), name
        assert set(service.get("depends_on", {})) <= set(stack["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert os.path.exists(os.path.join(ROOT, source)), f"{name}: {source}"
            else:
                assert source in stack["volumes"], f"{name}: {source}"


def test_only_the_status_page_is_published_and_only_here(stack):
    ports = {name: service["ports"] for name, service in stack["services"].items()
             if "ports" in service}
    assert ports == {RUNTIME: ["127.0.0.1:9187:9187"]}
    assert stack["networks"]["internal"] == {"internal": True}
    outside = [name for name, service in stack["services"].items()
               if "page" in service.get("networks", [])]
    assert outside == [RUNTIME]


def test_each_service_is_limited(stack):
    for name, service in stack["services"].items():
        assert "mem_limit" in service and "cpus" in service, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(service), name
        once = name in ("migrate", "topic", "recording")
        assert service["restart"] == ("on-failure" if once else "unless-stopped"), name
        assert once or "healthcheck" in service or name == RUNTIME, name


def test_what_is_ours_runs_as_nobody_in_particular_on_a_read_only_root(stack):
    ours = [name for name, service in stack["services"].items() if "build" in service]
    assert sorted(ours) == ["migrate", "recording", "replay", RUNTIME]
    for name in ours:
        service = stack["services"][name]
        assert service["read_only"] is True, name
        user = service.get("user", "the image's")
        assert user == ("the image's" if name == "migrate" else
                        "${TICKD_UID:?run make secrets first}:${TICKD_GID:?run make secrets first}"), name


def test_kafka_is_reached_with_a_password_over_tls_only(stack):
    with open(os.path.join(ROOT, "deploy", "kafka.properties"), encoding="utf-8") as file:
        broker = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line and line[0] != "#")
    protocols = dict(pair.split(":") for pair in broker["listener.security.protocol.map"].split(","))
    listeners = dict(pair.split("://") for pair in broker["listeners"].split(","))
    for name, address in listeners.items():
        assert protocols[name] == "SASL_SSL" or address.startswith("localhost:"), name
    environment = stack["services"][RUNTIME]["environment"]
    assert environment["TICKD_KAFKA_SECURITY_PROTOCOL"] == "sasl_ssl"
    assert environment["TICKD_KAFKA_SASL_PASSWORD_FILE"] == "/run/secrets/kafka_tickd_password"


def test_each_service_sees_the_secrets_it_needs_and_no_others(stack):
    assert {name: set(service["secrets"]) for name, service in stack["services"].items()
            if "secrets" in service} == {
        "db": {"postgres_password"},
        "kafka": {"kafka_users", "kafka_tls"},
        "topic": {"kafka_users", "kafka_ca"},
        "migrate": {"postgres_password", "tickd_password"},
        RUNTIME: {"database_url", "kafka_ca", "kafka_tickd_password"},
        "replay": {"kafka_feed", "kafka_ca"},
        "grafana": {"grafana_password"},
    }
    for name, service in stack["services"].items():
        for text in map(str, (service.get("environment"), service.get("entrypoint"), service.get("command"))):
            for secret in re.findall(r"/run/secrets/(\w+)", text):
                assert secret in service["secrets"], name


def test_no_password_stands_in_a_file():
    """Neither as a value nor as a default of a variable."""
    for name in FILES:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            text = file.read()
        for line in text.splitlines():
            if re.search(r"password", line, re.I) and not line.lstrip().startswith("#"):
                assert re.search(r"_FILE: /run/secrets/|_FILE: |secrets: \[|file: secrets/|"
                                 r"^secrets:|/run/secrets/|PGPASSWORD:$", line), line


def test_no_secret_gets_into_an_image():
    """Neither by the build's context nor into a repository."""
    with open(os.path.join(ROOT, ".dockerignore"), encoding="utf-8") as file:
        assert {".env", "secrets"} <= set(file.read().split())
    with open(os.path.join(ROOT, ".gitignore"), encoding="utf-8") as file:
        assert {"/.env", "/secrets/"} <= set(file.read().split())


def test_the_schema_comes_first(stack):
    services = stack["services"]
    assert services[RUNTIME]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["db"] == {"condition": "service_healthy"}


def test_the_override_keeps_the_environment_and_nothing_else():
    """What stands in the override takes the place of what the stack has, but an empty list may not."""
    service = load("compose.db-writer.yaml")["services"]["db-writer"]
    assert "environment" not in service
    for key in ("build", "image", "entrypoint", "command", "user", "working_dir"):
        assert service[key], key
    assert service["healthcheck"]["test"] == ["CMD", "/usr/bin/tickd", "health"]
    assert service["healthcheck"]["disable"] is False
    assert service["ports"] == ["127.0.0.1:9187:9187"]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]


def test_the_override_s_command_is_one_that_tickd_takes():
    service = load("compose.db-writer.yaml")["services"]["db-writer"]
    done = daemon.run("-t", *service["command"])
    assert done.returncode == 0, done.stderr


# --- make secrets

@pytest.fixture
def tree(tmp_path):
    os.mkdir(tmp_path / "scripts")
    shutil.copy(os.path.join(ROOT, "scripts", "secrets"), tmp_path / "scripts" / "secrets")
    return tmp_path


def make_secrets(tree):
    subprocess.run([str(tree / "scripts" / "secrets")], check=True, stdout=subprocess.PIPE)
    return {name: (tree / "secrets" / name).read_text() for name in os.listdir(tree / "secrets")}


def test_secrets_are_made_once_and_differ(tree, stack):
    first = make_secrets(tree)
    assert make_secrets(tree) == first
    wanted = {os.path.basename(secret["file"]) for secret in stack["secrets"].values()}
    assert set(first) == wanted
    shutil.rmtree(tree / "secrets")
    other = make_secrets(tree)
    assert not set(first.values()) & set(other.values())


@pytest.mark.parametrize("removed, changed", [
    ("tickd_password", {"tickd_password", "database_url"}),
    ("kafka_users", {"kafka_users", "kafka_tickd_password", "kafka_feed.conf"}),
    ("kafka_ca", {"kafka_ca", "kafka_tls"}),
    ("kafka_tls", {"kafka_ca", "kafka_tls"}),
    ("database_url", set()),
])
def test_what_is_made_from_a_new_secret_is_made_anew(tree, removed, changed):
    before = make_secrets(tree)
    os.remove(tree / "secrets" / removed)
    after = make_secrets(tree)
    assert {name for name, text in after.items() if text != before[name]} == changed
    assert make_secrets(tree) == after


@pytest.mark.parametrize("command", ["od", "tr", "openssl", "sed", "cat"])
def test_a_command_that_fails_leaves_no_empty_secret_and_no_key(tree, command):
    """In the place of `command`, one that fails when the scripts calls it: the next run makes all."""
    tools, scratch = tree / "tools", tree / "scratch"
    os.mkdir(tools)
    os.mkdir(scratch)
    (tools / command).write_text("#!/bin/sh\nexit 1\n")
    (tools / command).chmod(0o755)
    script = [str(tree / "scripts" / "secrets")]
    env = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(script, env={**env, "PATH": f"{tools}:{env['PATH']}"}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert os.listdir(scratch) == []
    assert all(path.stat().st_size > 0 for path in (tree / "secrets").iterdir())
    test_secrets_agree_with_each_other(tree)


def test_secrets_agree_with_each_other(tree):
    made = make_secrets(tree)
    users = dict(line.split() for line in made["kafka_users"].splitlines())
    assert users["tickd"] == made["kafka_tickd_password"].strip()
    assert f"kafka.sasl.password = {users['feed']}\n" in made["kafka_feed.conf"]
    assert made["tickd_password"].strip() in made["database_url"]
    assert all(len(password) == 48 for password in users.values())


def test_secrets_are_closed_to_others(tree):
    make_secrets(tree)
    assert stat.S_IMODE(os.stat(tree / "secrets").st_mode) == 0o700
    for name in ("database_url", "kafka_tickd_password", "kafka_feed.conf"):
        assert stat.S_IMODE(os.stat(tree / "secrets" / name).st_mode) == 0o400, name
    users = [line for line in (tree / ".env").read_text().splitlines() if line.startswith("TICKD_UID=")]
    assert len(users) == 1 and users != ["TICKD_UID=0"]
