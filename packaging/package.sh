#!/usr/bin/env bash
# Builds the provider for this machine's platform and creates the files that a registry serves.
#   packaging/package.sh [OUT]
# OUT defaults to dist. GPG_KEY is the key to sign with. LIBC=gnu links against this machine's glibc, LIBC=musl requires a
# static binary; by default, the binary is static if the toolchain for it is installed.
# For a release for several platforms, build on each, collect the binaries, and pass all of them to the program `package`.
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
    # Build scripts guess the name musl-gcc only on x86_64.
    cc=CC_${musl//-/_}
    export "$cc=${!cc:-musl-gcc}"
  elif [ "${LIBC:-}" = musl ]; then
    echo "package: a static binary needs $missing" >&2
    exit 1
  elif [ "${LIBC:-}" != gnu ]; then
    echo "note: the binary requires a glibc as new as this machine's; a static binary needs $missing" >&2
  fi
  ;;
esac

# Reproducible builds: no path of this machine gets into the binary.
built=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")
remap="--remap-path-prefix=$PWD=/kontraktor --remap-path-prefix=$built=/target"
export RUSTFLAGS="${RUSTFLAGS:-} $remap --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
cargo build --release --locked --target "$target" -p terraform-provider-kontraktor
unset RUSTFLAGS
provider=$built/$target/release/terraform-provider-kontraktor
case "$target" in
*-musl)
  if readelf --program-headers "$provider" | grep -q INTERP; then
    echo "package: $provider is not static: it requires an interpreter" >&2
    exit 1
  fi
  ;;
esac
cargo run --locked --quiet -p packaging -- --provider "$provider" --out "$out"
