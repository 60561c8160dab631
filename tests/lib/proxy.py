# SPDX-License-Identifier: MIT
"""A TCP proxy that misbehaves on command: the network between tickd and its servers.

    client  --- UP --->  proxy  --- UP --->  server
            <-- DOWN --         <-- DOWN --

Usual path: bytes are forwarded as they come, each direction with its own delay, rate and gate; the
end of one direction is passed on as a half-close. Faults act on all open connections at once
(cut, blackhole, half_close) or wait for their moment in the stream (after): a number of bytes or a
pattern. It runs in a thread of its own; all public methods may be called from any other thread
and have taken effect when they return.
"""

import asyncio
import socket
import struct
import threading
from collections import deque

from . import net
from .wait import wait_until

UP = "up"        # from the client to the server
DOWN = "down"    # from the server to the client
FIN = "fin"      # orderly close of both sides
RST = "rst"      # both sides see "connection reset"
BLACKHOLE = "blackhole"    # stays open, nothing passes any more, in either direction
HALF_CLOSE = "half_close"  # the receiver of that direction sees the end; the other one works on
FLIP = "flip"    # the byte at the point is changed, the stream goes on

_CHUNK = 64 * 1024
_QUEUED_CHUNKS = 64
_LINGER_RST = struct.pack("ii", 1, 0)
_CALL_TIMEOUT_S = 30


class Fault:
    """A fault that waits for its point in the stream; happens once."""

    def __init__(self, direction, action, pattern, after_bytes, before, skip):
        self.direction = direction
        self.action = action
        self._pattern = pattern
        self._left = after_bytes
        self._before = before
        self._skip = skip
        self._happened = threading.Event()

    @property
    def happened(self):
        return self._happened.is_set()

    def wait(self, timeout=60.0):
        """Waits until it has happened."""
        wait_until(self._happened.is_set, f"fault {self.action} on {self._pattern or 'bytes'}",
                   timeout)

    def find(self, tail, data):
        """Where in `data` the point is, or None. tail: what passed just before."""
        if self._pattern is None:
            return self._left if self._left <= len(data) else None
        for begin, end in self._matches(tail, data)[self._skip:]:
            # Bytes of a split pattern that have passed cannot be called back.
            return max(begin, 0) if self._before else end
        return None

    def passed(self, tail, data):
        """Counts what went by without reaching the point."""
        if self._pattern is None:
            self._left -= len(data)
        else:
            self._skip -= min(self._skip, len(self._matches(tail, data)))

    def _matches(self, tail, data):
        """(begin, end) in `data` of each match that ends there; begin may lie before it."""
        tail = tail[-self.memory:] if self.memory else b""
        joined, found, at = tail + data, [], -1
        while (at := joined.find(self._pattern, at + 1)) >= 0:
            found.append((at - len(tail), at - len(tail) + len(self._pattern)))
        return found

    def done(self):
        self._happened.set()

    @property
    def memory(self):
        """How many bytes of the past it needs to see a split pattern."""
        return len(self._pattern) - 1 if self._pattern else 0


