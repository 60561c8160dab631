# SPDX-License-Identifier: MIT
"""What an operator gets wrong, and what the machine lacks: each has its message, and its exit code."""

import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from lib import daemon, programs
from lib.flow import Flow
from lib.web import Web

CONFIGURATION, RUNTIME = 78, 1


def refuse(said, env=None, arguments=("-t",), code=CONFIGURATION, **config):
    """tickd ends with that code and one line that says so; the text is a regular expression."""
    done = daemon.run(*arguments, *(f"--{key}={value}" for key, value in config.items()), env=env)
    assert done.returncode == code, done.stdout + done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    return done


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# --- secrets

def test_missing_secret_file_is_named():
    refuse("^tickd: environment TICKD_DATABASE_URL_FILE: /nonexistent/url: No such file or directory$",
           {"TICKD_DATABASE_URL_FILE": "/nonexistent/url"})
    refuse("^tickd: environment CREDENTIALS_DIRECTORY: /nonexistent: No such file or directory$",
           {"CREDENTIALS_DIRECTORY": "/nonexistent"})


def test_credential_that_leads_nowhere_is_named(tmp_path):
    (tmp_path / "tickd.database_url").symlink_to("/nonexistent/url")
    refuse("^tickd: credential tickd.database_url: .*/tickd.database_url: No such file or directory$",
           {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize("source", ["file", "variable", "credential", "configuration"])
def test_secret_that_everybody_may_read_is_refused(tmp_path, source):
    url = "postgresql://u:hunter2@h/d"
    if source == "file":
        path = write(tmp_path / "tickd.conf", f"database_url = {url}\n", 0o644)
        arguments, env = ("-t", "-c", path), {}
    elif source == "variable":
        arguments, env = ("-t",), {"DATABASE_URL_FILE": write(tmp_path / "url", url, 0o644)}
    elif source == "credential":
        write(tmp_path / "tickd.database_url", url, 0o644)
        arguments, env = ("-t",), {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    else:
        secret = write(tmp_path / "url", url, 0o644)
        arguments, env = ("-t", "-c", write(tmp_path / "tickd.conf", f"database_url_file = {secret}\n")), {}
    refuse("database_url: a secret in a file that every user may read; chmod 640 it", env, arguments)


def test_private_key_that_everybody_may_read_is_refused(tmp_path):
    key = write(tmp_path / "key.pem", "hunter2", 0o644)
    refuse("kafka.ssl.key.location = .*: every user may read this file; chmod 640 it",
           {"TICKD_KAFKA_SSL_KEY_LOCATION": key})


# --- names and values

@pytest.mark.parametrize("url, said", [
    ("mysql://u:hunter2@h/d", "not a URL of PostgreSQL"),
    ("postgresql://u:hunter2@h/d?sslmode=perhaps&frobnicate=1", "unknown parameter frobnicate; expected postgresql://"),
    ("host=h password=hunter2 prot=5432", "invalid connection option .value not shown.; expected postgresql://"),
    ("postgresql://u:hunter2@h:port/d", "port: not a number from 1 to 65535"),
])
def test_wrong_dsn_is_said_without_its_password(url, said):
    refuse(f"^tickd: environment DATABASE_URL: database_url: .*{said}", {"DATABASE_URL": url})


def test_unknown_variable_is_an_unknown_option():
    refuse("environment TICKD_HTTP_PORT: unknown option; tickd --help lists them all", {"TICKD_HTTP_PORT": "9187"})
    refuse("environment TICKD_LINGR_MS: unknown option; did you mean TICKD_LINGER_MS", {"TICKD_LINGR_MS": "9"})


# --- where to listen

# With nobody to talk to it would wait, if it were not refused. (What test_http.py has is not here once more.)
ALONE = ["--database_url=host=127.0.0.1 port=1", "--kafka.bootstrap.servers=127.0.0.1:1"]


def check_refused(done, listen, why, code=CONFIGURATION):
    event = "config_invalid" if code == CONFIGURATION else "start_failed"
    assert done.returncode == code, done.stderr
    assert re.search(rf'event={event} .*error=.*http_listen = .*{re.escape(listen)}.*{why}', done.stderr)


def test_socket_that_is_taken_is_named_and_stays(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        check_refused(daemon.run(*ALONE, f"--http_listen=unix:{path}"), f"unix:{path}", "Address already in use", RUNTIME)
        assert stat.S_ISSOCK(path.stat().st_mode)


def restricted(command, script):
    """Runs tickd by a shell that changes something first; "$@" is the daemon."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    return subprocess.run([*command, "sh", "-c", script, "sh", programs.path("tickd"), *ALONE],
                          env=daemon.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)


def test_port_that_needs_a_privilege_is_named():
    done = restricted(["unshare", "--net"], "sysctl -q -w net.ipv4.ip_unprivileged_port_start=1024; ip link set lo up;"
                      ' exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@" --http_listen=127.0.0.1:80')
    check_refused(done, "127.0.0.1:80", "Permission denied")


def test_directory_that_is_read_only_is_named(tmp_path):
    done = restricted(["unshare", "--mount"], f'mount -t tmpfs -o ro tmpfs {tmp_path} &&'
                      f' exec "$@" --http_listen=unix:{tmp_path}/socket')
    check_refused(done, f"unix:{tmp_path}/socket", "Read-only file system")


def test_it_writes_to_no_file(db, mock, tickd):
    """No state directory: with every file system read-only it does its work."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    flow = Flow(db, mock, tickd).create_topic()
    flow.send_ticks(100)
    script = ('for place in $(awk \'{print $5}\' /proc/self/mountinfo); do'
              ' mount -o remount,bind,ro "$place" 2>/dev/null; done; ! touch /tmp/file 2>/dev/null && exec "$@"')
    flow.daemon = tickd(flow.config, wrap=lambda argv: ["unshare", "--mount", "sh", "-c", script, "sh", *argv])
    flow.wait_consumed()
    flow.check()


# --- the clock

# Few seconds: librdkafka gives its waits an end by the clock that is faked, and then waits by the true one.
@pytest.mark.parametrize("offset, said, sign", [("+7s", "behind", "-"), ("-7s", "ahead of", "")])
def test_clock_that_is_off_is_said_either_way(db, mock, tickd, scratch, clock, offset, said, sign):
    flow = Flow(db, mock, tickd).create_topic()
    flow.daemon = tickd(flow.config, env=clock.env)
    flow.daemon.wait_log("event=pairs_loaded")
    assert not flow.daemon.logged("clock_differs")
    clock.set(offset)
    db.cluster.terminate_backends("tickd")
    flow.daemon.wait_log(f"level=warn event=clock_differs .*database_ahead_ms={sign}[67][0-9]{{3}}")
    done = daemon.run("check", config=flow.config, scratch=scratch, env=clock.env)
    assert re.search(rf"^WARN  clock +the database's is [67]\.\d s {said} this machine's$", done.stdout, re.M)


# --- the kernel

def without(call):
    """A function from argv to argv: on a kernel that has no such call."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    return lambda argv: ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error=ENOSYS", *argv]


@pytest.mark.parametrize("call", ["epoll_create1", "eventfd2", "getrandom", "timerfd_create"])
def test_kernel_without_a_call_that_has_a_substitute_will_do(db, mock, tickd, call):
    flow = Flow(db, mock, tickd).create_topic()
    flow.send_ticks(100)
    flow.daemon = tickd(flow.config, wrap=without(call))
    flow.wait_consumed()
    flow.check()


def test_kernel_without_epoll_cannot_serve_http():
    done = subprocess.run(without("epoll_create1")([programs.path("tickd"), *ALONE, f"--http_listen={Web().listen}"]),
                          env=daemon.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    check_refused(done, "127.0.0.1", "libmicrohttpd cannot start: Function not implemented", RUNTIME)
