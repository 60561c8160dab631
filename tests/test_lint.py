# SPDX-License-Identifier: MIT
"""scripts/lint sees what it is there for: each test plants one fault in a copy of the tree."""

import os
import shutil
import subprocess

import pytest

from lib.schema import ROOT

_NOT_COPIED = shutil.ignore_patterns(
    ".git", "build", "node_modules", "__pycache__", ".pytest_cache", "data", "sql"
)


class Tree:
    """A copy of the project that may be spoilt."""

    def __init__(self, path):
        self.path = path

    def read(self, name):
        with open(os.path.join(self.path, name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            file.write(text)

    def replace(self, name, old, new):
        text = self.read(name)
        assert text.count(old) >= 1, f"{old!r} is not in {name}: the test has to be mended"
        self.write(name, text.replace(old, new, 1))

    def lint(self, *checks):
        """Exit code and output of scripts/lint."""
        done = subprocess.run(
            [os.path.join(self.path, "scripts", "lint"), *checks],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    if not shutil.which("clang-format"):
        pytest.fail("clang-format is missing: scripts/deps check")
    path = tmp_path_factory.mktemp("lint") / "tree"
    shutil.copytree(ROOT, path, ignore=_NOT_COPIED)
    return path


@pytest.fixture
def tree(pristine, tmp_path):
    path = tmp_path / "tree"
    shutil.copytree(pristine, path)
    return Tree(str(path))


def assert_finds(tree, check, *words):
    code, output = tree.lint(check)
    assert code == 1, output
    assert f"FAIL {check}" in output and "0 passed, 1 failed" in output, output
    for word in words:
        assert word in output, output


def test_unspoilt_tree_passes(tree):
    checks = ["includes", "format", "functions", "options", "metrics", "dead_options", "events", "rejects",
              "performance", "javascript"]
    code, output = tree.lint(*checks)
    assert code == 0, output
    assert output.splitlines()[-1] == f"{len(checks)} passed, 0 failed"


def test_include_cycle_is_found_and_named(tree):
    tree.replace("include/err.h", "#include <stddef.h>", '#include "config.h"\n#include <stddef.h>')
    assert_finds(tree, "includes", "cycle", "include/err.h", "include/config.h")


def test_header_that_includes_itself_is_found(tree):
    tree.replace("include/err.h", "#include <stddef.h>", '#include "err.h"\n#include <stddef.h>')
    assert_finds(tree, "includes", "include/err.h includes itself")


def test_undocumented_option_is_found(tree):
    tree.replace("include/config.h", "bool keep_repeats;", "bool keep_repeats;\n    bool planted;")
    tree.replace(
        "src/options.c",
        "    {SWITCH(keep_repeats)",
        '    {SWITCH(planted), .section = DECODING, .fallback = "no", .unit = "",\n'
        '     .help = "Planted by a test."},\n'
        "    {SWITCH(keep_repeats)",
    )
    assert_finds(tree, "options", "#planted = no", "conf/tickd.conf", "docs/configuration.md")
    assert_finds(tree, "dead_options", "option planted is read, but nothing uses it")


def test_wrong_default_in_the_sample_file_is_found(tree):
    tree.replace("conf/tickd.conf", "#linger_ms = 100", "#linger_ms = 200")
    assert_finds(tree, "options", "#linger_ms = 200", "#linger_ms = 100")


def test_wrong_default_in_the_documentation_is_found(tree):
    tree.replace("docs/configuration.md", "| `linger_ms` | `100` ms |", "| `linger_ms` | `10` ms |")
    assert_finds(tree, "options", "docs/configuration.md")


def test_option_missing_in_the_sample_file_is_found(tree):
    tree.replace("conf/tickd.conf", "#tie_memory = 65536\n", "")
    assert_finds(tree, "options", "#tie_memory")


def test_undocumented_metric_is_found(tree):
    tree.replace(
        "include/metrics_list.h",
        "    X(tickd_build_info,",
        '    X(tickd_planted_total, COUNTER, "", VALUE(0), "Planted by a test.") \\\n'
        "    X(tickd_build_info,",
    )
    assert_finds(tree, "metrics", "+| `tickd_planted_total` | counter |", "docs/metrics.md")


def test_metric_that_is_gone_is_found_in_the_documentation(tree):
    tree.replace("docs/metrics.md", "| `tickd_ready` |", "| `tickd_redy` |")
    assert_finds(tree, "metrics", "-| `tickd_redy` |")


def test_unformatted_file_is_found(tree):
    tree.write("src/err.c", tree.read("src/err.c").replace("    if (!e)", "  if (!e)", 1))
    assert_finds(tree, "format", "src/err.c:")


def test_undocumented_event_is_found(tree):
    tree.write(
        "src/planted.c",
        '#include "log.h"\nvoid planted(void);\nvoid planted(void)\n{\n'
        '    log_warn(\n        "planted_event", "text; more", NULL); /* log_info("not_this") */\n}\n',
    )
    assert_finds(tree, "events", "docs/operations.md has not: planted_event")


def test_event_that_is_no_literal_is_found(tree):
    tree.write(
        "src/planted.c",
        '#include "log.h"\nvoid planted(const char *s);\nvoid planted(const char *s)\n{\n'
        '    log_warn(s, "text", NULL);\n}\n',
    )
    assert_finds(tree, "events", "src/planted.c: log_warn(s", "not a literal word")


def test_documented_event_that_nothing_logs_is_found(tree):
    tree.replace("docs/operations.md", "| `log_dropped` | warn |", "| `log_droped` | warn |")
    assert_finds(tree, "events", "nothing logs: log_droped", "has not: log_dropped")


def test_undocumented_reject_reason_is_found(tree):
    tree.replace(
        "include/reject.h",
        "#define REJECT_TABLE(X)                                                                            \\\n",
        '#define REJECT_TABLE(X) \\\n    X(PLANTED, "planted_reason", "text") \\\n',
    )
    assert_finds(tree, "rejects", "planted_reason")


def test_figure_that_the_table_of_make_bench_has_not_is_found(tree):
    tree.replace("docs/performance.md", "| `drain_vs_copy_fk` |", "| `drain_vs_cpoy_fk` |")
    assert_finds(tree, "performance", "docs/performance.md has not: drain_vs_copy_fk")


def test_header_that_needs_another_is_found(tree):
    tree.replace("include/backoff.h", "#include <stdint.h>\n", "")
    assert_finds(tree, "headers", "include/backoff.h")


def test_long_function_is_found(tree):
    body = "    x++;\n" * 61
    tree.write("src/planted.c", f"int planted(int x);\nint planted(int x)\n{{\n{body}}}\n")
    assert_finds(tree, "functions", "src/planted.c:3: a function of 61 lines")


def test_file_without_licence_is_found(tree):
    tree.write("src/planted.c", "int planted;\n")
    assert_finds(tree, "licence", "src/planted.c")


def test_script_that_cannot_be_read_is_found(tree):
    tree.replace("web/page.js", "const pairOf = (symbol) => {", "const pairOf = (symbol => {")
    assert_finds(tree, "javascript", "web/page.js:", "SyntaxError")


def test_unknown_check_is_a_usage_error(tree):
    code, output = tree.lint("frobnicate")
    assert code == 2 and "checks: headers" in output
