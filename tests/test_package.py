# SPDX-License-Identifier: MIT
"""What is installed: make install, the units, the hardening of the binary."""

import os
import re
import shutil
import subprocess

import pytest

from lib import daemon, programs
from lib.schema import ROOT


def run(*argv, **more):
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True, cwd=ROOT, **more).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A directory that `make install` has filled."""
    directory = str(tmp_path_factory.mktemp("install"))
    install(directory)
    return directory


def install(directory):
    run("make", "--no-print-directory", "MODE=release", "install", f"DESTDIR={directory}",
        "PREFIX=/usr")


# --- installed files

def test_what_stands_where(installed):
    for path in ("usr/bin/tickd", "usr/bin/tickreplay", "etc/tickd/tickd.conf",
                 "usr/lib/systemd/system/tickd.service", "usr/lib/systemd/system/tickd@.service",
                 "usr/lib/sysusers.d/tickd.conf", "usr/lib/tmpfiles.d/tickd.conf",
                 "usr/share/man/man8/tickd.8", "usr/share/man/man5/tickd.conf.5",
                 "usr/share/tickd/sql/sqitch.plan", "usr/share/tickd/sql/deploy/ticks.sql"):
        assert os.path.exists(os.path.join(installed, path)), path


def test_every_file_of_the_schema_is_installed(installed):
    def files(top):
        return sorted(os.path.relpath(os.path.join(at, name), top)
                      for at, _, names in os.walk(top) for name in names)
    assert files(os.path.join(installed, "usr/share/tickd/sql")) == files(os.path.join(ROOT, "sql"))


def test_a_configuration_that_is_there_stays(installed):
    path = os.path.join(installed, "etc/tickd/tickd.conf")
    with open(path, "a", encoding="utf-8") as file:
        file.write("linger_ms = 77\n")
    install(installed)
    with open(path, encoding="utf-8") as file:
        assert file.read().endswith("linger_ms = 77\n")


# --- units

def unit(installed, name):
    """{section: {key: [values]}}"""
    sections, current = {}, None
    with open(os.path.join(installed, "usr/lib/systemd/system", name), encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("["):
                current = sections.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                key, value = line.split("=", 1)
                current.setdefault(key, []).append(value)
    return sections


@pytest.mark.parametrize("name", ["tickd.service", "tickd@.service"])
def test_the_sandbox_is_tight(installed, name):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    path = os.path.join(installed, "usr/lib/systemd/system", name)
    text = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)[1])
    assert level <= 1.5, text


def test_stop_has_time_to_drain(installed):
    service = unit(installed, "tickd.service")["Service"]
    options = run(programs.path("tickd"), "--print-config", env=daemon.environment())
    shutdown_s = int(re.search(r"^shutdown_timeout_ms = (\d+)", options, re.M)[1]) / 1000
    watchdog_s = 5
    assert int(service["TimeoutStopSec"][0]) > shutdown_s + watchdog_s


def test_a_mistake_of_the_operator_is_not_tried_again(installed):
    service = unit(installed, "tickd.service")["Service"]
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2 78"]


def test_time_to_start_is_what_a_waiting_start_asks_for(installed):
    with open(os.path.join(ROOT, "src", "notify.c"), encoding="utf-8") as file:
        extension_us = int(re.search(r"START_EXTENSION_US (\d+)", file.read())[1])
    service = unit(installed, "tickd.service")["Service"]
    assert int(service["TimeoutStartSec"][0]) * 1000000 == extension_us


def test_descriptors_are_enough_for_every_connection(installed):
    table = run(programs.path("tickd"), "--print-option-table")
    most = int(re.search(r"^http_connections\t.*\b4 to (\d+)", table, re.M)[1])
    files_and_sockets_beside = 1024
    limit = int(unit(installed, "tickd.service")["Service"]["LimitNOFILE"][0])
    assert limit >= most + files_and_sockets_beside


def test_an_instance_has_files_of_its_own(installed):
    service = unit(installed, "tickd@.service")["Service"]
    assert service["ExecStart"] == ["/usr/bin/tickd -c /etc/tickd/%i.conf"]
    assert "tickd.database_url:tickd.%i.database_url" in service["LoadCredential"]
    assert service["RuntimeDirectory"] == ["tickd-%i"]
    one = unit(installed, "tickd.service")["Service"]
    assert set(one) == set(service)


def test_systemd_understands_the_unit(installed, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    for name in ("tickd.service", "tickd@.service"):
        with open(os.path.join(installed, "usr/lib/systemd/system", name), encoding="utf-8") as file:
            text = file.read().replace("ExecStart=/usr/bin/tickd", "ExecStart=/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / "tickd.service"),
                           str(tmp_path / "tickd@x.service")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    ours = [line for line in done.stdout.splitlines() if "tickd" in line]
    assert not ours, done.stdout


# --- hardening

@pytest.fixture(scope="module", params=["tickd", "tickreplay"])
def binary(request):
    if not programs.path("tickd").startswith(os.path.join(ROOT, "build", "release")):
        pytest.skip("hardening is the release build's")
    return os.path.join(ROOT, "build", "release", request.param)


def test_position_independent_and_bound_at_start(binary):
    assert re.search(r"Type:\s+DYN \(Position-Independent", run("readelf", "-hW", binary))
    dynamic = run("readelf", "-dW", binary)
    assert "BIND_NOW" in dynamic and "NOW PIE" in dynamic
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic


def test_relocations_read_only_and_stack_not_executable(binary):
    segments = run("readelf", "-lW", binary)
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.*\bRW\b", segments)
    assert not re.search(r"LOAD.*RWE", segments)


def test_stack_protector_and_checked_functions(binary):
    symbols = run("readelf", "--dyn-syms", "-W", binary)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk@", symbols), "no fortified function"


@pytest.mark.parametrize("flag", ["-fstack-clash-protection", "-ftrivial-auto-var-init=zero",
                                  "-fstack-protector-strong", "-fcf-protection=full"])
def test_own_code_was_compiled_with(binary, flag):
    """The compiler has noted its options in the debug information of each unit."""
    if flag.startswith("-fcf") and os.uname().machine != "x86_64":
        pytest.skip("-fcf-protection is x86's")
    info = run("readelf", "--debug-dump=info", "--dwarf-depth=1", binary)
    producers = re.findall(r"DW_AT_producer\s*:.*?(GNU C17 .*)", info)
    assert producers
    assert all(flag in producer for producer in producers)


# --- version

def test_version_is_the_packages(installed):
    assert installed
    version = run(programs.path("tickd"), "--version").split()[1]
    with open(os.path.join(ROOT, "debian", "changelog"), encoding="utf-8") as file:
        assert file.readline().startswith(f"tickd ({version})")


def test_version_names_the_commit():
    first = run(programs.path("tickd"), "--version").splitlines()[0]
    assert re.fullmatch(r"tickd \S+ \(([0-9a-f]{12}(-dirty)?|unknown)\)", first)
