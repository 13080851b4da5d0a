#!/usr/bin/env python3
"""The Tcl suite of Redis 7.0.15 against Hearth, in external mode: it talks to a server that already runs.

    run.py [UNIT …]               units of ledger.txt, or those named, e.g. unit/type/string
    run.py --reference [UNIT …]   the same against redis-server 7.0.15
    run.py --list                 all units that the suite has
    run.py --fetch                only fetch the suite, and say what is missing (exit code 3)

The score of a unit is the number of tests that pass out of those that pass with redis-server, by name; names may repeat
in a unit, so they are counted. A test that did not appear counts as failed. The names come from a run against
redis-server, which is made where it is missing; its results, Hearth's and the suite are kept in redis-tests/cache/.

The run fails if a unit passes less than ledger.txt says, if a server died, if a test that does not pass is neither in skip.txt nor in
waits.txt, or if an entry of these matches no such test.
Needs tclsh, redis-tools, and apt-get for the suite; standard library only.
"""
import argparse
import collections
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import suite
import unit as units

HERE = pathlib.Path(__file__).resolve().parent
LEDGER = HERE / "ledger.txt"
SKIP = HERE / "skip.txt"
WAITS = HERE / "waits.txt"
TIME_LIMIT_S_MIN = 60
# Exit code: something that this needs and the repository does not hold is not here.
UNAVAILABLE = 3

# A line of the ledger. Seconds are those of the reference, and decide how long a unit may take.
Row = collections.namedtuple("Row", "passes reference seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unit", nargs="*", help="units; default: those in the ledger")
    parser.add_argument("--reference", action="store_true", help="run redis-server instead of Hearth")
    parser.add_argument("--list", action="store_true", help="list the units of the suite")
    parser.add_argument("--fetch", action="store_true", help="only fetch the suite, and say what is missing")
    parser.add_argument("--update", action="store_true", help="write the counts into the ledger")
    parser.add_argument("--no-skips", action="store_true", help="leave nothing out: is an entry of the skip list still needed?")
    parser.add_argument("--server", default=HERE.parent / "target/debug/hearth", help="the program of Hearth")
    parser.add_argument("--redis-server", default="redis-server", help="the program of the reference")
    # Some tests ask on several connections without waiting for replies and expect one order: with several workers there is
    # none, and such a test may wait for ever.
    parser.add_argument("--threads", type=int, default=1, help="workers of Hearth; default: 1")
    parser.add_argument("--cache", type=pathlib.Path, default=HERE / "cache", help="where the suite and results are kept")
    options = parser.parse_args()
    # As an exception, so that the server and the harness end, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    options.cache.mkdir(parents=True, exist_ok=True)
    options.cache = options.cache.resolve()
    need_programs(options)
    try:
        root = suite.fetch(options.cache)
    except suite.Unavailable as error:
        unavailable(f"the Tcl suite of Redis {suite.VERSION} is not here and could not be fetched: {error}")
    if options.fetch:
        return 0
    known = [path.relative_to(root / "tests").with_suffix("").as_posix() for path in sorted(root.glob("tests/*/**/*.tcl"))]
    known = [name for name in known if name.split("/")[0] in ("unit", "integration")]
    if options.list:
        print("\n".join(known))
        return 0
    ledger = read_ledger()
    chosen = options.unit or list(ledger)
    if unknown := set(chosen) - set(known):
        sys.exit(f"no such unit: {', '.join(sorted(unknown))}; see --list")
    skips = {} if options.no_skips else read_list(SKIP)
    problems = [f"{path.name} names a unit that does not exist: {name}" for path in (SKIP, WAITS) for name in read_list(path)
                if name not in known]
    run_all = reference if options.reference else hearth
    problems += run_all(options, root, ledger, chosen, skips)
    if options.update:
        write_ledger(ledger)
    print("\n" + "\n".join(f"PROBLEM: {problem}" for problem in problems) if problems else "\nno problems")
    return 1 if problems else 0


def hearth(options, root, ledger, chosen, skips):
    """Hearth against the reference and the ledger. Returns what is wrong; brings `ledger` up to date."""
    problems, passes, waits = [], 0, read_list(WAITS)
    print(f"{'unit':28} {'passes':>6} {'of':>4} {'ledger':>6} {'failed':>6} {'skipped':>7} {'unreached':>9} {'s':>6}")
    for name in chosen:
        row = ledger.get(name)
        wanted = reference_names(options, root, ledger, name)
        found, wrong, seconds = one(options, root, ledger, name, skips, options.server, True)
        got, seen = passed(found), names(found, "ok", "err", "skip", "ignore")
        skipped = names(found, "skip") & wanted
        score = (got & wanted).total()
        passes += score
        unreached = (wanted - seen).total()
        failed = wanted.total() - score - unreached - skipped.total()
        print(f"{name:28} {score:6} {wanted.total():4} {row.passes if row else '-':>6} {failed:6} {skipped.total():7} "
              f"{unreached:9} {seconds:6.1f}", flush=True)
        show_failures(found, wanted - got, wanted - seen, skipped)
        if row and wanted.total() != row.reference:
            problems.append(f"{name}: the reference passed {wanted.total()} tests here, the ledger says {row.reference}; "
                            "is that so with --reference?")
        problems += complaints(name, found, wrong, skips)
        problems += unexplained(name, wanted - got - skipped, waits.get(name, []))
        if row and score < row.passes:
            problems.append(f"{name}: {score} tests pass, the ledger says {row.passes}")
        elif row and score > row.passes:
            print(f"    passes more than the ledger says: raise it to {score} (--update)")
        # Numbers are raised only; who lowers one edits the file and says why.
        ledger[name] = Row(max(score, row.passes), row.reference, row.seconds) if row else Row(score, wanted.total(), 0)
    print(f"{'total':28} {passes:6} {sum(ledger[name].reference for name in chosen):4}")
    return problems


