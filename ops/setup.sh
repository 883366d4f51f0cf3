#!/bin/sh
# Make .venv from requirements.lock and install this project into it, editable. Called by make; safe to run again.
# On Debian a missing python3-venv is installed when root, and named when not.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c '' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
[ -n "$python" ] || fail "no python3 here; install Python 3.11 (apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    fail "$python is $("$python" -V 2>&1); the lock is for Python 3.11: say make PYTHON=/path/to/python3.11"

if [ ! -x .venv/bin/python ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
            fail "this Python cannot make virtual environments; as root: apt-get install python3-venv"
        say "installing python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv; } >/dev/null ||
            fail "apt-get install python3-venv did not work; its reason is above"
    fi
    say "making .venv with $("$python" -V 2>&1)"
    "$python" -m venv .venv
fi

# The tools that install the rest come from the same lock, by pip, which checks their hashes.
tools=.venv/setup-tools.txt
sed -n -e '/^uv==/,/[^\\]$/p' -e '/^setuptools==/,/[^\\]$/p' requirements.lock >"$tools"
grep -q '^uv==' "$tools" && grep -q '^setuptools==' "$tools" || fail "requirements.lock names no uv or setuptools; run make lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$tools" ||
    fail "could not install uv and setuptools; is the package index reachable?"

# uv does not read pip's configuration: a mirror, and the certificates of the house, are handed on.
index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"

say "installing $(grep -c '^[a-z0-9]' requirements.lock) locked packages"
# Bytecode now, once: Airflow's first import takes 20 s without it. What comes as source only is built with the
# locked setuptools, not with whatever is newest today.
.venv/bin/uv pip install --quiet --system-certs --python .venv/bin/python --require-hashes --no-build-isolation --compile-bytecode \
    -r requirements.lock || fail "the locked packages could not be installed; the reason is above"
.venv/bin/uv pip install --quiet --system-certs --python .venv/bin/python --no-build-isolation --no-deps -e . ||
    fail "this project could not be installed into .venv; the reason is above"
touch .venv/.installed
