#!/usr/bin/env bash
# Runs the browser tests, a module of their own in browser/, with Chromium, and looks at their source like at everybody's.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in chromium certutil node npm; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install chromium libnss3-tools nodejs npm"; exit 1; }
done
[ -d browser/node_modules/axe-core ] || npm ci --prefix browser --no-audit --no-fund --loglevel=error
provider=internal/identity/oidc/testdata/provider
[ -d $provider/node_modules/oidc-provider ] || npm ci --prefix $provider --ignore-scripts --no-audit --no-fund --loglevel=error
go -C browser vet ./...
[ ! -x .tools/staticcheck ] || (cd browser && ../.tools/staticcheck -tests ./...)
go -C browser test -count=1 -json ./... | go run ./.ci/summary ${TALLY:+-tally "$TALLY"}
