#!/usr/bin/env bash
# Builds grpcurl, a client of gRPC that others wrote, once, and prints the path of its binary.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

inputs=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
folder=$cache/grpcurl-$inputs
if [ ! -x "$folder/grpcurl" ]; then
  mkdir -p "$folder"
  # A run that comes while another one builds waits for that build.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$folder/grpcurl" ]; then
  "$here/../../scripts/setup" go
  GOTOOLCHAIN=go$(sed -n 's/^go //p' "$here/go.mod")+auto
  export GOTOOLCHAIN
  echo "building grpcurl, once" >&2
  cd "$here"
  # A rename, so that an interrupted build leaves no partial program behind.
  go build -mod=readonly -trimpath -ldflags '-s -w' -o "$folder/grpcurl.$$" github.com/fullstorydev/grpcurl/cmd/grpcurl
  mv "$folder/grpcurl.$$" "$folder/grpcurl"
fi
echo "$folder/grpcurl"