class Proxy:
    """Listens on a port of a loopback address and forwards to `target`, a port or (host, port)."""

    def __init__(self, target, port=None, host=net.LOOPBACK):
        self.target = target if isinstance(target, tuple) else (net.LOOPBACK, target)
        self.host = host
        self.port = port or net.free_port()
        self.accepted = 0
        self.bytes = {UP: 0, DOWN: 0}
        self._delay_s = {UP: 0.0, DOWN: 0.0}
        self._rate = {UP: None, DOWN: None}
        self._faults = []
        self._links = set()
        self._listener = None
        self._accepting = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._gate = {}
        self._call(self._make_gates)
        self.accept()

    # --- state

    @property
    def connections(self):
        """How many are open now."""
        return len(self._links)

    def delay(self, seconds, direction=None):
        """What arrives from now on is passed on that much later; 0 heals."""
        for each in _directions(direction):
            self._delay_s[each] = seconds

    def rate(self, bytes_per_second, direction=None):
        """No more than that passes, each connection counted by itself; None heals."""
        for each in _directions(direction):
            self._rate[each] = bytes_per_second

    def blackhole(self, direction=None):
        """Nothing passes any more; connections stay open, new ones are accepted and hang."""
        self._call(lambda: [self._gate[each].clear() for each in _directions(direction)])

    def heal(self):
        """Ends delay, rate, blackhole and waiting faults. What was held back is delivered."""
        self.delay(0)
        self.rate(None)
        self._call(self._open_gates)

    def refuse(self):
        """New connections are refused; open ones live on."""
        self._call(self._stop_listening)

    def accept(self):
        """Takes connections (again), on the same port."""
        self._call(self._start_listening)

    def cut(self, how=RST):
        """Ends all open connections: FIN or RST."""
        self._call(lambda: [link.end(how) for link in list(self._links)])

    def half_close(self, direction):
        """In all open connections the receiver of that direction sees the end of the stream."""
        self._call(lambda: [link.half_close(direction) for link in list(self._links)])

    def after(self, direction, action, *, pattern=None, bytes_passed=None, before=False, skip=0):
        """Arms a Fault and returns it: `action` on the connection that reaches the point first.

        The point is the end of the (skip+1)-th `pattern` to pass, or, with before=True, its
        beginning: then the pattern does not pass whole. Or it is the number of bytes to pass
        from now on, all connections summed. FLIP changes the last byte before the point.
        action may be a function: the stream stands still at the point while it runs, in a
        thread of its own, and then goes on.
        """
        assert (pattern is None) != (bytes_passed is None), "either a pattern or a number of bytes"
        fault = Fault(direction, action, pattern, bytes_passed, before, skip)
        self._call(lambda: self._faults.append(fault))
        return fault

    def disarm(self, fault):
        """The fault will not happen any more, if it has not yet."""
        self._call(lambda: self._faults.remove(fault) if fault in self._faults else None)

    @property
    def closed(self):
        return self._loop.is_closed()

    def close(self):
        """Resets what is open and ends the thread. Any number of times."""
        if self._loop.is_closed():
            return
        self._call(self._stop_listening)
        self.cut()
        asyncio.run_coroutine_threadsafe(self._cancel_tasks(), self._loop).result(_CALL_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_TIMEOUT_S)
        self._loop.close()

    # --- on the proxy's own thread

    def _call(self, function):
        async def run():
            return function()
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_CALL_TIMEOUT_S)

    def _make_gates(self):
        self._gate = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._open_gates()

    def _open_gates(self):
        self._faults.clear()
        for gate in self._gate.values():
            gate.set()
        for link in self._links:
            for gate in link.gate.values():
                gate.set()

    def _start_listening(self):
        if self._listener is not None:
            return
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._accepting = self._loop.create_task(self._accept_all(self._listener))

    def _stop_listening(self):
        if self._listener is not None:
            self._accepting.cancel()
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    async def _accept_all(self, listener):
        while True:
            client, _ = await self._loop.sock_accept(listener)
            self.accepted += 1
            link = _Link(self, client)
            self._links.add(link)
            link.task = self._loop.create_task(self._serve(link))

    async def _serve(self, link):
        try:
            await self._gate[UP].wait()
            await link.connect()
            pumps = [self._loop.create_task(link.pump(each)) for each in (UP, DOWN)]
            try:
                await asyncio.gather(*pumps)
                link.end(FIN)
            finally:
                for pump in pumps:
                    pump.cancel()
        except OSError:
            pass    # The peers see what the network would show them: a reset.
        finally:
            link.end(RST)

    async def _cancel_tasks(self):
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what a link asks of its proxy

    def delay_of(self, direction):
        return self._delay_s[direction]

    def rate_of(self, direction):
        return self._rate[direction]

    async def pass_gate(self, direction):
        await self._gate[direction].wait()

    def next_fault(self, direction, tail, data):
        """(point, fault) of the first fault to strike in `data`, or None; disarms that fault."""
        struck = [(point, fault) for fault in self._waiting(direction)
                  if (point := fault.find(tail, data)) is not None]
        if not struck:
            return None
        first = min(struck, key=lambda pair: pair[0])
        self._faults.remove(first[1])
        return first

    def count(self, direction, tail, data):
        """Tells the waiting faults what went by; returns as much of it as they must remember."""
        for fault in self._waiting(direction):
            fault.passed(tail, data)
        keep = max((fault.memory for fault in self._waiting(direction)), default=0)
        return (tail + data)[-keep:] if keep else b""

    def forget(self, link):
        self._links.discard(link)

    def _waiting(self, direction):
        return [fault for fault in self._faults if fault.direction == direction]


