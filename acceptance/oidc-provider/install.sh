#!/usr/bin/env bash
# Installs the OpenID provider that package-lock.json pins into the user's cache, once, and prints the path of its server.
# Only prints when it is there. It needs node 20 or later and npm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH="${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/tools/bin:$PATH"
"$here/../../scripts/setup" npm
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
  echo "install.sh: node and npm are missing. Run: sudo apt-get install nodejs npm" >&2
  exit 1
fi
pins=$({ node --version; cat "$here/package-lock.json" "$here/server.mjs"; } | sha256sum | cut -c 1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/oidc-provider-$pins
if [ ! -e "$folder" ]; then
  mkdir -p "${folder%/*}"
  # A run that comes while another one installs waits for it.
  exec 9>"$folder.lock"
  flock 9
fi
if [ ! -e "$folder" ]; then
  # No other run is at work here now: a partial folder is what an interrupted run left.
  rm -rf "$folder.part"
  echo "installing the OpenID provider of acceptance/oidc-provider, once" >&2
  mkdir "$folder.part"
  cp "$here/package.json" "$here/package-lock.json" "$here/server.mjs" "$folder.part"
  (cd "$folder.part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  mv -T "$folder.part" "$folder"
fi
echo "$folder/server.mjs"
