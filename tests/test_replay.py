# SPDX-License-Identifier: MIT
"""tickreplay generate and send: the program itself, against the mock broker and a real one."""

import gzip
import json
import os
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from lib import proc, produce, programs
from lib.daemon import environment
from lib.flow import Flow
from lib.net import LOOPBACK, free_port
from lib.schema import ROOT
from lib.wait import DEADLINE_S, wait_until

SAMPLE = os.path.join(ROOT, "tests", "data", "replay", "sample.tsv.gz")
EXPECTED = os.path.join(ROOT, "tests", "data", "replay", "sample.expect.json")
SAMPLE_OPTIONS = ("--seed", "1", "--duration", "20s", "--rate", "250")
SAMPLE_MESSAGES = 5000

DONE, TROUBLE, USAGE = 0, 1, 2

_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:")


@dataclass
class Ended:
    """A run that has come to its end."""

    code: int
    out: bytes
    err: str
    report: dict = field(default_factory=dict)


def run(*arguments, stdin=b"", timeout=DEADLINE_S):
    """Runs tickreplay to its end."""
    done = subprocess.run([programs.path("tickreplay"), *map(str, arguments)], input=stdin,
                          env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False)
    err = done.stderr.decode("utf-8", "replace")
    assert not _SANITIZER.search(err), err
    return Ended(done.returncode, done.stdout, err)


def generate(*arguments):
    """The recording as a list of lines."""
    done = run("generate", *arguments)
    assert done.code == DONE, done.err
    return done.out.decode("utf-8", "surrogateescape").splitlines()


@pytest.fixture
def folder(scratch):
    """A directory of the test's own."""
    return scratch.dir("replay")


@pytest.fixture
def topic(mock):
    """A topic of the mock broker with four partitions."""
    return mock.create_topic("replay", 4)


@pytest.fixture
def replay(mock, topic, folder):
    """replay(*arguments, stdin=b""): runs send to that topic; with its report."""
    def send(*arguments, stdin=b"", bootstrap=None):
        path = os.path.join(folder, "report.json")
        if os.path.exists(path):
            os.unlink(path)
        done = run("send", "--bootstrap", bootstrap or mock.bootstrap, "--topic", topic, "--json",
                   path, *arguments, stdin=stdin)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                done.report = json.load(file)
        return done
    return send


@pytest.fixture
def arrived(mock, topic):
    """arrived(): every message in that topic, as lib.produce.Sent."""
    return lambda: produce.read_all(mock.bootstrap, topic, partitions=4)


def write(folder, name, text):
    """A file with this text; returns its path."""
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


def ticks(count, step_ms=1, start_ms=1_763_208_000_000):
    """Lines of a recording in which every message can be told from every other."""
    return "".join(
        f"{(start_ms + i * step_ms) * 1_000_000}\t"
        f'{{"time":{start_ms + i * step_ms},"symbol":"S{i % 7}","price":{i + 1}}}\n'
        for i in range(count))


def values_of(lines):
    """The messages of a recording."""
    return [line.partition("\t")[2].encode("utf-8", "surrogateescape")
            for line in (lines.splitlines() if isinstance(lines, str) else lines)]


# --- generate


def test_sample_is_made_again_byte_by_byte(folder):
    made, expected = os.path.join(folder, "made.tsv"), os.path.join(folder, "made.json")
    done = run("generate", *SAMPLE_OPTIONS, "--output", made, "--expect", expected)
    assert done.code == DONE, done.err
    with gzip.open(SAMPLE) as sample, open(made, "rb") as file:
        assert file.read() == sample.read()
    with open(EXPECTED, "rb") as sample, open(expected, "rb") as file:
        assert file.read() == sample.read()


def test_sample_is_small_enough_to_ship():
    assert os.path.getsize(SAMPLE) < 300_000


