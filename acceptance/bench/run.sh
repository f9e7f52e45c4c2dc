#!/usr/bin/env bash
# Times Kontraktor and its rivals in one run, and prints ratios.
#   acceptance/bench/run.sh FOLDER_OF_THE_RELEASE_BINARIES [startup|terraform|writes]…
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export KONTRAKTOR_TEST_BIN_DIR
KONTRAKTOR_TEST_BIN_DIR=$(cd "$1" && pwd)
shift
"$here/../../scripts/setup" go
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH" GOTOOLCHAIN=auto
mkdir -p "$cache/peer"
(cd "$here/peer" && go build -ldflags '-s -w' -o "$cache/peer/terraform-provider-peer" .)
export KONTRAKTOR_BENCH_PEER="$cache/peer/terraform-provider-peer"
cd "$here/../.."
cargo build --release --locked --quiet -p acceptance --bins
built=$(realpath "${CARGO_TARGET_DIR:-target}/release")
export KONTRAKTOR_BENCH_ECHO="$built/terraform-provider-echo"
exec "$built/bench" "$@"
