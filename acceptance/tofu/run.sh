#!/usr/bin/env bash
# Runs the acceptance tests with OpenTofu instead of terraform.
#   acceptance/tofu/run.sh [ARGUMENTS OF CARGO…]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

KONTRAKTOR_TEST_TERRAFORM=$("$here/build.sh")
export KONTRAKTOR_TEST_TERRAFORM
"$KONTRAKTOR_TEST_TERRAFORM" version | head -n 1 >&2

cd "$here/../.."
# With --workspace, the packages have the same features as in `make test`, and dependencies are compiled once for both.
cargo test --workspace --locked "$@" --no-run
cargo test --workspace --locked "$@" --no-fail-fast --test acceptance --test servers