def test_expectation_adds_up():
    with open(EXPECTED, encoding="utf-8") as file:
        fates = json.load(file)
    assert fates["messages"] == SAMPLE_MESSAGES
    assert fates["items"] == fates["ticks"] + fates["rejected"] + fates["ignored"]
    assert sum(fates["reasons"].values()) == fates["rejected"]
    assert 0 < fates["repeats"] < fates["ignored"]
    assert fates["reasons"]["unknown_symbol"] > 0


def test_sample_has_every_pair_and_shape():
    with gzip.open(SAMPLE) as file:
        text = file.read().decode("utf-8", "replace")
    symbols = set(re.findall(r'"(?:symbol|s)"\s*:\s*"([^"]*)"', text))
    assert len(symbols) >= 30
    for part in ('"channel":"trades"', '"channel":"bbo"', '"channel":"prices"', '"channel": "',
                 '{\\"s\\":', "[{\"", '"channel":"pong"', '+00:00"'):
        assert part in text, part


@pytest.mark.parametrize("arguments, messages", [
    (("--count", "1"), 1),
    (("--count", "777"), 777),
    (("--duration", "3s", "--rate", "100"), 300),
    (("--duration", "1500ms", "--rate", "7.5"), 11),
    (("--duration", "2s", "--count", "100"), 100),
])
def test_as_many_messages_as_asked_for(arguments, messages):
    lines = generate(*arguments)
    assert len(lines) == messages
    arrivals = [int(line.split("\t")[0]) for line in lines]
    assert arrivals == sorted(set(arrivals))


def test_other_seed_is_another_market():
    assert generate("--count", 50, "--seed", 1) != generate("--count", 50, "--seed", 2)


def test_even_recording_has_event_time_and_arrival_together():
    for i, line in enumerate(generate("--count", 200, "--even", "--profile", "steady")):
        arrival, _, value = line.partition("\t")
        assert int(arrival) == 1_763_208_000_000_000_000 + i * 4_000_000
        tick = json.loads(value)
        when = tick.get("time", tick.get("timestamp"))
        if isinstance(when, int):
            assert str(when).startswith(arrival[:13])


def test_shares_and_weights_are_obeyed():
    lines = generate("--count", 2000, "--garbage", 0, "--unknown", 0, "--control", "100%")
    assert not any('"price"' in line for line in lines)
    lines = generate("--count", 500, "--garbage", 0, "--unknown", 0, "--control", 0,
                     "--canonical", 0, "--relay", 0, "--trades", 0, "--prices", 0, "--bbo", 1)
    assert all('"channel":"bbo"' in line for line in lines)


def test_pairs_come_from_a_table(folder):
    table = write(folder, "pairs.csv", "symbol,tick_size,price\nFOO,0.5,100\nBAR,0.001,2\n")
    lines = generate("--count", 300, "--pairs", table, "--profile", "steady")
    found = [json.loads(line.split("\t")[1]) for line in lines]
    assert {tick["symbol"] for tick in found} == {"FOO", "BAR"}
    assert all(float(tick["price"]) * 2 % 1 == 0 for tick in found if tick["symbol"] == "FOO")
    only = generate("--count", 50, "--pairs", table, "--profile", "steady", "--symbols", "BAR")
    assert all('"symbol":"BAR"' in line for line in only)


def test_sequence_is_a_key_of_every_item():
    lines = generate("--count", 2000, "--sequence", "key", "--garbage", 0, "--control", 0)
    found = [int(seq) for line in lines for seq in re.findall(r'\\?"seq\\?":(\d+)', line)]
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= 2000


def test_jsonl_has_no_arrivals():
    tsv = generate("--count", 300)
    assert generate("--count", 300, "--format", "jsonl") == [line.split("\t", 1)[1] for line in tsv]


@pytest.mark.parametrize("suffix, unpack", [(".gz", ["gzip", "-cd"]), (".zst", ["zstd", "-cdq"])])
def test_output_is_packed_by_its_name(folder, suffix, unpack):
    path = os.path.join(folder, "made.tsv" + suffix)
    assert run("generate", "--count", 3000, "--output", path).code == DONE
    if subprocess.run(["which", unpack[0]], stdout=subprocess.DEVNULL, check=False).returncode:
        pytest.skip(f"no {unpack[0]}")
    plain = subprocess.run([*unpack, path], stdout=subprocess.PIPE, check=True).stdout
    assert plain.decode("utf-8", "surrogateescape").splitlines() == generate("--count", 3000)
    assert os.listdir(folder) == ["made.tsv" + suffix]


