"""A server of a test's own: on a free port, with directories that go with it."""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Started at once; with `with`, ended and removed at the end."""

    def __init__(self, program, *flags):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hearth-client-"))
        self.shm = pathlib.Path("/dev/shm") / self.home.name
        self.port = free_port()
        self.command = [program, "--port", str(self.port), "--dir", str(self.home), "--shm-dir", str(self.shm), *flags]
        self.process = None
        self.start()

    def start(self):
        """Starts the server again. Returns after how many seconds it serves."""
        begin = time.monotonic()
        with open(self.home / "log", "a") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(64) == b"+PONG\r\n":
                        return time.monotonic() - begin
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"the server ended:\n{(self.home / 'log').read_text()}")

    def kill(self):
        """As a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)
