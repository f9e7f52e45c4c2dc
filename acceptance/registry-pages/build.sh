#!/usr/bin/env bash
# Builds tfplugindocs, HashiCorp's checker of a provider's pages, once, and prints the path of its binary.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

inputs=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor
export PATH="$cache/tools/bin:$PATH"
folder=$cache/tfplugindocs-$inputs
if [ ! -x "$folder/tfplugindocs" ]; then
  mkdir -p "$folder"
  # A run that comes while another one builds waits for that build.
  exec 9>"$folder/lock"
  flock 9
fi
if [ ! -x "$folder/tfplugindocs" ]; then
  "$here/../../scripts/setup" go
  GOTOOLCHAIN=go$(sed -n 's/^go //p' "$here/go.mod")+auto
  export GOTOOLCHAIN
  echo "building tfplugindocs, once" >&2
  cd "$here"
  # A rename, so that an interrupted build leaves no partial program behind.
  go build -mod=readonly -trimpath -ldflags '-s -w' -o "$folder/tfplugindocs.$$" \
    github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs
  mv "$folder/tfplugindocs.$$" "$folder/tfplugindocs"
fi
echo "$folder/tfplugindocs"
