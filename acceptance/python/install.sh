#!/usr/bin/env bash
# Installs what a requirements file pins into a virtual environment in the user's cache, once, and prints the path of its
# python. Only prints when it is there.
#   acceptance/python/install.sh [FILE]          FILE lies beside this script; requirements.txt unless given
# Run modules with that python (PYTHON -m moto.server): the environment was moved, so the commands in its bin folder,
# which name their python by its path, do not work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
requirements=$here/${1:-requirements.txt}

if [ ! -f "$requirements" ]; then
  echo "install.sh: $requirements is missing" >&2
  exit 2
fi
"$here/../../scripts/setup" python

# An environment belongs to the python that made it: another python makes another one.
pins=$({ python3 -c 'import sys; print(sys.version, sys.base_prefix)'; cat "$requirements"; } | sha256sum | cut -c 1-12)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/python-$pins
if [ ! -e "$venv" ]; then
  mkdir -p "${venv%/*}"
  # A run that comes while another one installs waits for it.
  exec 9>"$venv.lock"
  flock 9
fi
if [ ! -e "$venv" ]; then
  # No other run is at work here now: a partial folder is what an interrupted run left.
  rm -rf "$venv.part"
  echo "installing the Python packages of ${requirements##*/}, once" >&2
  python3 -m venv "$venv.part"
  "$venv.part/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --only-binary :all: --no-deps \
    --requirement "$requirements" >&2
  mv -T "$venv.part" "$venv"
fi
echo "$venv/bin/python"
