# SPDX-License-Identifier: MIT
"""The proxy's faults, each against a plain socket server that the test holds in its hand."""

import socket
import threading
import time

import pytest

from lib import net
from lib.proxy import BLACKHOLE, DOWN, FIN, FLIP, HALF_CLOSE, RST, UP, Proxy
from lib.wait import wait_until

_TIMEOUT_S = 20
_QUIET_S = 0.2


class Pair:
    """A client and its server with the proxy between them."""

    def __init__(self):
        self._listener = socket.create_server((net.LOOPBACK, 0))
        self._listener.settimeout(_TIMEOUT_S)
        self.proxy = Proxy(self._listener.getsockname()[1])
        self._open = [self._listener]

    def connect(self):
        """A new connection through the proxy: (client's socket, server's socket)."""
        client = self.knock()
        server, _ = self._listener.accept()
        server.settimeout(_TIMEOUT_S)
        self._open.append(server)
        return client, server

    def knock(self):
        client = socket.create_connection((net.LOOPBACK, self.proxy.port), _TIMEOUT_S)
        self._open.append(client)
        return client

    def nobody_called(self):
        """True if no connection waits at the server."""
        self._listener.settimeout(_QUIET_S)
        try:
            self._open.append(self._listener.accept()[0])
            return False
        except TimeoutError:
            return True
        finally:
            self._listener.settimeout(_TIMEOUT_S)

    def close(self):
        self.proxy.close()
        for sock in self._open:
            sock.close()


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.close()


def read(sock, count):
    """Exactly that many bytes, or fewer if the stream ends."""
    found = b""
    while len(found) < count and (data := sock.recv(count - len(found))):
        found += data
    return found


def is_quiet(sock):
    """True if nothing arrives for a moment."""
    sock.settimeout(_QUIET_S)
    try:
        sock.recv(1, socket.MSG_PEEK)
        return False
    except TimeoutError:
        return True
    finally:
        sock.settimeout(_TIMEOUT_S)


def was_reset(sock):
    """Waits for the end of the stream; True if it was a reset, False if an orderly end."""
    try:
        while sock.recv(65536):
            pass
        return False
    except ConnectionResetError:
        return True


def test_forwards_both_directions(pair):
    client, server = pair.connect()
    client.sendall(b"ping")
    assert read(server, 4) == b"ping"
    server.sendall(b"pong!")
    assert read(client, 5) == b"pong!"
    wait_until(lambda: pair.proxy.bytes == {UP: 4, DOWN: 5}, "the bytes to be counted")
    assert pair.proxy.connections == 1 and pair.proxy.accepted == 1


def test_forwards_more_than_any_buffer_holds_unchanged(pair):
    client, server = pair.connect()
    data = bytes(range(256)) * 40000
    received = bytearray()
    client.setblocking(False)
    sent = 0
    while len(received) < len(data):
        if sent < len(data):
            try:
                sent += client.send(data[sent:sent + 65536])
            except BlockingIOError:
                pass
        server.settimeout(0.01)
        try:
            received += server.recv(1 << 20)
        except TimeoutError:
            pass
    assert received == data


def test_end_of_one_direction_leaves_the_other_open(pair):
    client, server = pair.connect()
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    server.sendall(b"still here")
    assert read(client, 10) == b"still here"


def test_link_is_forgotten_when_both_ends_are_closed(pair):
    client, server = pair.connect()
    client.close()
    assert server.recv(1) == b""
    server.close()
    wait_until(lambda: pair.proxy.connections == 0, "the link to be forgotten")


def test_reset_by_the_server_reaches_the_client(pair):
    client, server = pair.connect()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.close()
    assert was_reset(client)


def test_absent_server_looks_like_a_reset():
    proxy = Proxy(net.free_port())
    try:
        # It may come so fast that connect() itself reports it.
        with socket.socket() as client, pytest.raises(ConnectionResetError):
            client.settimeout(_TIMEOUT_S)
            client.connect((net.LOOPBACK, proxy.port))
            client.recv(1)
    finally:
        proxy.close()


