#!/usr/bin/env python3
"""Hearth and redis-server side by side on one machine.

    compare.py cpu        processor time per operation, GET and SET at pipeline 1, 16 and 64
    compare.py workers    the same for one worker against two that share a processor
    compare.py undo       SET at pipeline 64 with and without the undo log, see --without
    compare.py memory     bytes beside the raw bytes of string keys, with and without deadline
    compare.py restart    from kill -9 to the first correct GET
    compare.py growth     the same for 2 to 8 GiB, on huge and on small pages
    compare.py due        the longest wait when 200,000 keys come due at once
    compare.py idle       memory and wake-ups of an empty server

Every figure comes from interleaved rounds (A B A B …) in this one run, and what counts is the ratio: the figure to
trust on a shared machine is processor time per operation, user and system, of all threads of the server. The server
is pinned to one processor and the load generator (redis-benchmark) to another; a server that is not measured is
stopped (SIGSTOP) meanwhile. Measure while nothing else runs. Needs redis-server and redis-tools; standard library only.
"""
import argparse
import ctypes
import functools
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SERVER_CPU, CLIENT_CPU = 0, 1
PR_SET_THP_DISABLE = 41


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of its own port and directories, pinned to one processor."""

    def __init__(self, name, command, has_huge_pages=True):
        self.name, self.port, self.has_huge_pages = name, free_port(), has_huge_pages
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="compare-"))
        self.shm = pathlib.Path("/dev/shm") / self.home.name
        self.command = [
            part.format(port=self.port, dir=self.home, shm=self.shm) for part in command
        ]
        self.start()

    def start(self):
        self.log = open(self.home / "log", "a")
        self.process = subprocess.Popen(
            self.command, stdout=self.log, stderr=subprocess.STDOUT,
            preexec_fn=self.prepare)
        self.wait(lambda connection: ask(connection, "PING") == b"+PONG")

    def prepare(self):
        """In the server's process, before the program starts."""
        os.sched_setaffinity(0, {SERVER_CPU})
        if not self.has_huge_pages:
            ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

    def wait(self, answered):
        while True:
            try:
                with self.connect() as connection:
                    if answered(connection):
                        return
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended:\n{(self.home / 'log').read_text()}")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=600)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def cpu_ns(self):
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path) as file:
                total += int(file.read().split()[0])
        return total

    def memory(self):
        """Anonymous and file pages of the process, and the blocks of its segment files."""
        fields = {}
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("RssAnon", "RssFile"):
                    fields[name] = int(value.split()[0]) * 1024
        files = sum(path.stat().st_blocks * 512 for path in self.shm.glob("*")) if self.shm.exists() else 0
        return fields["RssAnon"] + fields["RssFile"] + files

    def info(self, field):
        with self.connect() as connection:
            connection.sendall(encode("INFO", "memory"))
            for line in connection.makefile("rb"):
                name, _, value = line.decode().strip().partition(":")
                if name == field:
                    return int(value)

    def wakeups(self):
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/status"):
            with open(path) as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        return total

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def end(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)


def ask(connection, *words):
    connection.sendall(encode(*words))
    return connection.recv(1 << 16).rstrip(b"\r\n")


