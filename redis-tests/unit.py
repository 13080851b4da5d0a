"""One unit of the suite: a fresh server, one harness process, and what came of it."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import suite

# The harness looks for a free port of its own in the 32 below the one it is given; it wants the port 10,000 above free, too.
HARNESS_PORTS = range(11_000, 31_000)

START_S_MAX = 60

EVENT = re.compile(r"\[(ok|err|skip|ignore|exception)\]: (.*)")
DONE = re.compile(r"\[\d+/\d+ done\]: ")
MILLISECONDS = re.compile(r"(.*) \((\d+) ms\)")
END = "                   The End"


class Server:
    """A server program on a free port, with directories of its own."""

    def __init__(self, program, is_hearth, threads):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="redis-tests-"))
        self.shm = pathlib.Path("/dev/shm") / self.home.name
        self.port = free_port()
        command = [program, "--port", self.port, "--dir", self.home, "--save", "", "--enable-debug-command", "yes",
                   "--enable-protected-configs", "yes", "--enable-module-command", "yes"]
        if is_hearth:
            # As many workers everywhere, so that results do not depend on the machine.
            command += ["--shm-dir", self.shm, "--threads", threads]
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT)
        started = False
        try:
            limit = time.monotonic() + START_S_MAX
            while not (started := self.answers()):
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise SystemExit(f"{program} did not start:\n{self.log()}")
        finally:
            if not started:
                self.process.kill()
                self.process.wait()
                self.remove()

    def ask(self, line):
        """The first line of the reply to an inline command; empty if there is none within a while."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                connection.sendall(line.encode() + b"\r\n")
                return connection.makefile("rb").readline().decode(errors="replace").strip()
        except OSError:
            return ""

    def answers(self):
        return self.ask("PING") == "+PONG"

    def log(self):
        return (self.home / "log").read_text(errors="replace")

    def end(self):
        """Stops the server. What is wrong with it, if anything is: it should answer, and leave with exit code 0."""
        wrong = None
        if self.process.poll() is not None:
            wrong = f"the server ended by itself with code {self.process.returncode}"
        elif not self.answers():
            wrong = "the server does not answer PING"
        if self.process.poll() is None:
            self.process.terminate()
            try:
                code = self.process.wait(20)
                if code != 0 and not wrong:
                    wrong = f"the server stopped with code {code}"
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                wrong = wrong or "the server does not stop"
        if wrong:
            wrong += "\n" + "\n".join(self.log().splitlines()[-20:])
        self.remove()
        return wrong

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(unit, program, is_hearth, root, skipped, time_limit_s, results, details, threads):
    """Runs `unit` of the suite below `root`. Every result is a line in the file `results` as soon as it is known; all
    that the harness printed is in `details`. Returns the results, and what is wrong with the server, if anything is."""
    server = Server(program, is_hearth, threads)
    try:
        patches = list(suite.PATCHES)
        if server.ask("FUNCTION FLUSH").startswith("-ERR unknown command"):
            patches.append(suite.WITHOUT_FUNCTIONS)
        copy = server.home / "suite"
        suite.scratch_copy(root, copy, patches)
        skip_file = server.home / "skip"
        skip_file.write_text("\n".join(skipped))
        command = ["tclsh", "tests/test_helper.tcl", "--host", "127.0.0.1", "--port", str(server.port),
                   "--single", unit, "--durable", "--clients", "1", "--timeout", str(time_limit_s + 60),
                   "--baseport", str(random.choice(HARNESS_PORTS)), "--skipfile", str(skip_file)]
        results.parent.mkdir(parents=True, exist_ok=True)
        with open(results, "w") as lines, open(details, "w") as raw, open(server.home / "prints", "w") as prints:
            harness = subprocess.Popen(command, cwd=copy, env=dict(os.environ, TERM="dumb"), start_new_session=True,
                                       stdout=subprocess.PIPE, stderr=prints, text=True, errors="replace")
            limit = threading.Timer(time_limit_s, end_group, [harness])
            limit.start()
            found = []
            try:
                for event in events(unit, harness.stdout, raw):
                    found.append(event)
                    lines.write(json.dumps(event, ensure_ascii=False) + "\n")
                    lines.flush()
            finally:
                limit.cancel()
                # Its second process, the one that runs the tests, may live on.
                end_group(harness)
                harness.wait()
            raw.write((server.home / "prints").read_text(errors="replace"))
        wrong, server = server.end(), None
        return found, wrong
    finally:
        if server:
            server.end()


def end_group(harness):
    try:
        os.killpg(harness.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def events(unit, output, raw):
    """What the harness reports, as it comes: unit, status, name, milliseconds. Statuses are those of the harness, `cut`
    for a block that ended outside a test, and `done` for a unit that came to its end."""
    for line in output:
        raw.write(line)
        line = line.rstrip("\n")
        if line == END:
            # The failures are repeated below.
            raw.writelines(output)
            return
        if DONE.match(line):
            yield {"unit": unit, "status": "done", "name": "", "ms": 0}
            continue
        event = EVENT.match(line)
        if not event:
            continue
        status, name, ms = event.group(1), event.group(2), 0
        if status == "ok":
            name, ms = MILLISECONDS.fullmatch(name).groups()
        elif status == "err":
            name, is_test, _ = name.rpartition(" in tests/")
            if not is_test:
                status, name = "cut", event.group(2)
        yield {"unit": unit, "status": status, "name": name, "ms": int(ms)}
