#!/usr/bin/env python3
"""Kills the server in the middle of writing and checks that no acknowledged write is missing.

    survive.py PROGRAM [ROUNDS]

PROGRAM is the server, e.g. target/release/hearth. It is started on a free port with directories of its own,
which are removed at the end. Needs redis-py (pip install redis). Exits with 0 if nothing was lost.
"""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import redis

WRITERS = 4
PIPELINE = 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(program, port, home, shm):
    command = [program, "--port", str(port), "--dir", str(home), "--shm-dir", str(shm)]
    begin = time.monotonic()
    server = subprocess.Popen(command, stdout=open(home / "log", "a"), stderr=subprocess.STDOUT)
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64) == b"+PONG\r\n":
                    return server, time.monotonic() - begin
        except OSError:
            if server.poll() is not None:
                sys.exit(f"the server ended:\n{(home / 'log').read_text()}")


def write(port, writer, acknowledged, started):
    """Writes numbered values until the connection breaks; notes what the server has acknowledged."""
    client = redis.Redis(port=port, retry=None)
    number = len(acknowledged)
    try:
        while True:
            pipe = client.pipeline(transaction=False)
            batch = range(number, number + PIPELINE)
            for n in batch:
                pipe.set(f"survive:{writer}:{n}", f"value {n}")
            pipe.execute()
            acknowledged.extend(batch)
            number += PIPELINE
            started.set()
    except (redis.ConnectionError, redis.TimeoutError):
        return


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    home = pathlib.Path(tempfile.mkdtemp(prefix="hearth-survive-"))
    shm = pathlib.Path("/dev/shm") / home.name
    port = free_port()
    acknowledged = [[] for _ in range(WRITERS)]
    server, _ = start(program, port, home, shm)
    try:
        for number in range(1, rounds + 1):
            begun = [threading.Event() for _ in range(WRITERS)]
            threads = [
                threading.Thread(target=write, args=(port, w, acknowledged[w], begun[w])) for w in range(WRITERS)
            ]
            before = sum(map(len, acknowledged))
            for thread in threads:
                thread.start()
            for event in begun:
                event.wait(60)
            while sum(map(len, acknowledged)) < before + 20_000:
                pass
            server.send_signal(signal.SIGKILL)
            server.wait()
            for thread in threads:
                thread.join()
            server, seconds = start(program, port, home, shm)
            client = redis.Redis(port=port)
            lost = 0
            for w, numbers in enumerate(acknowledged):
                for first in range(0, len(numbers), 1000):
                    part = numbers[first : first + 1000]
                    values = client.mget([f"survive:{w}:{n}" for n in part])
                    lost += sum(value != f"value {n}".encode() for n, value in zip(part, values))
            total = sum(map(len, acknowledged))
            print(f"round {number}: killed, serving again after {seconds * 1000:.0f} ms, "
                  f"{total} acknowledged writes, {lost} lost")
            if lost:
                return 1
        return 0
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(shm, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
