# SPDX-License-Identifier: MIT
"""The compose files: valid, closed, consistent; and the secrets that they read."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest

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
        assert "no-new-privileges:true" in service["security_opt"], name
        once = name in ("migrate", "topic", "recording")
        assert service["restart"] == ("no" if once else "unless-stopped"), name
        assert once or "healthcheck" in service or name == RUNTIME, name


def test_no_password_stands_in_a_file():
    """Neither as a value nor as a default of a variable."""
    for name in FILES:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            text = file.read()
        for line in text.splitlines():
            if re.search(r"password", line, re.I) and not line.lstrip().startswith("#"):
                assert re.search(r"_FILE: /run/secrets/|_FILE: |secrets: \[|file: secrets/|"
                                 r"^secrets:|/run/secrets/", line), line


def test_the_schema_comes_first(stack):
    services = stack["services"]
    assert services[RUNTIME]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["db"] == {"condition": "service_healthy"}


def test_the_override_leaves_the_environment_alone():
    service = load("compose.db-writer.yaml")["services"]["db-writer"]
    assert set(service["environment"]) == {"TICKD_HTTP_LISTEN"}
    assert service["ports"] == ["127.0.0.1:9187:9187"]
    assert service["read_only"] is True


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
