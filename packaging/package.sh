#!/usr/bin/env bash
# Builds the provider for this machine's platform and makes the files that a registry serves.
#   packaging/package.sh [OUT]
# OUT is dist by default. GPG_KEY names the key that signs. LIBC=gnu links against this machine's glibc; LIBC=musl insists
# on a static binary; left out, it is static where the toolchain for it is there.
# A release for several platforms: build on each, gather the binaries, and give all of them to the program `package`.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-dist}

target=$(rustc -vV | sed -n 's/^host: //p')
case "$target" in
*-linux-gnu)
  musl=${target%-gnu}-musl
  missing=
  [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ] || missing="Rust's standard library for $musl: rustup target add $musl"
  command -v musl-gcc >/dev/null || missing="${missing:+$missing; and }musl-gcc, which compiles aws-lc: apt-get install musl-tools"
  if [ -z "$missing" ] && [ "${LIBC:-}" != gnu ]; then
    target=$musl
    # The name that build scripts guess is musl-gcc on x86_64 alone.
    cc=CC_${musl//-/_}
    export "$cc=${!cc:-musl-gcc}"
  elif [ "${LIBC:-}" = musl ]; then
    echo "package: a static binary needs $missing" >&2
    exit 1
  elif [ "${LIBC:-}" != gnu ]; then
    echo "note: the binary will need a glibc as new as this machine's. A static one needs $missing" >&2
  fi
  ;;
esac

# The same source makes the same binary wherever it lies: no path of this machine gets into it.
built=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")
remap="--remap-path-prefix=$PWD=/kontraktor --remap-path-prefix=$built=/target"
export RUSTFLAGS="${RUSTFLAGS:-} $remap --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
cargo build --release --locked --target "$target" -p terraform-provider-kontraktor
unset RUSTFLAGS
provider=$built/$target/release/terraform-provider-kontraktor
case "$target" in
*-musl)
  if readelf --program-headers "$provider" | grep -q INTERP; then
    echo "package: $provider should be static and asks for an interpreter" >&2
    exit 1
  fi
  ;;
esac
cargo run --locked --quiet -p packaging -- --provider "$provider" --out "$out"
