#!/usr/bin/env bash
# Runs the browser tests, a module of their own in browser/, with Chromium. Says so when there are none yet.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f browser/go.mod ] || { echo "no browser tests yet"; exit 0; }
command -v chromium >/dev/null || { echo "chromium is missing: apt-get install chromium libnss3-tools"; exit 1; }
go -C browser test -json ./... | go run ./.ci/summary ${TALLY:+-tally "$TALLY"}
