#!/usr/bin/env bash
# Builds OpenTofu from the modules that go.mod names, once, into the user's cache, and prints the path of its binary.
#   acceptance/tofu/build.sh [--path]          --path only prints where it is, or would be
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"

version=$(sed -n 's|^\tgithub.com/opentofu/opentofu v\([0-9.]*\).*|\1|p' "$here/go.mod")
modules=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-12)
tofu=$cache/tofu-$version-$modules/tofu
if [ ! -x "$tofu" ] && [ "${1:-}" != --path ]; then
  "$here/../../scripts/setup" go
  echo "building OpenTofu $version, once: 4 minutes on 2 cores" >&2
  # Exactly the version that go.mod names, which Go fetches as a module: a newer one may not compile what is pinned there.
  GOTOOLCHAIN=go$(sed -n 's/^go //p' "$here/go.mod")
  export GOTOOLCHAIN
  mkdir -p "${tofu%/*}"
  cd "$here"
  # Downloaded before the build, and repeated: an interrupted download continues where it stopped.
  for attempt in 1 2 3; do
    go list -mod=readonly -deps github.com/opentofu/opentofu/cmd/tofu >/dev/null 2>"${tofu%/*}/log" && break
    [ "$attempt" -lt 3 ] || { cat "${tofu%/*}/log" >&2; exit 1; }
  done
  # A rename, so that an interrupted build leaves no partial program behind. dev=no is how releases are marked.
  go build -mod=readonly -buildvcs=false -trimpath -ldflags '-s -w -X github.com/opentofu/opentofu/version.dev=no' \
    -o "$tofu.$$" github.com/opentofu/opentofu/cmd/tofu
  mv "$tofu.$$" "$tofu"
fi
echo "$tofu"
