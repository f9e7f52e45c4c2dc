#!/usr/bin/env bash
# Builds the Vault server that the tests run against, once, and prints the path of its binary.
# README.md says what it is and how long that takes. Does nothing but print when the binary is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

version=$(sed -n 's|^\tgithub.com/hashicorp/vault v\([0-9.]*\) .*|\1|p' "$here/go.mod")
inputs=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" | sha256sum | cut -c 1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/vault-$version-$inputs
vault=$folder/vault
if [ ! -x "$vault" ]; then
  mkdir -p "$folder"
  # Who comes while another builds waits for that build instead of starting a second one.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$vault" ]; then
  if ! command -v go >/dev/null; then
    echo "missing: go (builds the Vault server that the tests talk to). Install 1.21 or later: see go.dev/doc/install" >&2
    exit 1
  fi
  # From 1.21 on, go fetches the very version that go.mod names, as a module, when it is older itself.
  export GOTOOLCHAIN=auto
  have=$(cd / && go env GOVERSION)
  if [ "$(printf 'go1.21\n%s\n' "$have" | sort -V | head -n 1)" != go1.21 ]; then
    echo "$have is too old to build Vault: 1.21 is needed. Install it: see go.dev/doc/install" >&2
    exit 1
  fi
  echo "building Vault $version, once: 7 minutes on 2 cores, and as long again to download its modules" >&2
  cd "$here"
  # Apart from the build and repeated, because a download that broke off goes on where it stopped: modules that
  # have arrived stay in go's module cache, each checked against go.sum.
  for attempt in 1 2 3; do
    go list -mod=readonly -deps . >/dev/null && break
    [ "$attempt" -lt 3 ] || exit 1
    echo "the download of Vault's modules broke off; going on with it" >&2
  done
  # A rename, so that an interrupted build leaves no half program behind.
  go build -mod=readonly -buildvcs=false -trimpath -ldflags '-s -w' -o "$vault.$$" .
  mv "$vault.$$" "$vault"
fi
echo "$vault"
