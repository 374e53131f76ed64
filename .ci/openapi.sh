#!/usr/bin/env bash
# A third-party linter (npm @redocly/cli, recommended rules, no ignore file) reads the OpenAPI document of examples/press, as the
# built server serves it. That bodies and declarations agree with our schemas, by another validator (npm ajv), is shown
# by TestSchemaAgrees and TestSchemaAndReaderAgree.
set -euo pipefail
cd "$(dirname "$0")/.."
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
[ -d .ci/npm/node_modules/@redocly ] && [ -d .ci/npm/node_modules/ajv ] || npm --prefix .ci/npm ci --ignore-scripts --no-audit --no-fund
doc=${1:-bin/openapi.json}
[ $# -gt 0 ] || { make --no-print-directory build && bin/fastness plan --openapi --env development examples/press >"$doc"; }
.ci/npm/node_modules/.bin/redocly lint "$doc"