def test_delay_holds_bytes_back_but_not_up(pair):
    client, server = pair.connect()
    pair.proxy.delay(0.3, UP)
    start = time.monotonic()
    for _ in range(10):
        client.sendall(b"x")
        time.sleep(0.01)
    assert read(server, 10) == b"x" * 10
    took = time.monotonic() - start
    # Ten delays one after the other would be 3 s.
    assert 0.3 <= took < 2.5
    server.sendall(b"y")
    assert read(client, 1) == b"y"


def test_rate_limits_one_direction(pair):
    client, server = pair.connect()
    pair.proxy.rate(100_000, DOWN)
    start = time.monotonic()
    server.sendall(b"z" * 50_000)
    assert read(client, 50_000) == b"z" * 50_000
    assert time.monotonic() - start >= 0.4


def test_blackhole_keeps_connections_open_and_heals_without_loss(pair):
    client, server = pair.connect()
    pair.proxy.blackhole()
    client.sendall(b"lost?")
    server.sendall(b"never")
    assert is_quiet(server) and is_quiet(client)
    pair.proxy.heal()
    assert read(server, 5) == b"lost?" and read(client, 5) == b"never"


def test_blackhole_of_one_direction_lets_the_other_pass(pair):
    client, server = pair.connect()
    pair.proxy.blackhole(DOWN)
    client.sendall(b"request")
    assert read(server, 7) == b"request"
    server.sendall(b"answer")
    assert is_quiet(client)


def test_new_connection_hangs_in_a_blackhole(pair):
    pair.proxy.blackhole()
    client = pair.knock()
    client.sendall(b"hello")
    assert pair.nobody_called() and is_quiet(client)


def test_refuse_and_accept_on_the_same_port(pair):
    client, server = pair.connect()
    pair.proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        pair.knock()
    client.sendall(b"old ones live on")
    assert read(server, 16) == b"old ones live on"
    pair.proxy.accept()
    client, server = pair.connect()
    client.sendall(b"again")
    assert read(server, 5) == b"again"


@pytest.mark.parametrize("how", [FIN, RST])
def test_cut_ends_both_sides(pair, how):
    client, server = pair.connect()
    client.sendall(b"x")
    assert read(server, 1) == b"x"
    pair.proxy.cut(how)
    assert pair.proxy.connections == 0
    assert was_reset(client) == (how == RST)
    assert was_reset(server) == (how == RST)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_half_close_ends_one_direction_only(pair, direction):
    client, server = pair.connect()
    sender, receiver = (client, server) if direction == UP else (server, client)
    sender.sendall(b"x")
    assert read(receiver, 1) == b"x"
    pair.proxy.half_close(direction)
    assert receiver.recv(1) == b""
    sender.sendall(b"into the void")
    receiver.sendall(b"back")
    assert read(sender, 4) == b"back"


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_cut_after_bytes_lets_exactly_these_pass(pair, direction):
    client, server = pair.connect()
    sender, receiver = (client, server) if direction == UP else (server, client)
    fault = pair.proxy.after(direction, FIN, bytes_passed=1000)
    sender.sendall(b"a" * 600)
    assert read(receiver, 600) == b"a" * 600
    assert not fault.happened
    sender.sendall(b"b" * 600)
    assert read(receiver, 600) == b"b" * 400
    fault.wait()


def test_cut_after_pattern_lets_it_pass_whole(pair):
    client, server = pair.connect()
    fault = pair.proxy.after(UP, FIN, pattern=b"COMMIT")
    client.sendall(b"BEGIN;COMMIT;more")
    assert read(server, 100) == b"BEGIN;COMMIT"
    fault.wait()


def test_cut_before_pattern_lets_nothing_of_it_pass(pair):
    client, server = pair.connect()
    pair.proxy.after(UP, FIN, pattern=b"COMMIT", before=True)
    client.sendall(b"BEGIN;COMMIT;more")
    assert read(server, 100) == b"BEGIN;"


def test_pattern_is_seen_across_reads(pair):
    client, server = pair.connect()
    fault = pair.proxy.after(UP, FIN, pattern=b"COMMIT")
    client.sendall(b"xxCOM")
    assert read(server, 5) == b"xxCOM"
    assert not fault.happened
    client.sendall(b"MITyy")
    assert read(server, 100) == b"MIT"
    fault.wait()