@pytest.mark.parametrize("arguments, complaint", [
    ((), "expected --count or --duration"),
    (("--count", "0"), "expected --count or --duration"),
    (("--duration", "1ms"), "that is no message"),
    (("--count", "1", "--profile", "wild"), "not one of default, steady, hostile"),
    (("--count", "1", "--garbage", "60%", "--control", "50%"), "more than 100%"),
    (("--count", "1", "--profile", "steady", "--canonical", "0"), "all weights are 0"),
    (("--count", "1", "--format", "xml"), "not tsv or jsonl"),
    (("--count", "1", "--sequence", "x"), "not key or volume"),
    (("--count", "1", "--symbols", "NOPE"), "not among the 30 pairs"),
    (("--count", "1", "--pairs", "/nonexistent/pairs"), "No such file"),
    (("--count", "1", "file"), "reads no file"),
])
def test_wrong_generate_is_refused(arguments, complaint):
    done = run("generate", *arguments)
    assert done.code == USAGE
    assert complaint in done.err
    assert done.out == b""


def test_full_disk_is_said():
    done = run("generate", "--count", 10, "--output", "/dev/full")
    assert done.code == TROUBLE
    assert "No space left" in done.err


def test_reader_that_has_enough_ends_it_quietly():
    with subprocess.Popen([programs.path("tickreplay"), "generate", "--count", "1G"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as child:
        assert child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(DEADLINE_S) == -signal.SIGPIPE


def test_commands_explain_themselves():
    for arguments in ((), ("nope",)):
        done = run(*arguments)
        assert done.code == USAGE and "Usage: tickreplay COMMAND" in done.err
    assert b"Usage: tickreplay COMMAND" in run("--help").out
    assert re.fullmatch(rb"tickreplay \d+\.\d+\.\d+\n", run("--version").out)
    for command in ("generate", "send", "verify", "measure"):
        done = run(command, "--help")
        assert done.code == DONE and f"Usage: tickreplay {command} ".encode() in done.out


@pytest.mark.parametrize("command", ["generate", "send", "verify", "measure"])
def test_manual_has_every_option(command):
    with open(os.path.join(ROOT, "man", "tickreplay.1"), encoding="utf-8") as file:
        section = file.read().split(f".SH {command.upper()}\n")[1].split("\n.SH ")[0]
    manual = set(re.findall(r"--([a-z.-]*[a-z.])", section.replace("\\-", "-")))
    options = set(re.findall(r"^  --(kafka\.|[a-z-]+)", run(command, "--help").out.decode(), re.M))
    assert options - {"help"} == manual


# --- send


def test_recording_arrives_whole_and_in_order(replay, arrived):
    done = replay("--max", SAMPLE)
    assert done.code == DONE, done.err
    assert done.report["sent"] == done.report["produced"] == done.report["read"] == SAMPLE_MESSAGES
    assert done.report["failed"] == done.report["errors"] == 0
    with gzip.open(SAMPLE) as file:
        values = [line.split(b"\t", 1)[1] for line in file.read().splitlines()]
    messages = arrived()
    assert sorted(message.value for message in messages) == sorted(values)
    assert done.report["bytes"] == sum(map(len, values))
    # The messages of one key keep their order, in one partition.
    for key in {message.key for message in messages if message.key}:
        own = [message for message in messages if message.key == key]
        assert len({message.partition for message in own}) == 1
        texts = {message.value for message in own}
        assert [message.value for message in own] == [value for value in values if value in texts]


def test_report_names_the_offsets(replay, arrived, mock, topic):
    produce.produce(mock.bootstrap, topic, ["before"], partition=1)
    report = replay("--max", SAMPLE).report
    messages = arrived()
    for partition in report["partitions"]:
        offsets = [message.offset for message in messages
                   if message.partition == partition["partition"] and message.value != b"before"]
        assert (partition["first"], partition["last"]) == (offsets[0], offsets[-1])
        assert partition["messages"] == len(offsets)
    assert sum(partition["messages"] for partition in report["partitions"]) == SAMPLE_MESSAGES


@pytest.mark.parametrize("name, text, values, keys", [
    ("jsonl", '{"symbol":"A","price":1}\n\n{"channel":"pong"}\n',
     ['{"symbol":"A","price":1}', '{"channel":"pong"}'], ["A", None]),
    ("tsv", '1723161480\t{"symbol":"A","price":1}\n1723161480.1\tgarbage\n',
     ['{"symbol":"A","price":1}', "garbage"], ["A", None]),
    ("tsv3", '1723161480\tokx\t{"channel":"bbo","data":{"s":"B"}}\n',
     ['{"channel":"bbo","data":{"s":"B"}}'], ["B"]),
    ("csv", "symbol,price,time\nC,1.50,2025-11-15 16:45:36+00\n",
     ['{"time":"2025-11-15 16:45:36+00:00","symbol":"C","price":1.50}'], ["C"]),
])
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_is_read_from_files_and_stdin(replay, arrived, folder, name, text, values, keys,
                                                   packed):
    data = gzip.compress(text.encode()) if packed else text.encode()
    assert replay("--max", write(folder, name, data)).report["sent"] == len(values)
    assert replay("--max", "-", stdin=data).report["sent"] == len(values)
    found = sorted((message.value.decode(), message.key) for message in arrived())
    wanted = [(value, key.encode() if key else None) for value, key in zip(values, keys)]
    assert found == sorted(wanted * 2)


def test_broken_lines_are_counted_and_the_rest_is_sent(replay, arrived, folder):
    path = write(folder, "r.tsv", "1723161480\t{1}\nbroken\n1723161481\t{2}\n")
    cut = write(folder, "cut.gz", gzip.compress(ticks(5000).encode())[:10000])
    done = replay("--max", path, cut, os.path.join(folder, "missing"), path)
    assert done.code == TROUBLE
    assert f"{path}:2: column 1: expected Unix time and a tab" in done.err
    assert re.search(re.escape(cut) + r":\d+: truncated gzip", done.err)
    assert "missing: No such file" in done.err
    assert done.report["errors"] == 4
    assert [message.value for message in arrived()].count(b"{2}") == 2


def test_strict_stops_at_the_first_error(replay, folder):
    path = write(folder, "r.tsv", "1723161480\t{1}\nbroken\n1723161481\t{2}\n")
    done = replay("--max", "--strict", path)
    assert done.code == TROUBLE
    assert done.report["sent"] == 1
    assert done.report["errors"] == 1


def test_many_broken_lines_are_not_all_said(replay, folder):
    done = replay("--max", write(folder, "r.tsv", "1723161480\t{1}\n" + "broken\n" * 50))
    assert done.report["errors"] == 50
    assert done.err.count("column 1") == 10
    assert "50 lines or files could not be read" in done.err


def test_filters_leave_out(replay, arrived, folder):
    path = write(folder, "r.tsv", ticks(70))
    done = replay("--max", "--symbols", "S1,S2", path)
    assert (done.report["sent"], done.report["filtered"]) == (20, 50)
    assert {message.key for message in arrived()} == {b"S1", b"S2"}
    done = replay("--max", "--from", "1763208000010", "--to", "1763208000020", path)
    assert (done.report["sent"], done.report["filtered"]) == (10, 60)
    three = write(folder, "r3.tsv", "1\tokx\t{1}\n2\tbybit\t{2}\n3\tokx\t{3}\n")
    assert replay("--max", "--exchanges", "okx", three).report["sent"] == 2


def test_symbols_are_mapped_before_they_are_filtered(replay, arrived, folder):
    path = write(folder, "r.jsonl", '{"stream":"x","data":{"s":"BTCUSDT","p":"1.10"}}\n'
                                    '{"symbol":"ETHUSDT","price":1}\n')
    done = replay("--max", "--map", "BTCUSDT=BTC,ETHUSDT=ETH", "--symbols", "BTC", path)
    assert done.report["sent"] == 1
    message, = arrived()
    assert (message.key, message.value) == (b"BTC", b'{"stream":"x","data":{"s":"BTC","p":"1.10"}}')


def test_loops_and_counts(replay, arrived, folder):
    path = write(folder, "r.tsv", ticks(10))
    done = replay("--max", "--loop", 3, path)
    assert (done.report["sent"], done.report["passes"]) == (30, 3)
    done = replay("--max", "--loop", 0, "--count", 25, path)
    assert done.report["sent"] == 25
    assert len(arrived()) == 55


def test_empty_recording_does_not_loop_for_ever(replay, folder):
    assert replay("--max", "--loop", 0, write(folder, "r.tsv", "")).report["sent"] == 0


def test_duration_ends_the_run(replay, folder):
    done = replay("--rate", 200, "--loop", 0, "--duration", "500ms",
                  write(folder, "r.tsv", ticks(10)))
    assert done.code == DONE
    assert done.report["sent"] <= 101


def event_times(messages):
    """Event times in ms by price, which tells the ticks of ticks() apart."""
    decoded = (json.loads(message.value) for message in messages)
    return {tick["price"]: tick["time"] for tick in decoded}


def test_shift_moves_the_recording_to_now_and_keeps_its_gaps(replay, arrived, folder):
    before = time.time() * 1000
    done = replay("--speed", 1, "--shift-to-now",
                  write(folder, "r.tsv", ticks(100, step_ms=3) + ticks(100, step_ms=3)))
    after = time.time() * 1000
    assert done.code == DONE
    messages = arrived()
    shifted = event_times(messages)
    assert before - 1 <= shifted[1] <= after
    assert all(shifted[i + 1] - shifted[i] == 3 for i in range(1, 100))
    assert done.report["shifts_ms"] == [shifted[1] - 1_763_208_000_000]
    # As recorded: no message was sent before its event.
    assert all(message.timestamp_ms >= json.loads(message.value)["time"] - 1
               for message in messages)


@pytest.mark.parametrize("pace", [("--max",), ("--rate", "1000"), ("--speed", "20")])
def test_shift_of_a_faster_replay_leaves_no_event_in_the_future(replay, arrived, folder, pace):
    before = time.time() * 1000
    done = replay(*pace, "--shift-to-now", write(folder, "r.tsv", ticks(300, step_ms=10)))
    after = time.time() * 1000
    assert done.code == DONE
    shifted = event_times(arrived())
    assert all(shifted[i + 1] - shifted[i] == 10 for i in range(1, 300))
    assert before - 1 <= shifted[300] <= after


def test_shift_does_not_touch_numbers(replay, arrived, folder):
    path = write(folder, "r.jsonl",
                 '{"timestamp": "2025-11-08T12:00:00.123456", "symbol": "kBONK", "channel": "trades",'
                 ' "data": "{\\"s\\":\\"kBONK\\",\\"p\\":\\"0.0118740\\",\\"a\\":\\"1e-05\\",'
                 '\\"t\\":1762603200123,\\"li\\":1762603200123}"}\n')
    assert replay("--max", "--shift-to-now", path).code == DONE
    message, = arrived()
    value = message.value.decode()
    for part in ('\\"p\\":\\"0.0118740\\"', '\\"a\\":\\"1e-05\\"', '\\"li\\":1762603200123'):
        assert part in value
    outer = json.loads(value)
    inner = json.loads(outer["data"])
    relay_ms = datetime.fromisoformat(outer["timestamp"] + "+00:00").timestamp() * 1000
    assert abs(relay_ms - inner["t"]) < 1
    assert abs(time.time() * 1000 - relay_ms) < DEADLINE_S * 1000


# --- pace


def sent_times(messages):
    return sorted(message.timestamp_ms for message in messages)


@pytest.mark.parametrize("pace, due_ms", [
    (("--rate", "500"), lambda i: i * 2),
    (("--speed", "2"), lambda i: i * 1.5),
    ((), lambda i: i * 3),
    (("--rate", "1000", "--bursts"), lambda i: i * 300 / 299),
])
def test_no_message_is_early(replay, arrived, folder, pace, due_ms):
    done = replay(*pace, write(folder, "r.tsv", ticks(300, step_ms=3)))
    assert done.code == DONE
    times = sent_times(arrived())
    # The first may be late itself, by no more than the report says.
    slack_ms = 2 + done.report["behind_max_ms"]
    assert all(at - times[0] >= due_ms(i) - slack_ms for i, at in enumerate(times))
    # How late they are depends on the machine; that it is said does not.
    late = done.report["behind_max_ms"] > 1000
    if late:
        assert not done.report["on_time"]
        assert "the pace was NOT kept" in done.err


def test_bursts_stay_bursts_at_another_rate(replay, arrived, folder):
    lines = ticks(100, step_ms=0) + ticks(100, step_ms=0, start_ms=1_763_208_000_400)
    done = replay("--rate", 1000, "--bursts", write(folder, "r.tsv", lines))
    assert done.code == DONE
    times = sent_times(arrived())
    # 200 messages at 1000 a second are 200 ms, all of them between the two bursts.
    assert times[100] - times[0] >= 198 - done.report["behind_max_ms"]
    assert done.report["rate_asked"] == 1000


def test_unreachable_rate_is_said(replay, folder):
    # So much that no machine keeps up.
    done = replay("--rate", "10M", write(folder, "r.tsv", ticks(200_000)))
    assert done.report["sent"] == 200_000
    assert done.report["rate"] < 10_000_000 * 0.98
    assert not done.report["on_time"]
    assert "the pace was NOT kept" in done.err
    assert replay("--strict", "--rate", "10M", os.path.join(folder, "r.tsv")).code == TROUBLE


def test_long_pauses_can_be_cut(replay, folder):
    lines = ticks(10) + ticks(10, start_ms=1_763_208_000_000 + 86_400_000)
    assert replay("--max-gap", "100ms", write(folder, "r.tsv", lines)).report["sent"] == 20


# --- trouble


@pytest.mark.parametrize("arguments, complaint", [
    (("--max",), "expected a FILE"),
    (("--max", "--rate", "5", "-"), "exclude each other"),
    (("--max", "--loop", "2", "-"), "cannot be read again"),
    (("--bursts", "-"), "--bursts needs --rate"),
    (("--map", "x", "-"), "FROM=TO"),
    (("--format", "xml", "-"), "--format"),
    (("--kafka.no.such=1", "-"), 'No such configuration property: "no.such"'),
    (("--kafka.linger.ms=x", "-"), "kafka.linger.ms"),
    (("--config", "/nonexistent/conf", "-"), "No such file"),
])
def test_wrong_send_is_refused(replay, arguments, complaint):
    done = replay(*arguments)
    assert done.code == USAGE
    assert complaint in done.err


def test_topic_and_brokers_are_required():
    assert "expected --topic" in run("send", "--bootstrap", "x:1", "-").err
    assert "expected --bootstrap" in run("send", "--topic", "x", "-").err


def test_secret_is_never_said(mock):
    done = run("send", "--bootstrap", mock.bootstrap, "--topic", "x",
               "--kafka.ssl.key.password=hush\nhush", "--kafka.security.protocol=nope", "-")
    assert done.code == USAGE
    assert "hush" not in done.err


def test_unreachable_broker_is_said():
    address = f"{LOOPBACK}:{free_port()}"
    done = run("send", "--bootstrap", address, "--topic", "x", "--connect-timeout", "1s", SAMPLE)
    assert done.code == TROUBLE
    assert "no broker answers within 1000 ms" in done.err
    assert address in done.err


def test_missing_topic_is_said_and_not_made(mock, topic):
    done = run("send", "--bootstrap", mock.bootstrap, "--topic", "nope", SAMPLE)
    assert done.code == TROUBLE
    assert 'topic "nope" does not exist' in done.err
    again = run("send", "--bootstrap", mock.bootstrap, "--topic", "nope", SAMPLE)
    assert 'topic "nope" does not exist' in again.err
    assert topic


def test_full_local_queue_is_waited_for(replay, arrived):
    done = replay("--max", "--kafka.queue.buffering.max.messages=100", SAMPLE)
    assert done.code == DONE
    assert done.report["queue_full"] > 0
    assert done.report["sent"] == SAMPLE_MESSAGES == len(arrived())


def test_refused_message_is_counted(replay, arrived, folder):
    long = '{"symbol":"A","price":1,"note":"' + "x" * 2000 + '"}'
    path = write(folder, "r.jsonl", '{"symbol":"A","price":1}\n' + long + '\n{"symbol":"B"}\n')
    done = replay("--max", "--kafka.message.max.bytes=1000", path)
    assert done.code == TROUBLE
    assert (done.report["sent"], done.report["failed"]) == (2, 1)
    assert "1 messages FAILED" in done.err
    assert len(arrived()) == 2
    done = replay("--max", "--strict", "--kafka.message.max.bytes=1000", path)
    assert (done.report["sent"], done.report["failed"]) == (1, 1)


def test_given_up_messages_are_counted(replay, mock, topic):
    for partition in range(4):
        mock.leader(topic, partition, -1)
    done = replay("--max", "--kafka.message.timeout.ms=500", SAMPLE)
    assert done.code == TROUBLE
    assert (done.report["sent"], done.report["failed"]) == (0, SAMPLE_MESSAGES)
    assert "timed out" in done.report["why"]


def test_config_file_gives_the_properties(mock, topic, folder, arrived):
    conf = write(folder, "tickd.conf", f"database_url = postgresql://x\n"
                                       f"kafka.bootstrap.servers = {mock.bootstrap}\n"
                                       f"kafka.compression.type = zstd\n")
    done = run("send", "--config", conf, "--topic", topic, "--max", SAMPLE)
    assert done.code == DONE, done.err
    assert len(arrived()) == SAMPLE_MESSAGES


class Running:
    """A send that is going on, with its stdin open."""

    def __init__(self, folder, *arguments):
        self.log = os.path.join(folder, "stderr")
        self.report_path = os.path.join(folder, "running.json")
        self.child = proc.Child([programs.path("tickreplay"), "send", "--json", self.report_path,
                                 *map(str, arguments)], log=self.log, stdin=subprocess.PIPE,
                                env=environment())

    def write(self, text):
        self.child.popen.stdin.write(text.encode())
        self.child.popen.stdin.flush()

    def report(self):
        with open(self.report_path, encoding="utf-8") as file:
            return json.load(file)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


@pytest.fixture
def running(folder):
    """running(*arguments): a send that is killed at the end, if it still runs."""
    made = []

    def start(*arguments):
        made.append(Running(folder, *arguments))
        return made[-1]

    yield start
    for each in made:
        each.child.popen.stdin.close()
        each.child.end()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_with_everything_flushed(running, mock, topic, arrived, signum):
    send = running("--bootstrap", mock.bootstrap, "--topic", topic, "--rate", 1000,
                   "--kafka.linger.ms=200", "-")
    send.write(ticks(50))
    wait_until(lambda: len(arrived()) > 0, "the first messages")
    send.child.send(signum)
    assert send.child.wait() == DONE
    report = send.report()
    assert report["interrupted"]
    assert report["sent"] == report["produced"] == len(arrived()) > 0
    assert report["failed"] == 0
    assert "interrupted" in send.log_text()


def test_second_signal_gives_up_what_is_not_sent(running, mock, topic):
    send = running("--bootstrap", mock.bootstrap, "--topic", topic, "--max", "-")
    send.write(ticks(10))
    wait_until(lambda: produce.end_offsets(mock.bootstrap, topic, 4), "the topic")
    wait_until(lambda: sum(produce.end_offsets(mock.bootstrap, topic, 4)) == 10, "ten messages")
    mock.down()
    send.write(ticks(20))
    send.child.send(signal.SIGINT)
    # Until it hears the second one it waits for the broker.
    while send.child.alive:
        send.child.send(signal.SIGINT)
        time.sleep(0.05)
    assert send.child.wait() in (DONE, TROUBLE)
    report = send.report()
    assert report["sent"] + report["failed"] == report["produced"]
    assert report["sent"] == 10


def test_broker_that_comes_back_gets_everything_once(running, mock, topic, arrived):
    send = running("--bootstrap", mock.bootstrap, "--topic", topic, "--max", "-")
    send.write(ticks(100))
    wait_until(lambda: sum(produce.end_offsets(mock.bootstrap, topic, 4)) == 100, "100 messages")
    mock.down()
    send.write(ticks(2000)[len(ticks(100)):])
    send.child.popen.stdin.flush()
    mock.up()
    send.child.popen.stdin.close()
    assert send.child.wait() == DONE
    assert send.report()["sent"] == 2000
    found = [json.loads(message.value)["price"] for message in arrived()]
    assert sorted(found) == list(range(1, 2001))


def test_progress_is_for_terminals(mock, topic, folder):
    path = write(folder, "r.tsv", ticks(100, step_ms=10))
    main, terminal = os.openpty()
    with subprocess.Popen([programs.path("tickreplay"), "send", "--bootstrap", mock.bootstrap,
                           "--topic", topic, path], stdin=subprocess.DEVNULL, env=environment(),
                          stdout=subprocess.DEVNULL, stderr=terminal) as child:
        os.close(terminal)
        shown = b""
        while select.select([main], [], [], DEADLINE_S)[0]:
            try:
                shown += os.read(main, 4096)
            except OSError:
                break    # the other end is closed
        assert child.wait(DEADLINE_S) == DONE
    os.close(main)
    assert re.search(rb"\r\d+ sent, 0 failed, \d+ a second, 0:0\d elapsed, 0:0\d left", shown)
    quiet = run("send", "--bootstrap", mock.bootstrap, "--topic", topic, "--max", path)
    assert "\r" not in quiet.err
    assert quiet.err.count("\n") == 1
    silent = run("send", "--quiet", "--bootstrap", mock.bootstrap, "--topic", topic, "--max", path)
    assert silent.err == ""


# --- tickd


@pytest.mark.parametrize("pace", [("--max",), ("--speed", "4")])
def test_tickd_makes_of_the_sample_what_was_said(db, mock, tickd, folder, pace):
    flow = Flow(db, mock, tickd, topic="sample", partitions=4).create_topic()
    flow.start()
    done = run("send", "--bootstrap", mock.bootstrap, "--topic", "sample", *pace,
               "--shift-to-now", SAMPLE)
    assert done.code == DONE, done.err
    flow.wait_consumed()
    with open(EXPECTED, encoding="utf-8") as file:
        fates = json.load(file)
    assert flow.counts() == (fates["messages"], fates["ticks"], fates["rejected"],
                             fates["ignored"], 0)
    reasons = db.query("SELECT reason, count(*) FROM rejected_ticks GROUP BY reason")
    assert dict(reasons) == fates["reasons"]
    assert db.query("SELECT count(*) FROM ticks") == [(fates["ticks"],)]


# --- the real broker


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_real_broker_gets_every_message_once(kafka, codec, folder):
    name = kafka.create_topic(f"replay-{codec}", partitions=4)
    report = os.path.join(folder, "report.json")
    done = run("send", "--bootstrap", kafka.bootstrap, "--topic", name, "--max",
               f"--kafka.compression.type={codec}", "--json", report, SAMPLE)
    assert done.code == DONE, done.err
    with gzip.open(SAMPLE) as file:
        values = [line.split(b"\t", 1)[1] for line in file.read().splitlines()]
    messages = produce.read_all(kafka.bootstrap, name, partitions=4)
    assert sorted(message.value for message in messages) == sorted(values)
