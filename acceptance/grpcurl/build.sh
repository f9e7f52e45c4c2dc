#!/usr/bin/env bash
# Builds grpcurl, a client of gRPC that others wrote, once, and prints the path of its binary.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../build-go-tool.sh" "$here" grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl
