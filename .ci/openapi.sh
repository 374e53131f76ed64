#!/usr/bin/env bash
# A third-party linter (npm @redocly/cli, recommended rules, no ignore file) reads the OpenAPI document of examples/press, as the
# built server serves it. Then an independent validator (npm ajv) judges 12,000 generated bodies by the schemas that we publish, and must
# say of each what we say; and 40 declarations by the schema of declarations.
set -euo pipefail
cd "$(dirname "$0")/.."
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
[ -d .ci/npm/node_modules/@redocly ] && [ -d .ci/npm/node_modules/ajv ] || npm --prefix .ci/npm ci --ignore-scripts --no-audit --no-fund
doc=${1:-bin/openapi.json}
[ $# -gt 0 ] || { make --no-print-directory build && bin/fastness plan --openapi --env development examples/press >"$doc"; }
.ci/npm/node_modules/.bin/redocly lint "$doc"
FASTNESS_AJV=1 go test -count=1 -run TestSchemaAgrees ./internal/keep/keeptest
FASTNESS_AJV=1 go test -count=1 -run TestSchemaAndReaderAgree ./internal/plan/decl