def test_split_pattern_does_not_pass_whole_when_cut_before(pair):
    client, server = pair.connect()
    pair.proxy.after(UP, FIN, pattern=b"COMMIT", before=True)
    client.sendall(b"xxCOM")
    assert read(server, 5) == b"xxCOM"
    client.sendall(b"MITyy")
    assert read(server, 100) == b""


def test_skip_counts_occurrences(pair):
    client, server = pair.connect()
    pair.proxy.after(UP, FIN, pattern=b"aba", skip=2)
    client.sendall(b"aba.")
    assert read(server, 4) == b"aba."
    client.sendall(b"aba.aba.aba.")
    assert read(server, 100) == b"aba.aba"


def test_two_faults_in_one_read_happen_in_order(pair):
    client, server = pair.connect()
    seen = []
    pair.proxy.after(UP, lambda: seen.append("second"), pattern=b"two")
    pair.proxy.after(UP, lambda: seen.append("first"), pattern=b"one")
    late = pair.proxy.after(UP, FIN, bytes_passed=9)
    client.sendall(b"one.two.three")
    assert read(server, 100) == b"one.two.t"
    late.wait()
    assert seen == ["first", "second"]


def test_fault_happens_once(pair):
    client, server = pair.connect()
    pair.proxy.after(UP, RST, pattern=b"die")
    client.sendall(b"die")
    assert was_reset(server)
    client, server = pair.connect()
    client.sendall(b"die again")
    assert read(server, 9) == b"die again"


def test_fault_blackhole_strikes_that_connection_only(pair):
    client, server = pair.connect()
    fault = pair.proxy.after(DOWN, BLACKHOLE, pattern=b"stop")
    server.sendall(b"stop here")
    assert read(client, 4) == b"stop"
    fault.wait()
    client.sendall(b"hello?")
    assert is_quiet(client) and is_quiet(server)
    other_client, other_server = pair.connect()
    other_client.sendall(b"x")
    assert read(other_server, 1) == b"x"
    pair.proxy.heal()
    assert read(client, 5) == b" here" and read(server, 6) == b"hello?"


def test_fault_half_close_drops_the_rest(pair):
    client, server = pair.connect()
    pair.proxy.after(DOWN, HALF_CLOSE, pattern=b"end")
    server.sendall(b"the end of it")
    assert read(client, 100) == b"the end"
    client.sendall(b"ok")
    assert read(server, 2) == b"ok"


def test_flip_changes_one_byte(pair):
    client, server = pair.connect()
    pair.proxy.after(UP, FLIP, bytes_passed=3)
    client.sendall(b"aaaaaa")
    assert read(server, 6) == b"aa`aaa"


def test_stream_stands_still_while_a_function_runs(pair):
    client, server = pair.connect()
    go_on = threading.Event()
    fault = pair.proxy.after(UP, lambda: go_on.wait(_TIMEOUT_S), pattern=b"now")
    client.sendall(b"now or never")
    assert read(server, 3) == b"now"
    assert is_quiet(server) and not fault.happened
    go_on.set()
    fault.wait()
    assert read(server, 9) == b" or never"


def test_heal_disarms_waiting_faults(pair):
    client, server = pair.connect()
    fault = pair.proxy.after(UP, RST, pattern=b"die")
    pair.proxy.heal()
    client.sendall(b"die")
    assert read(server, 3) == b"die"
    assert not fault.happened


def test_target_can_move(pair):
    with socket.create_server((net.LOOPBACK, 0)) as elsewhere:
        elsewhere.settimeout(_TIMEOUT_S)
        pair.proxy.target = elsewhere.getsockname()
        client = pair.knock()
        server, _ = elsewhere.accept()
        client.sendall(b"x")
        with server:
            assert read(server, 1) == b"x"


def test_close_any_number_of_times(pair):
    client, _ = pair.connect()
    pair.proxy.close()
    assert was_reset(client)
    pair.proxy.close()
