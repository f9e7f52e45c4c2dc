#!/usr/bin/env bash
# Runs the acceptance tests with OpenTofu in terraform's place.
#   acceptance/tofu/run.sh [ARGUMENTS OF CARGO…]
# OpenTofu is built once, in three minutes or so, from the modules that go.mod names, and kept in the user's cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v go >/dev/null; then
  echo "skipped: go is missing, so there is no OpenTofu to test with. Install it: see go.dev/doc/install" >&2
  exit 0
fi
version=$(sed -n 's|^\tgithub.com/opentofu/opentofu v\([0-9.]*\).*|\1|p' "$here/go.mod")
modules=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-12)
tofu=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/tofu-$version-$modules/tofu
if [ ! -x "$tofu" ]; then
  echo "building OpenTofu $version, once" >&2
  mkdir -p "${tofu%/*}"
  # A rename, so that an interrupted build leaves no half program behind. dev=no is how releases are marked.
  (cd "$here" && go build -mod=readonly -buildvcs=false -trimpath -ldflags '-s -w -X github.com/opentofu/opentofu/version.dev=no' \
    -o "$tofu.$$" github.com/opentofu/opentofu/cmd/tofu)
  mv "$tofu.$$" "$tofu"
fi
export KONTRAKTOR_TEST_TERRAFORM=$tofu
"$tofu" version | head -n 1 >&2

cd "$here/../.."
cargo build --locked "$@" --workspace --bins
cargo test --locked "$@" -p acceptance --no-fail-fast