def encode(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def hearth(arguments, threads=1, name="hearth"):
    return Server(name, [arguments.hearth, "--port", "{port}", "--dir", "{dir}", "--shm-dir", "{shm}",
                         "--threads", str(threads)])


def redis(arguments):
    return Server("redis", [arguments.redis, "--port", "{port}", "--dir", "{dir}", "--save", "", "--appendonly", "no"])


def benchmark(server, operation, pipeline, requests, keys, size):
    """Runs redis-benchmark; nanoseconds of server processor time per operation."""
    command = ["taskset", "-c", str(CLIENT_CPU), "redis-benchmark", "-p", str(server.port), "-t", operation,
               "-n", str(requests), "-r", str(keys), "-d", str(size), "-P", str(pipeline), "-c", "50", "-q"]
    before = server.cpu_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (server.cpu_ns() - before) / requests


def interleaved(servers, arguments, operations, pipelines):
    """Medians of ns per operation by (operation, pipeline), a list in the order of the servers, and ratios."""
    for server in servers:
        benchmark(server, "set", 64, 5 * arguments.keys, arguments.keys, arguments.size)
        server.pause()
    for operation in operations:
        for pipeline in pipelines:
            requests = arguments.requests if pipeline > 1 else arguments.requests // 4
            rounds = []
            for _ in range(arguments.rounds):
                row = []
                for server in servers:
                    server.go_on()
                    row.append(benchmark(server, operation, pipeline, requests, arguments.keys, arguments.size))
                    server.pause()
                rounds.append(row)
            medians = [statistics.median(column) / 1000 for column in zip(*rounds)]
            ratios = [row[1] / row[0] for row in rounds]
            figures = "  ".join(f"{server.name} {median:6.3f}" for server, median in zip(servers, medians))
            print(f"{operation.upper()} pipeline {pipeline:2}: {figures} µs/op, ratio median {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f}-{max(ratios):.2f})", flush=True)
    for server in servers:
        server.go_on()


def cpu(arguments):
    servers = [redis(arguments), hearth(arguments)]
    try:
        interleaved(servers, arguments, ["get", "set"], [1, 16, 64])
    finally:
        [server.end() for server in servers]


def workers(arguments):
    servers = [hearth(arguments, 1, "one"), hearth(arguments, 2, "two")]
    try:
        interleaved(servers, arguments, ["get", "set"], [16, 64])
    finally:
        [server.end() for server in servers]


def undo(arguments):
    servers = [Server(name, [program, "--port", "{port}", "--dir", "{dir}", "--shm-dir", "{shm}", "--threads", "1"])
               for name, program in (("without", arguments.without), ("with", arguments.hearth))]
    try:
        interleaved(servers, arguments, ["set"], [64])
    finally:
        [server.end() for server in servers]


def load(server, count, ttl):
    """Stores `count` keys of 10 to 30 bytes with values of 20 to 100; returns the raw bytes."""
    rng, raw, batch, pending = random.Random(42), 0, [], 0
    with server.connect() as connection:
        replies = connection.makefile("rb")
        for number in range(count):
            key = b"%010d" % number + b"k" * rng.randrange(21)
            value = b"v" * rng.randrange(20, 101)
            raw += len(key) + len(value)
            extra = (b"EX", b"%d" % rng.randrange(100_000, 10_000_000)) if ttl else ()
            batch.append(encode(b"SET", key, value, *extra))
            if len(batch) == 10_000 or number + 1 == count:
                connection.sendall(b"".join(batch))
                pending += len(batch)
                batch = []
                for _ in range(pending):
                    assert replies.readline() == b"+OK\r\n"
                pending = 0
    return raw


def memory(arguments):
    for ttl in (False, True):
        for make in (redis, hearth):
            server = make(arguments)
            try:
                empty = server.memory()
                raw = load(server, arguments.count, ttl)
                used = server.memory() - empty
                print(f"{server.name}, {arguments.count} keys{' with deadline' if ttl else ''}: "
                      f"raw bytes + {(used - raw) / arguments.count:.1f} per key", flush=True)
            finally:
                server.end()


def restart(arguments):
    server = hearth(arguments)
    try:
        load(server, arguments.count, False)
        print(f"{arguments.count} keys: {kill_and_start(server, arguments.rounds)}")
        with open(server.home / "log") as log:
            print("".join(line for line in log if "eady" in line or "ttached" in line).strip().splitlines()[-1])
    finally:
        server.end()


def growth(arguments):
    for pages in ("huge", "small"):
        server = Server(f"hearth on {pages} pages", [
            arguments.hearth, "--port", "{port}", "--dir", "{dir}", "--shm-dir", "{shm}", "--threads", "1"],
            has_huge_pages=pages == "huge")
        try:
            for part in range(4):
                load_values(server, part * 1_800_000, (part + 1) * 1_800_000)
                huge = server.info("mem_segments_huge") / server.info("mem_segments")
                touch = functools.partial(touch_values, server, (part + 1) * 1_800_000)
                print(f"{server.name} ({huge:.0%} huge): {kill_and_start(server, arguments.rounds, touch)}", flush=True)
        finally:
            server.end()


def touch_values(server, end):
    """Looks at every key, so that the process has every page mapped when it is killed."""
    with server.connect() as connection:
        replies = connection.makefile("rb")
        for start in range(0, end, 100_000):
            connection.sendall(b"".join(encode(b"EXISTS", *(b"%010d" % number for number in range(first, first + 100)))
                                        for first in range(start, start + 100_000, 100)))
            for _ in range(1000):
                assert replies.readline() == b":100\r\n"


def load_values(server, first, end):
    """Stores keys `first` to `end` with values of 1000 bytes."""
    value = b"v" * 1000
    with server.connect() as connection:
        replies = connection.makefile("rb")
        for start in range(first, end, 10_000):
            connection.sendall(b"".join(encode(b"SET", b"%010d" % number, value) for number in range(start, start + 10_000)))
            for _ in range(10_000):
                assert replies.readline() == b"+OK\r\n"


def kill_and_start(server, rounds, touch=lambda: None):
    """Milliseconds from kill -9 to the first correct GET, and to the end of the old process, as text; `touch` goes
    before each kill."""
    key = b"%010d" % 7 + b"k" * 30
    with server.connect() as connection:
        ask(connection, "SET", key, "here")
    size, times, ends = server.memory(), [], []
    for _ in range(rounds):
        touch()
        begin = time.perf_counter()
        server.kill()
        ends.append((time.perf_counter() - begin) * 1000)
        server.start()
        server.wait(lambda connection: ask(connection, "GET", key) == b"$4\r\nhere")
        times.append((time.perf_counter() - begin) * 1000)
    return (f"{size / 2**30:.2f} GiB, kill -9 to the first correct GET {statistics.median(times):.1f} ms median "
            f"({min(times):.1f}-{max(times):.1f}), of which {statistics.median(ends):.1f} until the old process is gone")


def due(arguments):
    """Many keys due in one millisecond, seen by a client that sends GET and DBSIZE in turns."""
    server = hearth(arguments)
    try:
        for _ in range(arguments.rounds):
            with server.connect() as connection:
                replies = connection.makefile("rb")
                due_ms = int(time.time() * 1000) + 8000
                for start in range(0, 200_000, 10_000):
                    connection.sendall(b"".join(
                        encode(b"SET", b"%010d" % number, b"v" * 100, b"PXAT", b"%d" % due_ms)
                        for number in range(start, start + 10_000)))
                    for _ in range(10_000):
                        assert replies.readline() == b"+OK\r\n"
                assert ask(connection, "DBSIZE") == b":200000", "loading took too long"
                longest = {"GET": 0, "DBSIZE": 0}
                while time.time() * 1000 < due_ms + 1000:
                    for words, gone in ((("GET", b"%010d" % 7), b"$-1"), (("DBSIZE",), b":0")):
                        sent_ms, begin = time.time() * 1000, time.perf_counter()
                        reply = ask(connection, *words)
                        if sent_ms >= due_ms:
                            longest[words[0]] = max(longest[words[0]], (time.perf_counter() - begin) * 1000)
                            assert reply == gone, reply
            print(f"200000 keys due at once: GET {longest['GET']:.1f} ms at most, DBSIZE {longest['DBSIZE']:.1f} ms")
    finally:
        server.end()


def idle(arguments):
    for shards in (8, 64):
        server = Server(f"hearth with {shards} shards", [
            arguments.hearth, "--port", "{port}", "--dir", "{dir}", "--shm-dir", "{shm}", "--shards", str(shards)])
        try:
            time.sleep(2)
            before, cpu_before = server.wakeups(), server.cpu_ns()
            time.sleep(10)
            print(f"{server.name}: {server.memory() / 2**20:.1f} MiB, "
                  f"{(server.wakeups() - before) / 10:.1f} context switches a second, "
                  f"{(server.cpu_ns() - cpu_before) / 10 / 1000:.0f} µs of processor time a second")
        finally:
            server.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=["cpu", "workers", "undo", "memory", "restart", "growth", "due", "idle"])
    parser.add_argument("--hearth", default="target/release/hearth", help="the program to measure")
    parser.add_argument("--redis", default="redis-server", help="the program to compare with")
    parser.add_argument("--without", default="target/no-undo/release/hearth", help="undo: a build without the log: "
                        """RUSTFLAGS='--cfg hearth_mutant="no_undo_log"' cargo build --release --target-dir target/no-undo""")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2_000_000, help="per round; a quarter at pipeline 1")
    parser.add_argument("--keys", type=int, default=1_000_000, help="cpu, workers: different keys")
    parser.add_argument("--size", type=int, default=100, help="cpu, workers: bytes of a value")
    parser.add_argument("--count", type=int, default=10_000_000, help="memory, restart: number of keys")
    arguments = parser.parse_args()
    globals()[arguments.suite](arguments)


if __name__ == "__main__":
    main()
