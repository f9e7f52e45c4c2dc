#!/usr/bin/env bash
# Installs what package-lock.json pins (a linter and a generator of clients for OpenAPI) into the user's cache, once, and prints
# its folder. Only prints when it is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
inputs=$(cat "$here/package.json" "$here/package-lock.json" | sha256sum | cut -c 1-12)
folder=$cache/rest-tools-$inputs
if [ ! -e "$folder" ]; then
  mkdir -p "$cache"
  # A run that comes while another one installs waits for it.
  exec 9>"$folder.lock"
  flock 9
fi
if [ ! -e "$folder" ]; then
  "$here/../../scripts/setup" npm
  echo "installing the npm packages of acceptance/rest, once" >&2
  rm -rf "$folder.part"
  mkdir "$folder.part"
  cp "$here/package.json" "$here/package-lock.json" "$folder.part"
  # No package's own scripts run.
  (cd "$folder.part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error) >&2
  mv -T "$folder.part" "$folder"
fi
echo "$folder"
