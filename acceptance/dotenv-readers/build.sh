#!/usr/bin/env bash
# Builds the program that reads dotenv files as Go's libraries do (godotenv, Docker Compose's), once, and prints its path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../build-go-tool.sh" "$here" dotenv-readers .
