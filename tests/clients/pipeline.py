#!/usr/bin/env python3
"""Pipelines without end, written and read by two threads, and checks that each reply is the one of its request.

    pipeline.py PROGRAM

A writer sends many requests without waiting while a reader takes the replies, as Go's clients do: over TCP and a
unix socket, in RESP2 and RESP3, with keys on all shards of two workers. redis-py's pipelines follow. PROGRAM is the
server, e.g. target/release/hearth; it is started on a free port with directories of its own, which are removed at
the end. Needs redis-py (pip install redis). Exits with 0 if every reply came, in order.
"""
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import redis

ROUNDS = 2000
KEYS = 97
CHUNK = 64
DEADLINE_S = 8


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(port, home, shm, unix):
    command = [sys.argv[1], "--port", str(port), "--dir", str(home), "--shm-dir", str(shm)]
    command += ["--threads", "2", "--unixsocket", str(unix)]
    with open(home / "log", "a") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    while True:
        try:
            with connect(port), connect(unix):
                return server
        except OSError:
            if server.poll() is not None:
                sys.exit(f"the server ended:\n{(home / 'log').read_text()}")


def connect(place):
    if isinstance(place, int):
        connection = socket.create_connection(("127.0.0.1", place))
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(place))
    connection.settimeout(DEADLINE_S)
    return connection


def request(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text)


def conversation(name, resp):
    """Requests and the bytes each must be answered with. No two neighbours have the same answer."""
    null = b"_\r\n" if resp == 3 else b"$-1\r\n"
    for n in range(ROUNDS):
        key, value = f"{name}:{n % KEYS}", b"value %d" % n
        yield request("SET", key, value), b"+OK\r\n"
        yield request("GET", key), bulk(value)
        yield request("ECHO", f"echo {n}"), bulk(b"echo %d" % n)
        yield request("INCR", f"{name}:counter"), b":%d\r\n" % (n + 1)
        yield request("GET", f"{name}:absent:{n}"), null
        yield request("MGET", key, f"{name}:counter"), b"*2\r\n" + bulk(value) + bulk(b"%d" % (n + 1))
        yield request("NOSUCH"), b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n"


def check(place, name, resp):
    with connect(place) as connection:
        replies = connection.makefile("rb")
        if resp == 3:
            connection.sendall(request("HELLO", 3))
            if replies.readline() != b"%7\r\n":
                sys.exit(f"{name}: HELLO 3 is not answered with a map")
            connection.sendall(request("PING"))
            while replies.readline() != b"+PONG\r\n":
                pass
        requests, expected = zip(*conversation(name, resp))

        def write():
            try:
                for at in range(0, len(requests), CHUNK):
                    connection.sendall(b"".join(requests[at : at + CHUNK]))
            except OSError as error:
                print(f"{name}: the writer stopped: {error}")

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        for number, right in enumerate(expected):
            reply = replies.read(len(right))
            if reply != right:
                sys.exit(f"{name}: {requests[number]} (number {number}) got {reply}, not {right}")
        writer.join()
        print(f"{name}: {len(expected)} replies in order")


def check_redis_py(name, **where):
    client = redis.Redis(decode_responses=True, socket_timeout=DEADLINE_S, **where)
    pipe = client.pipeline(transaction=False)
    for n in range(ROUNDS):
        pipe.set(f"{name}:{n}", n).get(f"{name}:{n}")
    replies = pipe.execute()
    if replies != [reply for n in range(ROUNDS) for reply in (True, str(n))]:
        sys.exit(f"{name}: the replies are not those of the requests")
    print(f"{name}: {len(replies)} replies in order")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    home = pathlib.Path(tempfile.mkdtemp(prefix="hearth-pipeline-"))
    shm, unix, port = pathlib.Path("/dev/shm") / home.name, home / "socket", free_port()
    server = start(port, home, shm, unix)
    try:
        for place, transport in ((port, "tcp"), (unix, "unix")):
            for resp in (2, 3):
                check(place, f"{transport}-resp{resp}", resp)
        check_redis_py("redis-py-tcp", port=port)
        check_redis_py("redis-py-unix", unix_socket_path=str(unix))
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(shm, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
