#!/bin/sh
# Installs what the tests use and the repository does not hold: the reference server and its tools, Tcl for its test
# suite, and the Python client in a virtual environment under target/. Run again at any time; nothing is done twice.
# Needs root (or sudo without a password) for packages; otherwise says what to install. Exit code 1: something is missing.
set -u
cd "$(dirname "$0")/.."

REDIS_PY="redis==8.1.0"
PYTEST="pytest==8.3.4"
venv="${CARGO_TARGET_DIR:-target}/tools/venv"
missing=""

need() { # need PROGRAM PACKAGE
    command -v "$1" > /dev/null 2>&1 || missing="$missing $2"
}

need redis-server redis-server
need redis-cli redis-tools
need redis-benchmark redis-tools
need tclsh tcl
need python3 python3
python3 -c 'import ensurepip, venv' > /dev/null 2>&1 || missing="$missing python3-venv"
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
fi

if [ -n "${missing% }" ]; then
    if command -v apt-get > /dev/null 2>&1 && $as_root true > /dev/null 2>&1; then
        echo "installing: $missing"
        # The package would start the server and keep it running; tests start their own.
        had_service=$(systemctl is-enabled redis-server 2> /dev/null || true)
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update > /dev/null &&
            $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
                apt-get -qq install --yes --no-install-recommends $missing > /dev/null ||
            echo "apt-get could not install: $missing" >&2
        if [ -z "$had_service" ] && command -v systemctl > /dev/null 2>&1; then
            $as_root systemctl disable --now redis-server > /dev/null 2>&1 || true
        fi
    else
        echo "not installed, and no right to install: $missing" >&2
        echo "on Debian or Ubuntu: sudo apt-get install $missing" >&2
        exit 1
    fi
fi

status=0
for program in redis-server redis-cli redis-benchmark tclsh python3; do
    if command -v "$program" > /dev/null 2>&1; then
        echo "$program: $(command -v "$program")"
    else
        echo "$program: missing" >&2
        status=1
    fi
done

if [ ! -e "$venv/installed-$REDIS_PY-$PYTEST" ]; then
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    if python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$REDIS_PY" "$PYTEST"; then
        touch "$venv/installed-$REDIS_PY-$PYTEST"
    else
        echo "redis-py could not be installed in $venv" >&2
        status=1
    fi
fi
[ -x "$venv/bin/python" ] && echo "redis-py: $venv"
exit $status