class _Link:
    """One client's connection and its other half to the server. Owns both sockets."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.task = None
        self.loop = asyncio.get_running_loop()
        self.gate = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for gate in self.gate.values():
            gate.set()
        self.closed = False
        self.ended = {UP: False, DOWN: False}
        self.sock = {DOWN: client, UP: socket.socket()}    # by the direction that writes to it
        for sock in self.sock.values():
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def connect(self):
        await self.loop.sock_connect(self.sock[UP], self.proxy.target)

    async def pump(self, direction):
        """Reads into a bounded queue while another task empties it: delay without a stop."""
        queue = deque()
        changed = asyncio.Condition()
        writer = asyncio.ensure_future(self._write_all(direction, queue, changed))
        source = self.sock[DOWN if direction == UP else UP]
        try:
            while True:
                async with changed:
                    await changed.wait_for(lambda: len(queue) < _QUEUED_CHUNKS or writer.done())
                if writer.done():
                    break
                data = await self.loop.sock_recv(source, _CHUNK)
                async with changed:
                    queue.append((self.loop.time() + self.proxy.delay_of(direction), data))
                    changed.notify_all()
                if not data:
                    break
            await writer
        finally:
            writer.cancel()

    async def _write_all(self, direction, queue, changed):
        tail = b""
        while True:
            async with changed:
                await changed.wait_for(lambda: queue)
                due, data = queue.popleft()
                changed.notify_all()
            if due > self.loop.time():
                await asyncio.sleep(due - self.loop.time())
            await self._pass_gates(direction)
            if not data:
                self.half_close(direction)
                return
            tail = await self._write_through_faults(direction, tail, data)

    async def _write_through_faults(self, direction, tail, data):
        """Writes data up to each fault's point, lets it happen, goes on. Returns the new tail."""
        while data and (struck := self.proxy.next_fault(direction, tail, data)):
            point, fault = struck
            head, data = data[:point], data[point:]
            if fault.action == FLIP and head:
                head = head[:-1] + bytes([head[-1] ^ 1])
            await self._write(direction, head)
            tail = self.proxy.count(direction, tail, head)
            await self._strike(direction, fault)
            await self._pass_gates(direction)
        await self._write(direction, data)
        return self.proxy.count(direction, tail, data)

    async def _strike(self, direction, fault):
        if callable(fault.action):
            await self.loop.run_in_executor(None, fault.action)
        elif fault.action == BLACKHOLE:
            for gate in self.gate.values():
                gate.clear()
        elif fault.action == HALF_CLOSE:
            self.half_close(direction)
        elif fault.action in (FIN, RST):
            self.end(fault.action)
        fault.done()

    async def _pass_gates(self, direction):
        await self.gate[direction].wait()
        await self.proxy.pass_gate(direction)

    async def _write(self, direction, data):
        if self.ended[direction]:
            return
        rate = self.proxy.rate_of(direction)
        if rate is None:
            await self._send(direction, data)
            return
        step = max(1, min(_CHUNK, int(rate / 50)))
        for at in range(0, len(data), step):
            piece = data[at:at + step]
            await self._send(direction, piece)
            await asyncio.sleep(len(piece) / rate)
            await self._pass_gates(direction)

    async def _send(self, direction, data):
        await self.loop.sock_sendall(self.sock[direction], data)
        self.proxy.bytes[direction] += len(data)

    def half_close(self, direction):
        """Ends the stream towards the receiver; what else arrives for it is dropped."""
        self.ended[direction] = True
        try:
            self.sock[direction].shutdown(socket.SHUT_WR)
        except OSError:
            pass    # The peer was faster.

    def end(self, how):
        """Closes both sockets, once."""
        if self.closed:
            return
        self.closed = True
        self.proxy.forget(self)
        for sock in self.sock.values():
            if how == RST:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RST)
            else:
                self._shutdown(sock)
            self.loop.remove_reader(sock)
            self.loop.remove_writer(sock)
            sock.close()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    @staticmethod
    def _shutdown(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _directions(direction):
    return (UP, DOWN) if direction is None else (direction,)
