#!/bin/sh
# Refuses a commit that would publish a secret, or a declaration that does not compile. Switch it on: git config core.hooksPath .githooks
set -eu
fastness check --env development . >/dev/null
fastness check --env production --elsewhere . >/dev/null
bad=$(git diff --cached --name-only --diff-filter=ACMR | grep -E '(^data/|\.key$|\.pem$|(^|/)\.env$)' || true)
if [ -n "$bad" ]; then
	echo "these files hold secrets or data and do not belong in a repository: $bad" >&2
	exit 1
fi
# Private keys, tokens with well-known prefixes, and URLs with a password in them; lines that are added only.
if git diff --cached -U0 --diff-filter=ACMR -- . ':!.githooks' | grep -E '^\+' | grep -qE -e '-----BEGIN [A-Z ]*PRIVATE KEY' \
	-e '(ghp|gho|github_pat|glpat|xox[abps]|sk_live|rk_live|AKIA|ASIA)[-_A-Za-z0-9]{12,}' -e 'fst_[0-9a-v]{52}' -e '[a-z+]+://[^/@: ]+:[^/@ ${]+@'; then
	echo "a line that is added looks like a secret; take it out, and if it was ever published, revoke it" >&2
	exit 1
fi
