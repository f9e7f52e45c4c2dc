#!/usr/bin/env bash
# Puts libduckdb.so 1.5.6 into the user's cache and links .libduckdb to it, so that day-to-day builds need not compile
# DuckDB's C++ (20 minutes and more on 2 cores). The library comes from an npm package, pinned by its SHA-256.
# Does nothing when it is there.
set -euo pipefail

version=1.5.6
package_version=1.5.6-r.1
case "$(uname -sm)" in
  "Linux x86_64")
    package=@duckdb/node-bindings-linux-x64
    package_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
    ;;
  *)
    echo "libduckdb: no pinned package for $(uname -sm); build with: make BUNDLED=1 build" >&2
    exit 1
    ;;
esac

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
cache=$cache/libduckdb-$version-${package_sha256:0:12}
if [ ! -e "$cache/libduckdb.so" ]; then
  "$root/scripts/setup" npm
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  echo "libduckdb: fetching $package@$package_version" >&2
  if ! (cd "$work" && npm pack --loglevel=error --no-update-notifier "$package@$package_version" >/dev/null); then
    echo "libduckdb: npm cannot fetch the package. Check the connection to the npm registry, or compile DuckDB with: make BUNDLED=1 build" >&2
    exit 1
  fi
  archive=$(echo "$work"/*.tgz)
  echo "$package_sha256  $archive" | sha256sum --check --quiet || {
    echo "libduckdb: the package's SHA-256 is not the pinned one; nothing was installed" >&2
    exit 1
  }
  tar -xzf "$archive" -C "$work" package/libduckdb.so
  mkdir -p "$cache"
  # A rename, so that an interrupted run leaves no partial library behind.
  mv "$work/package/libduckdb.so" "$cache/libduckdb.so.$$"
  mv "$cache/libduckdb.so.$$" "$cache/libduckdb.so"
fi
ln -sfn "$cache" "$root/.libduckdb"