def reference(options, root, ledger, chosen, skips):
    """redis-server. Returns what is wrong; brings `ledger` up to date."""
    problems = []
    print(f"{'unit':28} {'passes':>6} {'ledger':>6} {'s':>6}")
    for name in chosen:
        row = ledger.get(name)
        found, wrong, seconds = one(options, root, ledger, name, {}, options.redis_server, False)
        count = passed(found).total()
        print(f"{name:28} {count:6} {row.reference if row else '-':>6} {seconds:6.1f}", flush=True)
        problems += complaints(name, found, wrong, {})
        if row and count != row.reference:
            problems.append(f"{name}: the reference passes {count} tests, the ledger says {row.reference}")
        ledger[name] = Row(row.passes, max(row.reference, count), row.seconds) if row else Row(0, count, round(seconds + 0.5))
    return problems


def reference_names(options, root, ledger, name):
    """How often a test of each name passes with redis-server; from the last run, or from one made now."""
    path = results_path(options, name, False)
    known = passed(json.loads(line) for line in path.read_text().splitlines()) if path.exists() and '"done"' in path.read_text() else None
    # A reference that passes less than it is known to was disturbed: it is asked once more.
    for _ in range(2):
        if known is not None and (name not in ledger or known.total() >= ledger[name].reference):
            break
        print(f"# {name}: asking redis-server first", flush=True)
        one(options, root, ledger, name, {}, options.redis_server, False)
        known = passed(json.loads(line) for line in path.read_text().splitlines())
    return known


def one(options, root, ledger, name, skips, program, is_hearth):
    """Results of a unit, what is wrong with the server, and seconds."""
    limit_s = max(TIME_LIMIT_S_MIN, 3 * ledger[name].seconds) if name in ledger else 600
    results = results_path(options, name, is_hearth)
    begin = time.monotonic()
    found, wrong = units.run(name, program, is_hearth, root, skips.get(name, []), limit_s, results,
                             results.with_suffix(".log"), options.threads)
    return found, wrong, time.monotonic() - begin


def results_path(options, name, is_hearth):
    return options.cache / ("hearth" if is_hearth else "reference") / f"{name.replace('/', '-')}.jsonl"


def passed(found):
    return names(found, "ok")


def names(found, *statuses):
    """How often each name has one of these statuses."""
    return collections.Counter(event["name"] for event in found if event["status"] in statuses)


def show_failures(found, missing, unreached, skipped):
    for name, count in missing.items():
        status = "not reached" if name in unreached else "skipped" if name in skipped else "failed"
        print(f"    {status}: {name}{f' ({count} times)' if count > 1 else ''}")
    for event in found:
        if event["status"] in ("cut", "exception"):
            print(f"    {event['status']}: {event['name']}")


def complaints(name, found, wrong, skips):
    """What is wrong with a run of a unit, apart from tests that fail."""
    problems = [f"{name}: {wrong}"] if wrong else []
    if not any(event["status"] == "done" for event in found):
        problems.append(f"{name}: did not come to its end")
    else:
        skipped = names(found, "skip")
        problems += [f"{name}: skip.txt has an entry that no test matches: {entry}"
                     for entry in skips.get(name, []) if entry not in skipped]
    return problems


def unexplained(name, missing, waits):
    """Tests of a unit that do not pass for no reason that is given, and reasons that are none any more."""
    def is_for(entry, test):
        return test.startswith(entry[:-1]) if entry.endswith("*") else test == entry

    problems = [f"{name}: does not pass, and is neither in skip.txt nor in waits.txt: {test}"
                for test in missing if not any(is_for(entry, test) for entry in waits)]
    return problems + [f"{name}: waits.txt has an entry for no test that fails: {entry}"
                       for entry in waits if not any(is_for(entry, test) for test in missing)]


def read_list(path):
    """By unit, the tests of a list. A line is `UNIT: NAME`; the lines with # above it are the reason."""
    tests = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, test = line.partition(": ")
            tests.setdefault(name, []).append(test)
    return tests


def read_ledger():
    ledger = {}
    for line in LEDGER.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, *numbers = line.split()
            ledger[name] = Row(*map(int, numbers))
    return ledger


def write_ledger(ledger):
    head = [line for line in LEDGER.read_text().splitlines() if line.startswith("#")]
    rows = [f"{name:28} {row.passes:6} {row.reference:9} {row.seconds:7}" for name, row in ledger.items()]
    LEDGER.write_text("\n".join(head + rows) + "\n")


def need_programs(options):
    missing = [name for name in ("tclsh", "redis-cli", "redis-benchmark", options.redis_server) if not shutil.which(name)]
    if missing:
        unavailable(f"not installed: {', '.join(missing)} (cargo xtask tools)")
    version = subprocess.run([options.redis_server, "--version"], capture_output=True, text=True).stdout
    if f"v={suite.VERSION} " not in version:
        unavailable(f"{options.redis_server} is not version {suite.VERSION}: {version}")


def unavailable(why):
    print(why, file=sys.stderr)
    sys.exit(UNAVAILABLE)


if __name__ == "__main__":
    sys.exit(main())
