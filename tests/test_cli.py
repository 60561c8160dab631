# SPDX-License-Identifier: MIT
"""The command line of the real binary: what it prints, and how it exits."""

import os
import re
import subprocess

import pytest

from lib import daemon, programs
from lib.schema import ROOT


def tickd(*arguments, **more):
    return daemon.run(*arguments, **more)


def table():
    """The option table: one dict per option."""
    columns = ("name", "section", "env", "default", "unit", "range", "reload", "help")
    done = tickd("--print-option-table")
    assert done.returncode == 0
    return [dict(zip(columns, line.split("\t"))) for line in done.stdout.splitlines()]


def printed(done):
    """Option -> (value, origin) of --print-config."""
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^# (.*)\n([a-z_.]+) =(?: (.*))?$", done.stdout, re.M)
    return {name: (value, origin) for origin, name, value in found}


def test_version_names_the_libraries():
    done = tickd("--version")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["tickd", "librdkafka", "libpq", "jansson", "libev", "libmicrohttpd", "libsystemd"]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_option(flag):
    done = tickd(flag)
    assert done.returncode == 0 and done.stderr == ""
    for option in table():
        assert f"--{option['name']}=" in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--lingerms=5"], "unknown option --lingerms; did you mean --linger_ms?"),
        (["--frobnicate=5"], "unknown option --frobnicate\n"),
        (["--linger_ms"], "no value for --linger_ms"),
        (["-x"], "unknown option -x"),
        (["--"], "unknown option --"),
        (["chekc"], "unknown subcommand chekc"),
        (["-c"], "no file after -c"),
        (["check", "-t"], "cannot be combined with what stands before it: -t"),
    ],
)
def test_wrong_usage_exits_2(arguments, message):
    done = tickd(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and "--help" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("arguments", [["--linger_ms=7"], ["--linger-ms=7"], ["--linger_ms", "7"]])
def test_an_option_may_be_written_in_three_ways(arguments):
    assert printed(tickd("--print-config", *arguments))["linger_ms"] == ("7", "command line")


def test_a_property_keeps_its_dashes_and_dots():
    done = tickd("--print-config", "--kafka.client.id=a-b=c")
    assert printed(done)["kafka.client.id"] == ("a-b=c", "command line")


def test_valid_configuration_passes(scratch):
    done = tickd("-t", config={"linger_ms": 7}, scratch=scratch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "tickd: configuration is valid\n", "")


@pytest.mark.parametrize(
    "text, message",
    [
        ("linger_ms = fast\n", r'/tickd.conf:1: linger_ms = "fast": not a whole number; expected 0 to 60000 ms'),
        ("\nlingerms = 5\n", r"/tickd.conf:2: lingerms: unknown option; did you mean linger_ms\?"),
        ("[tickd]\nlinger_ms = 5\n", r"/tickd.conf:1: section"),
        ("database_url = mysql://u:hunter2@h/d\n", r"/tickd.conf:1: database_url: not a URL of PostgreSQL"),
        ("kafka.group.id = x\n", r'/tickd.conf:1: kafka.group.id = "x": use group'),
        # What only librdkafka knows.
        ("kafka.no.such.name = x\n", r"/tickd.conf:1: kafka.no.such.name.*No such configuration"),
        ("\nkafka.fetch.wait.max.ms = soon\n", r"/tickd.conf:2: kafka.fetch.wait.max.ms.*nvalid value"),
        ("kafka.ssl.ca.location = /nonexistent\nkafka.security.protocol = ssl\n", r"ssl.ca.location.*/tickd.conf:1"),
    ],
)
@pytest.mark.parametrize("action", [["-t"], []])
def test_wrong_configuration_exits_78(scratch, action, text, message):
    done = tickd(*action, config=text + "http_listen = off\n", scratch=scratch)
    assert done.returncode == 78
    assert re.search(message, done.stderr), done.stderr
    assert "hunter2" not in done.stderr and done.stdout == ""


def test_missing_file_exits_78():
    done = tickd("-t", "-c", "/nonexistent/tickd.conf")
    assert done.returncode == 78
    assert done.stderr == "tickd: /nonexistent/tickd.conf: No such file or directory\n"


def test_secrets_are_refused_where_others_can_read_them(scratch):
    done = tickd("-t", "--kafka.sasl.password=hunter2")
    assert done.returncode == 78 and "visible to every user" in done.stderr
    path = os.path.join(scratch.dir("secrets"), "url")
    with open(path, "w", encoding="utf-8") as file:
        file.write("postgresql://u:hunter2@h/d\n")
    os.chmod(path, 0o644)
    done = tickd("-t", env={"DATABASE_URL_FILE": path})
    assert done.returncode == 78 and "every user may read" in done.stderr
    assert "hunter2" not in done.stderr
    os.chmod(path, 0o400)
    done = tickd("--print-config", env={"DATABASE_URL_FILE": path})
    value, origin = printed(done)["database_url"]
    assert value == "user=u password=*** dbname=d host=h"
    assert origin == f"environment DATABASE_URL_FILE ({path})"


def test_weak_settings_are_warned_of():
    done = tickd("-t", "--kafka.enable.ssl.certificate.verification=false")
    assert done.returncode == 0
    assert "warning: command line: kafka.enable.ssl.certificate.verification" in done.stderr


def test_every_name_of_db_writer_works():
    done = tickd("--print-config", env={
        "DATABASE_URL": "postgresql+asyncpg://nexwave:hunter2@timescaledb:5432/nexwave?ssl=require",
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:29092",
        "BATCH_SIZE": "100",
        "WRITE_INTERVAL_SEC": "0.5",
        "LOG_LEVEL": "WARNING",
    })
    config = printed(done)
    assert config["database_url"][0] == (
        "user=nexwave password=*** dbname=nexwave host=timescaledb port=5432 sslmode=require")
    assert config["kafka.bootstrap.servers"] == ("kafka:29092", "environment KAFKA_BOOTSTRAP_SERVERS")
    assert config["batch_rows"] == ("100", "environment BATCH_SIZE")
    assert config["linger_ms"] == ("500", "environment WRITE_INTERVAL_SEC")
    assert config["log_level"] == ("warn", "environment LOG_LEVEL")
    assert "hunter2" not in done.stdout + done.stderr


def test_printed_configuration_is_one(scratch):
    first = tickd("--print-config", "--ties=last", "--kafka.client.id=x")
    second = tickd("--print-config", config=first.stdout, scratch=scratch)
    values = {name: value for name, (value, _) in printed(first).items()}
    assert values == {name: value for name, (value, _) in printed(second).items()}
    assert values["ties"] == "last"


def test_sample_file_is_the_defaults():
    done = tickd("--print-config", "-c", os.path.join(ROOT, "conf", "tickd.conf"))
    assert {origin for _, origin in printed(done).values()} == {"default"}


def test_sample_file_without_comment_signs_is_valid(scratch):
    with open(os.path.join(ROOT, "conf", "tickd.conf"), encoding="utf-8") as file:
        lines = [line.lstrip("#") for line in file if re.match(r"#[a-z_]+ =", line)]
    config = printed(tickd("--print-config", config="".join(lines), scratch=scratch))
    options = table()
    assert len(lines) == len(options)
    for option in options:
        value, origin = config[option["name"]]
        assert value == option["default"] and "tickd.conf:" in origin, option


def test_sample_file_names_every_choice_about_librdkafka():
    with open(os.path.join(ROOT, "src", "kafka_conf.c"), encoding="utf-8") as file:
        chosen = re.search(r"defaults\[\] = \{\n(.*?)\n\};", file.read(), re.S)[1]
    with open(os.path.join(ROOT, "conf", "tickd.conf"), encoding="utf-8") as file:
        sample = file.read()
    properties = re.findall(r'^ +\{"([a-z.]+)", "(.*?)", (true|false)\},', chosen, re.M)
    assert len(properties) > 10
    for name, value, optional in properties:
        assert f"\n#kafka.{name} = {value}\n" in sample or (optional == "true" and name in sample)


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "wb") as full:
        code = subprocess.run([programs.path("tickd"), "--version"], env=daemon.environment(),
                              stdout=full, check=False).returncode
    assert code == 1


def test_closed_standard_descriptors_are_harmless():
    code = subprocess.run(["/bin/sh", "-c", 'exec "$0" -t <&- >&- 2>&-', programs.path("tickd")],
                          env=daemon.environment(), check=False).returncode
    assert code == 0
