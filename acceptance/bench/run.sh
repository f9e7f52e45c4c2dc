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
if ! command -v etcd >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "installing etcd-server, the rival of the writes" >&2
  apt-get install -y -q --no-install-recommends etcd-server >/dev/null 2>&1 || echo "etcd-server cannot be installed; going on without" >&2
fi
mkdir -p "$cache/peer"
(cd "$here/peer" && go build -ldflags '-s -w' -o "$cache/peer/terraform-provider-peer" .)
export KONTRAKTOR_BENCH_PEER="$cache/peer/terraform-provider-peer"
cd "$here/../.."
cargo build --release --locked --quiet -p acceptance --bins
built=$(realpath "${CARGO_TARGET_DIR:-target}/release")
export KONTRAKTOR_BENCH_ECHO="$built/terraform-provider-echo"
exec "$built/bench" "$@"
