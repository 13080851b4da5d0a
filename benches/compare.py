#!/usr/bin/env python3
"""Hearth and redis-server side by side on one machine.

    compare.py cpu        processor time per operation, GET and SET at pipeline 1, 16 and 64
    compare.py workers    the same for one worker against two that share a processor
    compare.py undo       SET at pipeline 64 with and without the undo log, see --without
    compare.py memory     bytes beside the raw bytes of string keys, with and without deadline
    compare.py restart    from kill -9 to the first correct GET
    compare.py idle       memory and wake-ups of an empty server

Every figure comes from interleaved rounds (A B A B …) in this one run, and what counts is the ratio: the figure to
trust on a shared machine is processor time per operation, user and system, of all threads of the server. The server
is pinned to one processor and the load generator (redis-benchmark) to another; a server that is not measured is
stopped (SIGSTOP) meanwhile. Measure while nothing else runs. Needs redis-server and redis-tools; standard library only.
"""
import argparse
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of its own port and directories, pinned to one processor."""

    def __init__(self, name, command):
        self.name, self.port = name, free_port()
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
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}))
        self.wait(lambda connection: ask(connection, "PING") == b"+PONG")

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
        key = b"%010d" % 7 + b"k" * 30
        with server.connect() as connection:
            ask(connection, "SET", key, "here")
        size = server.memory()
        times = []
        for _ in range(arguments.rounds):
            begin = time.perf_counter()
            server.kill()
            server.start()
            server.wait(lambda connection: ask(connection, "GET", key) == b"$4\r\nhere")
            times.append((time.perf_counter() - begin) * 1000)
        print(f"{arguments.count} keys, {size / 2**30:.2f} GiB: kill -9 to the first correct GET "
              f"{statistics.median(times):.0f} ms median ({min(times):.0f}-{max(times):.0f})")
        with open(server.home / "log") as log:
            print("".join(line for line in log if "eady" in line or "ttached" in line).strip().splitlines()[-1])
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
    parser.add_argument("suite", choices=["cpu", "workers", "undo", "memory", "restart", "idle"])
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
