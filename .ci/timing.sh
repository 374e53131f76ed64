#!/usr/bin/env bash
# Shows that the proof of equal timing can fail. In each of RUNS rounds (1) and on each engine (sqlite postgres) the clean build must
# find sign-in, recovery and sign-up equal, and a build without one control must find its way in different. A line for each verdict
# with the load of the machine beside it, then a table; the exit status is 0 when all were as they must be.
#
#   .ci/timing.sh [RUNS [ENGINE…]]
#
# FASTNESS_ROUNDS is the number of pairs (2000). FASTNESS_TIMING_HASH=argon2id takes real hashes. WAYS="sign-in" and
# SABOTEURS="sign-in=signin-dummy-hash" leave some out.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-1}
[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "usage: .ci/timing.sh [RUNS [ENGINE…]]" >&2; exit 2; }
shift || true
engines=("$@")
[ ${#engines[@]} -gt 0 ] || engines=(sqlite postgres)
read -ra ways <<<"${WAYS-sign-in recovery sign-up}"
read -ra saboteurs <<<"${SABOTEURS-sign-in=signin-dummy-hash recovery=recover-letter sign-up=signup-hash}"
export FASTNESS_TIMING=1 FASTNESS_ROUNDS=${FASTNESS_ROUNDS:-2000} CI=true
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
declare -A right seen

go test -c -o "$tmp/clean" ./internal/identity
for s in "${saboteurs[@]}"; do
  mkdir "$tmp/${s#*=}.d"
  overlay=$(go run ./sabotage -overlay "$tmp/${s#*=}.d" "${s#*=}")
  go test -c -overlay "$overlay" -o "$tmp/${s#*=}" ./internal/identity
done

# judge BUILD ENGINE WAY WANT runs one proof and prints and counts its verdict.
judge() {
  local out verdict row="$2 $3 $1 $4"
  out=$(cd internal/identity && "$tmp/$1" -test.v -test.timeout 1h -test.run "^TestTimingOfEnumeration\$/^$2\$/^$3\$" 2>&1) || true
  verdict=$(grep -oE '(equal|different|open): .*' <<<"$out") || verdict="broken: $(grep -E '^ +[a-z_]+\.go:|^panic' <<<"$out" | head -n 3)"
  seen[$row]=$((${seen[$row]:-0} + 1))
  right[$row]=$((${right[$row]:-0}))
  if [ "${verdict%%:*}" = "$4" ]; then right[$row]=$((right[$row] + 1)); fi
  echo "$(date -u +%H:%M:%S) load $(cut -d ' ' -f 1 /proc/loadavg)  $2 $3, $1: $verdict"
}

for ((n = 1; n <= runs; n++)); do
  for engine in "${engines[@]}"; do
    for way in "${ways[@]}"; do judge clean "$engine" "$way" equal; done
    for s in "${saboteurs[@]}"; do judge "${s#*=}" "$engine" "${s%%=*}" different; done
  done
done

status=0
printf '\n%-10s %-10s %-20s %s\n' engine way build verdict
while read -r row; do
  read -r engine way build want <<<"$row"
  printf '%-10s %-10s %-20s %s\n' "$engine" "$way" "$build" "$want in ${right[$row]} of ${seen[$row]}"
  if [ "${right[$row]}" != "${seen[$row]}" ]; then status=1; fi
done < <(printf '%s\n' "${!seen[@]}" | sort)
exit $status
