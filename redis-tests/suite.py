"""The Tcl suite of Redis 7.0.15: fetched with the package manager, and run from a scratch copy.

The suite is never part of this repository. Debian's source package `redis` has it; apt fetches that package into a
folder that git ignores, without root and without touching the system's own lists: every folder apt uses is a private
one, and the distribution's `.sources` files are copied there with the type changed to `deb-src`.
"""
import getpass
import os
import pathlib
import re
import shutil
import subprocess

VERSION = "7.0.15"

# Changes of the harness, made in the scratch copy only. Each must match exactly once.
# (file, text, replacement, reason)
PATCHES = [
    ("tests/test_helper.tcl", "set tcl_precision 17\n", "set tcl_precision 17\nfconfigure stdout -buffering line\n",
     "results are written when they come, so that a run that is cut short loses none"),
    ("tests/test_helper.tcl", "            --client $clientport &]\n        lappend ::clients_pids $p\n    } else",
     "            --client $clientport >@stderr &]\n        lappend ::clients_pids $p\n    } else",
     "what tests print themselves goes elsewhere, so that it cannot run into a result line"),
]

# Only for a server to which FUNCTION is an unknown command.
WITHOUT_FUNCTIONS = (
    "tests/support/server.tcl", "    r function flush\n", "    catch {r function flush}\n",
    "the harness clears functions before every block, outside any protection: without the command no test would run")


class Unavailable(Exception):
    """The suite is not here and cannot be fetched."""


def fetch(cache):
    """The root of the suite below `cache`, fetched if it is not there yet."""
    root = cache / f"redis-{VERSION}"
    if (root / "tests/test_helper.tcl").exists():
        return root
    for program in ("apt-get", "apt-config", "tar"):
        if not shutil.which(program):
            raise Unavailable(f"the suite comes from a Debian source package, and there is no {program}")
    apt = cache / "apt"
    for folder in ("parts", "lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    for source in sources():
        text = re.sub(r"^Types:.*$", "Types: deb-src", source.read_text(), flags=re.MULTILINE)
        (apt / "parts" / source.name).write_text(text)
    options = ["-q", "-o", f"Dir::Etc::sourcelist={apt}/none", "-o", f"Dir::Etc::sourceparts={apt}/parts",
               "-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache",
               "-o", f"APT::Sandbox::User={getpass.getuser()}",
               "-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]
    run(["apt-get", *options, "update"], cache)
    run(["apt-get", *options, "source", "--download-only", "redis"], cache)
    archive = cache / f"redis_{VERSION}.orig.tar.gz"
    if not archive.exists():
        raise Unavailable(f"this distribution has another version of Redis than {VERSION}")
    unpacked = cache / "unpacking"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    run(["tar", "xzf", archive, "-C", unpacked], cache)
    # Last, so that a run which is interrupted leaves nothing that looks complete.
    (unpacked / root.name).rename(root)
    unpacked.rmdir()
    return root


def sources():
    """The files that say where the distribution's packages are."""
    shell = subprocess.run(["apt-config", "shell", "folder", "Dir::Etc::sourceparts/d"], capture_output=True, text=True)
    quoted = re.search("'(.*)'", shell.stdout)
    folder = pathlib.Path(quoted.group(1) if quoted else "/etc/apt/sources.list.d")
    found = [*folder.glob("debian*.sources"), *folder.glob("ubuntu*.sources")]
    if not found:
        raise Unavailable(f"the suite comes from a Debian source package, and {folder} has no file debian*.sources")
    return found


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-5:])
        raise Unavailable(f"{command[0]} failed:\n{last}")
    return done.stdout


def scratch_copy(root, target, patches):
    """A copy of what a run needs, changed by `patches`, with the installed client programs where the harness wants them."""
    for folder in ("tests", "utils"):
        shutil.copytree(root / folder, target / folder)
    (target / "tests/tmp").mkdir(exist_ok=True)
    (target / "src").mkdir()
    for program in ("redis-cli", "redis-benchmark"):
        place = shutil.which(program)
        if place:
            os.symlink(place, target / "src" / program)
    for file, text, replacement, _ in patches:
        path = target / file
        before = path.read_text(encoding="latin-1")
        if before.count(text) != 1:
            raise Unavailable(f"{file} is not the file that the patch was written for: {text.strip()!r}")
        path.write_text(before.replace(text, replacement), encoding="latin-1")
