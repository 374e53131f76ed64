#!/usr/bin/env bash
# A third-party linter (npm @redocly/cli, recommended rules, no ignore file) reads the OpenAPI document of examples/press.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "no OpenAPI document yet"
