#!/usr/bin/env bash
# Builds the program that reads dotenv files as Go's libraries do (godotenv, Docker Compose's), once, and prints its path.
# Only prints when it is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

inputs=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
folder=$cache/dotenv-readers-$inputs
program=$folder/dotenv-readers
if [ ! -x "$program" ]; then
  mkdir -p "$folder"
  # A run that comes while another one builds waits for that build.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$program" ]; then
  "$here/../../scripts/setup" go
  cd "$here"
  # A rename, so that an interrupted build leaves no partial program behind.
  go build -mod=readonly -buildvcs=false -trimpath -o "$program.$$" .
  mv "$program.$$" "$program"
fi
echo "$program"
