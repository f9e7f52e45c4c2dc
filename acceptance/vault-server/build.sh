#!/usr/bin/env bash
# Builds the Vault server that the tests run against, once, and prints the path of its binary.
# README.md says what it is and how long that takes. Does nothing but print when the binary is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

version=$(sed -n 's|^\tgithub.com/hashicorp/vault v\([0-9.]*\) .*|\1|p' "$here/go.mod")
inputs=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
folder=$cache/vault-$version-$inputs
vault=$folder/vault
if [ ! -x "$vault" ]; then
  mkdir -p "$folder"
  # A run that comes while another one builds waits for that build.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$vault" ]; then
  "$here/../../scripts/setup" go
  # Exactly the version that go.mod names, which Go fetches as a module: a newer one may not compile what is pinned there.
  GOTOOLCHAIN=go$(sed -n 's/^go //p' "$here/go.mod")
  export GOTOOLCHAIN
  echo "building Vault $version, once: minutes, most of them to download its modules" >&2
  cd "$here"
  # Downloaded before the build, and repeated: modules that have arrived stay in Go's module cache, each checked against
  # go.sum, so an interrupted download continues where it stopped.
  for attempt in 1 2 3; do
    go list -mod=readonly -tags minimal -deps . >/dev/null 2>"$folder/log" && break
    [ "$attempt" -lt 3 ] || { cat "$folder/log" >&2; exit 1; }
    echo "the download of Vault's modules was interrupted; continuing" >&2
  done
  # A rename, so that an interrupted build leaves no partial program behind.
  go build -mod=readonly -tags minimal -buildvcs=false -trimpath -ldflags '-s -w' -o "$vault.$$" .
  mv "$vault.$$" "$vault"
fi
echo "$vault"
