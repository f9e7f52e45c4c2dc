#!/usr/bin/env bash
# The demo: a daemon in a scratch directory, and terraform on examples/quickstart. Leaves nothing behind.
#   acceptance/demo.sh FOLDER_OF_THE_BINARIES
set -euo pipefail

bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/kontraktor-demo.XXXXXX")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
daemon=

stop() {
  status=$?
  if [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null; then
    kill -TERM "$daemon"
    wait "$daemon" || true
  fi
  rm -rf "$scratch"
  exit "$status"
}
trap stop EXIT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain='' no_color=-no-color; fi
title() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
run() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; "$@"; }
# The output of `terraform init` is of interest only when it fails.
quietly() { "$@" >"$scratch/quiet" 2>&1 || { cat "$scratch/quiet" >&2; return 1; }; }

# terraform, or OpenTofu where there is no terraform.
terraform=$("$root/scripts/terraform")
export PATH="$bin:${terraform%/*}:$PATH"
terraform=${terraform##*/}
export KONTRAKTOR_HOST="unix://$scratch/run/kontraktord.sock"
unset KONTRAKTOR_TOKEN KONTRAKTOR_TIMEOUT

title "A daemon on DuckDB, in a scratch directory"
mkfifo "$scratch/ready"
kontraktord --data-dir "$scratch/data" --socket "$scratch/run/kontraktord.sock" >"$scratch/ready" 2>"$scratch/daemon.log" &
daemon=$!
# It prints one line when it listens.
exec 3<"$scratch/ready"
if ! read -r line <&3; then
  cat "$scratch/daemon.log" >&2
  exit 1
fi
echo "${line//$scratch/\$SCRATCH}"

# The provider comes from a folder laid out like the registry, so `terraform init` and its lock file work as usual.
# Terraform's own configuration file on this machine is left alone.
cat >"$scratch/terraformrc" <<RC
disable_checkpoint = true
provider_installation {
  filesystem_mirror { path = "$scratch/mirror" }
}
RC
export TF_CLI_CONFIG_FILE="$scratch/terraformrc" TF_IN_AUTOMATION=1
os_arch=$($terraform version -json | sed -n 's/.*"platform": "\(.*\)".*/\1/p')
# terraform and OpenTofu look for the same provider under different hosts.
for host in registry.terraform.io registry.opentofu.org; do
  mirror="$scratch/mirror/$host/kontraktor/kontraktor/$version/$os_arch"
  mkdir -p "$mirror"
  cp "$bin/terraform-provider-kontraktor" "$mirror/terraform-provider-kontraktor_v$version"
done
mkdir "$scratch/work"
cp "$root"/examples/quickstart/*.tf "$scratch/work/"
cd "$scratch/work"

title "A project, its environments and variables"
quietly $terraform init -no-color
run $terraform apply -auto-approve ${no_color:-} -compact-warnings
title "The same, on the command line"
run ktr env show infra-demo/dev
title "One variable changes"
run $terraform apply -auto-approve ${no_color:-} -var app_url=https://www.demo.example.com
title "Its history, and the audit log"
run ktr var history infra-demo/dev APP_URL
run ktr audit --project infra-demo
title "Everything is destroyed"
run $terraform destroy -auto-approve ${no_color:-}
run ktr project list
title "The daemon stops, and its log is verified"
kill -TERM "$daemon"
wait "$daemon"
daemon=
run kontraktord audit verify --data-dir "$scratch/data" | sed "s|$scratch|\$SCRATCH|g"
echo
echo "That was the demo. Next: README.md, \"Quickstart\"."
