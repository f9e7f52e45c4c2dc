#!/usr/bin/env bash
# Builds tfplugindocs, HashiCorp's checker of a provider's pages, once, and prints the path of its binary.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../build-go-tool.sh" "$here" tfplugindocs github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs
