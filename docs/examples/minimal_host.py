#!/usr/bin/env python3
"""A host process in Python: it gives one value at each read. See docs/host-protocol.md.

The daemon starts it in place of gatherd-host where its configuration says
`host_program = "/path/minimal_host.py"`. Needs Python 3.9 on a 64-bit machine whose stores
become visible in their order (x86-64).
"""

import array
import json
import mmap
import os
import socket
import struct
import sys

RECORD, GAP = 1 << 32, 2 << 32
HEADER, HEAD, TAIL, SLEEPS = 512, 8, 16, 24  # In words of 64 bits.
GAUGE_NAMES = {"plugin": "python", "type": "gauge", "type_instance": "reads"}


class Ring:
    """The writing side of a ring in shared memory."""

    def __init__(self, memory, event):
        self.event = event
        self.map = mmap.mmap(memory, os.fstat(memory).st_size)
        self.capacity = self.word(2)
        self.head = 0

    def word(self, at):
        return struct.unpack_from("=Q", self.map, at * 8)[0]

    def set(self, at, value):
        struct.pack_into("=Q", self.map, at * 8, value & 0xFFFF_FFFF_FFFF_FFFF)

    def push(self, payload):
        """Appends one record; False where there is no room."""
        needed, place = len(payload) + 1, self.head % self.capacity
        gap = self.capacity - place if needed > self.capacity - place else 0
        if self.head + gap + needed - self.word(TAIL) > self.capacity:
            return False
        if gap:
            self.set(HEADER + place, GAP | gap)
            place = 0
        self.set(HEADER + place, RECORD | len(payload))
        for at, word in enumerate(payload, HEADER + place + 1):
            self.set(at, word)
        self.head += gap + needed
        self.set(HEAD, self.head)
        if self.word(SLEEPS):
            os.write(self.event, struct.pack("=Q", 1))
        return True


class Daemon:
    """The control socket, which is standard input."""

    def __init__(self):
        self.socket = socket.socket(fileno=0)
        self.bytes, self.descriptors, self.questions = b"", [], 0

    def more(self, count):
        while len(self.bytes) < count:
            data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(8 * 4))
            if not data:
                sys.exit(0)  # The daemon has gone.
            for level, kind, passed in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    whole = passed[: len(passed) - len(passed) % 4]
                    self.descriptors.extend(array.array("i", whole))
            self.bytes += data

    def hear(self):
        self.more(4)
        size = struct.unpack_from("<I", self.bytes)[0]
        self.more(4 + size)
        message, self.bytes = self.bytes[4 : 4 + size], self.bytes[4 + size :]
        return json.loads(message)

    def tell(self, **message):
        text = json.dumps(message).encode()
        self.socket.sendall(struct.pack("<I", len(text)) + text)

    def register(self, **identity):
        """Asks for a handle. Nothing else can come before the answer while a call is under way."""
        self.questions += 1
        self.tell(type="register", question=self.questions, identity=identity)
        while True:
            answer = self.hear()
            if answer["type"] == "answer" and answer["question"] == self.questions:
                return answer.get("handle")


def bits(number):
    return struct.unpack("=Q", struct.pack("=d", number))[0]


def main():
    daemon = Daemon()
    hello = daemon.hear()
    daemon.tell(type="hello", protocol={"major": 1, "minor": 0}, name="minimal_host", version="1")
    if hello["protocol"]["major"] != 1 or os.getppid() != hello["daemon"]:
        sys.exit("this host speaks protocol 1, and only to the daemon that started it")
    _library, memory, event, _writes, _writes_event = daemon.descriptors
    ring, handle, reads = Ring(memory, event), None, 0
    daemon.tell(type="loaded", result="ok", name="python", version="1", description="Counts its reads",
                config_schema={"type": "object"}, capabilities=["read"], abi=[1, 0])
    while True:
        message = daemon.hear()
        kind, outcome = message["type"], {"result": "ok"}
        if kind == "read":
            reads += 1
            handle = handle or daemon.register(**GAUGE_NAMES)
            one_sample_one_value = 1 | 1 << 32
            if handle and not ring.push([1, 0, 0, one_sample_one_value, handle, bits(float(reads))]):
                outcome = {"result": "failed", "reason": "the ring is full"}
        elif kind == "settled":
            if any(status == -3 for _handle, status in message["refused"]):
                handle = None  # It has expired: register it again.
        elif kind in ("write", "flush", "notification"):
            outcome = {"result": "not_supported"}
        if "call" in message:
            daemon.tell(type="done", call=message["call"], outcome=outcome)
        if kind == "shutdown":
            return


if __name__ == "__main__":
    main()
