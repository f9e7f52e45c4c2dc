#!/usr/bin/env bash
# Installs what requirements.txt pins into a virtual environment in the user's cache, once, and prints the path of its
# python. Does nothing but print when it is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

pins=$(sha256sum <"$here/requirements.txt" | cut -c 1-12)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/python-$pins
python=$venv/bin/python
# Written last: without it the environment is a half-installed one, and made anew.
if [ ! -e "$venv/complete" ]; then
  mkdir -p "${venv%/*}"
  # Who comes while another installs waits for that instead of installing beside it.
  exec 9>"$venv.lock"
  flock 9
fi
if [ ! -e "$venv/complete" ]; then
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "missing: python3 with venv (runs moto in AWS's place). Install it: apt-get install python3-venv" >&2
    exit 1
  fi
  echo "installing the tests' Python packages, once" >&2
  python3 -m venv --clear "$venv"
  "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
    --requirement "$here/requirements.txt" >&2
  touch "$venv/complete"
fi
echo "$python"
