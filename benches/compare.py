#!/usr/bin/env python3
"""Hearth and redis-server side by side on one machine.

    compare.py cpu        processor time per operation, GET and SET at pipeline 1, 16 and 64
    compare.py workers    the same for one worker against two that share a processor
    compare.py types      the same for commands on collections and counters, and for MSET, at pipeline 16 and 64
    compare.py large      the same for a hash and a sorted set of a million members, at pipeline 16
    compare.py scale      processor time per operation from 1,000 to 1,000,000 elements, Hearth alone; 10,000,000 with --full
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
CLIENTS = 50
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
    """Runs redis-benchmark with one of its tests (a name) or a command of ours (words); nanoseconds of server processor
    time per operation."""
    requests = max(requests // (CLIENTS * pipeline), 1) * CLIENTS * pipeline  # it waits for ever for what is left over
    command = ["taskset", "-c", str(CLIENT_CPU), "redis-benchmark", "-p", str(server.port), "-n", str(requests),
               "-r", str(keys), "-d", str(size), "-P", str(pipeline), "-c", str(CLIENTS), "-q"]
    command += ["-t", operation] if isinstance(operation, str) else operation
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
            compare(servers, arguments, f"{operation.upper()} pipeline {pipeline:2}", lambda server: benchmark(
                server, operation, pipeline, requests, arguments.keys, arguments.size))
    for server in servers:
        server.go_on()


def compare(servers, arguments, title, measure):
    """Prints medians of what is measured of each of two paused servers in turns, and the ratios."""
    rounds = []
    for _ in range(arguments.rounds):
        row = []
        for server in servers:
            server.go_on()
            row.append(measure(server))
            server.pause()
        rounds.append(row)
    medians = [statistics.median(column) / 1000 for column in zip(*rounds)]
    ratios = [row[1] / row[0] for row in rounds]
    figures = "  ".join(f"{server.name} {median:6.3f}" for server, median in zip(servers, medians))
    print(f"{title}: {figures} µs/op, ratio median {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f}-{max(ratios):.2f})", flush=True)


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


# How an element of each thing that is filled is stored; N stands for its number, V for a value.
STORED = {
    "strings": "SET key:N V",
    "counters": "SET counter:N 1",
    "hash": "HSET hash element:N V",
    "set": "SADD set element:N",
    "zset": "ZADD zset N element:N",
    "list": "RPUSH list V",
}

# Commands, what each is measured on, and its words: N stands for a random number below the number of elements, M for half of
# that number: redis-benchmark pads its random numbers with zeros, which an index may not have.
COMMANDS = {
    "HSET": ("hash", "HSET hash element:N V"),
    "HGET": ("hash", "HGET hash element:N"),
    "SADD": ("set", "SADD set element:N"),
    "SISMEMBER": ("set", "SISMEMBER set element:N"),
    "SPOP": ("set", "SPOP set"),
    "ZADD": ("zset", "ZADD zset N element:N"),
    "ZSCORE": ("zset", "ZSCORE zset element:N"),
    "ZRANK": ("zset", "ZRANK zset element:N"),
    "ZRANGEBYSCORE": ("zset", "ZRANGEBYSCORE zset N +inf LIMIT 0 10"),
    "LPUSH": ("list", "LPUSH list V"),
    "RPOP": ("list", "RPOP list"),
    "LINDEX": ("list", "LINDEX list M"),
    "LRANGE_100": ("list", "LRANGE list 0 99"),
    "INCR": ("counters", "INCR counter:N"),
    "MSET": ("strings", "MSET" + 10 * " key:N V"),
}

TYPES = "HSET SADD ZADD LPUSH RPOP INCR SPOP ZRANGEBYSCORE LRANGE_100 MSET".split()
LARGE = "ZADD ZRANK ZSCORE HGET HSET".split()
SCALE = LARGE + "LINDEX SISMEMBER LPUSH".split()
# Of the others a tenth as many are sent.
CHEAP = "INCR HGET HSET SADD SISMEMBER LPUSH RPOP SPOP".split()


def words_of(pattern, number, value):
    return [word.replace("N", number) if word.endswith("N") else value if word == "V" else word for word in pattern.split()]


def fill(server, kind, first, end, size):
    """Stores elements `first` to `end`, in random order, so that trees are filled as they are by clients."""
    numbers = list(range(first, end))
    random.Random(42).shuffle(numbers)
    with server.connect() as connection:
        replies = connection.makefile("rb")
        for start in range(0, len(numbers), 10_000):
            batch = numbers[start:start + 10_000]
            connection.sendall(b"".join(
                encode(*words_of(STORED[kind], f"{number:012}", "v" * size)) for number in batch))
            for _ in batch:
                assert replies.readline()[:1] in b"+:"


def refill(server, kind, elements, size):
    """Brings a list or a set back to so many elements."""
    with server.connect() as connection:
        if kind == "list":
            ask(connection, "LTRIM", "list", 0, elements - 1)
        present = int(ask(connection, {"list": "LLEN", "set": "SCARD"}[kind], kind)[1:])
    # Some of the elements of a set are there: those above its old size are not.
    fill(server, kind, *((present, elements) if kind == "list" else (0, elements)), size)


def measured(server, command, pipeline, elements, arguments):
    """Nanoseconds of processor time of one of COMMANDS, on something of so many elements."""
    kind, pattern = COMMANDS[command]
    requests = arguments.requests // (4 if command in CHEAP else 40)
    if command in ("RPOP", "SPOP"):
        refill(server, kind, elements + requests, arguments.size)
    elif kind == "list":
        refill(server, kind, elements, arguments.size)
    words = words_of(pattern.replace(" M", f" {elements // 2}"), "__rand_int__", "v" * arguments.size)
    return benchmark(server, words, pipeline, requests, elements, arguments.size)


def compare_commands(arguments, commands, pipelines, elements_of):
    servers = [redis(arguments), hearth(arguments)]
    try:
        for command in commands:
            elements = elements_of(COMMANDS[command][0])
            for server in servers:
                server.go_on()
                with server.connect() as connection:
                    ask(connection, "FLUSHALL")
                fill(server, COMMANDS[command][0], 0, elements, arguments.size)
                server.pause()
            for pipeline in pipelines:
                compare(servers, arguments, f"{command} pipeline {pipeline:2}",
                        lambda server: measured(server, command, pipeline, elements, arguments))
    finally:
        [server.end() for server in servers]


def types(arguments):
    members = 100_000 if arguments.full else 20_000
    compare_commands(arguments, TYPES, [16, 64],
                     lambda kind: arguments.keys if kind in ("counters", "strings") else members)


def large(arguments):
    compare_commands(arguments, LARGE, [16], lambda kind: 1_000_000)


def scale(arguments):
    sizes = [10**power for power in range(3, 8 if arguments.full else 7)]
    print("µs/op at pipeline 16" + "".join(f"{command:>11}" for command in SCALE))
    for size in sizes:
        print(f"{size:20,}", end="", flush=True)
        server = hearth(arguments)
        try:
            filled = set()
            for command in SCALE:
                kind = COMMANDS[command][0]
                if kind not in filled:
                    fill(server, kind, 0, size, arguments.size)
                    filled.add(kind)
                times = [measured(server, command, 16, size, arguments) for _ in range(arguments.rounds)]
                print(f"{statistics.median(times) / 1000:11.3f}", end="", flush=True)
        finally:
            server.end()
        print(flush=True)


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
    parser.add_argument("suite", choices=["cpu", "workers", "types", "large", "scale", "undo", "memory", "restart", "growth", "due", "idle"])
    parser.add_argument("--hearth", default="target/release/hearth", help="the program to measure")
    parser.add_argument("--redis", default="redis-server", help="the program to compare with")
    parser.add_argument("--without", default="target/no-undo/release/hearth", help="undo: a build without the log: "
                        """RUSTFLAGS='--cfg hearth_mutant="no_undo_log"' cargo build --release --target-dir target/no-undo""")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2_000_000, help="per round; a quarter at pipeline 1, and for collections a quarter or a fortieth")
    parser.add_argument("--keys", type=int, default=1_000_000, help="cpu, workers, INCR and MSET of types: different keys")
    parser.add_argument("--size", type=int, default=100, help="cpu, workers, types, large, scale: bytes of a value")
    parser.add_argument("--full", action="store_true", help="types: collections of 100,000 members instead of 20,000; "
                        "scale: up to 10,000,000")
    parser.add_argument("--count", type=int, default=10_000_000, help="memory, restart: number of keys")
    arguments = parser.parse_args()
    globals()[arguments.suite](arguments)


if __name__ == "__main__":
    main()
