#!/usr/bin/env bash
# Times Kontraktor beside its rivals in one run, and prints ratios.
#   acceptance/bench/run.sh FOLDER_OF_THE_RELEASE_BINARIES [startup|terraform|writes]…
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export KONTRAKTOR_TEST_BIN_DIR
KONTRAKTOR_TEST_BIN_DIR=$(cd "$1" && pwd)
shift
if command -v go >/dev/null; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/peer
  mkdir -p "$cache"
  (cd "$here/peer" && go build -ldflags '-s -w' -o "$cache/terraform-provider-peer" .)
  export KONTRAKTOR_BENCH_PEER="$cache/terraform-provider-peer"
else
  echo "note: go is missing, so there is no peer on HashiCorp's framework to compare with" >&2
fi
cd "$here/../.."
exec cargo run --release --locked --quiet -p acceptance --bin bench -- "$@"
