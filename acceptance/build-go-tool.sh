#!/usr/bin/env bash
# Builds the program of a Go module once, and prints its path. Only prints when it is there.
#   acceptance/build-go-tool.sh FOLDER_OF_THE_MODULE NAME PACKAGE
# The versions are those of FOLDER's go.mod and go.sum; FOLDER's own sources count too.
set -euo pipefail
scripts=$(cd "$(dirname "$0")/../scripts" && pwd)
module=$(cd "$1" && pwd) name=$2 package=$3

cd "$module"
inputs=$(cat go.mod go.sum *.go | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
folder=$cache/$name-$inputs
program=$folder/$name
if [ ! -x "$program" ]; then
  mkdir -p "$folder"
  # A run that comes while another one builds waits for that build.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$program" ]; then
  "$scripts/setup" go
  # The Go that go.mod names: what a newer one does not compile is pinned there too.
  GOTOOLCHAIN=go$(sed -n 's/^go //p' go.mod)+auto
  export GOTOOLCHAIN
  echo "building $name, once" >&2
  # A rename, so that an interrupted build leaves no partial program behind.
  go build -mod=readonly -buildvcs=false -trimpath -ldflags '-s -w' -o "$program.$$" "$package"
  mv "$program.$$" "$program"
fi
echo "$program"
