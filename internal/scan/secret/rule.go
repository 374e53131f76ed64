package secret

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

// rule is one kind of secret. The value is the first group of the pattern that took part in the match, or the match.
type rule struct {
	id       string
	words    []string       // one of them, in lower case, stands in every text that the pattern matches
	pattern  *regexp.Regexp // Go's engine: the time is linear in the text
	entropy  float64        // bits a character that the value has at least; 0 does not ask
	mixed    bool           // the value holds letters and digits: a word or a sentence is none
	password bool           // the value may be short and is compared with words that stand for a password
	path     *regexp.Regexp // the path of the file; nil means any
	rotate   string
}

// rules are all kinds. A text that more than one rule matches is of the first alone, so the general ones stand last.
var rules = []rule{
	{id: "fastness-token", words: []string{"fst_"}, pattern: regexp.MustCompile(`\b(fst_[0-9a-v]{52})\b`),
		rotate: "revoke the token in the account's list of tokens, then issue a new one"},
	{id: "fastness-root-key", pattern: regexp.MustCompile(`\A([0-9a-f]{64})\s*\z`), path: regexp.MustCompile(`(?i)key`), entropy: 2.5,
		rotate: "make a new root key, re-wrap the data with it, and destroy every copy of the old one"},
	{id: "private-key", words: []string{"private key"},
		pattern: regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----([\sA-Za-z0-9+/=\\:,.-]{40,}?)-----END`),
		rotate:  "make a new key pair, replace the public key or certificate wherever it is trusted, and revoke the old one"},
	{id: "aws-key", words: []string{"akia", "asia"}, pattern: regexp.MustCompile(`\b((?:AKIA|ASIA)[A-Z2-7]{16})\b`), entropy: 2.5,
		rotate: "make a new access key in IAM, then deactivate and delete the old one; read CloudTrail for its use"},
	{id: "aws-secret", words: []string{"aws"}, entropy: 4, mixed: true,
		pattern: regexp.MustCompile(`(?i)aws[a-z_.-]{0,20}(?:secret|private)[a-z_.-]{0,20}["']?\s{0,8}(?:=|:|=>)\s{0,8}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`),
		rotate:  "make a new access key in IAM, then deactivate and delete the old one; read CloudTrail for its use"},
	{id: "github-token", words: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, entropy: 3,
		pattern: regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b`),
		rotate:  "delete the token in GitHub's developer settings, then make one with fewer permissions"},
	{id: "gitlab-token", words: []string{"glpat-", "gldt-", "glrt-", "glptt-"}, entropy: 3,
		pattern: regexp.MustCompile(`\b(gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,})`), rotate: "revoke the token in GitLab's access tokens, then make a new one"},
	{id: "slack-token", words: []string{"xoxa-", "xoxb-", "xoxp-", "xoxs-", "xoxr-", "xapp-"}, entropy: 2.5,
		pattern: regexp.MustCompile(`\b((?:xox[abpsr]|xapp)-[A-Za-z0-9-]{12,})`), rotate: "revoke the token in the Slack app's settings and reinstall the app"},
	{id: "slack-webhook", words: []string{"hooks.slack.com"}, pattern: regexp.MustCompile(`hooks\.slack\.com/services/(T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})`),
		rotate: "delete the webhook in the Slack app's settings, then add a new one"},
	{id: "stripe-key", words: []string{"sk_live_", "rk_live_", "whsec_"}, entropy: 3,
		pattern: regexp.MustCompile(`\b((?:[sr]k_live|whsec)_[A-Za-z0-9]{16,})`), rotate: "roll the key in Stripe's dashboard and end the old one at once"},
	{id: "google-key", words: []string{"aiza"}, pattern: regexp.MustCompile(`\b(AIza[A-Za-z0-9_-]{35})(?:[^A-Za-z0-9_-]|$)`), entropy: 3,
		rotate: "make a new API key in Google Cloud, restrict it, and delete the old one"},
	{id: "google-oauth-secret", words: []string{"gocspx-"}, pattern: regexp.MustCompile(`\b(GOCSPX-[A-Za-z0-9_-]{28})`), entropy: 3,
		rotate: "add a new client secret in Google Cloud, then disable and delete the old one"},
	{id: "azure-storage-key", words: []string{"accountkey"}, pattern: regexp.MustCompile(`(?i)AccountKey=([A-Za-z0-9+/]{86}==)`), entropy: 4,
		rotate: "regenerate the account's keys in Azure, one after the other"},
	{id: "azure-client-secret", words: []string{"q~"}, pattern: regexp.MustCompile(`(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})`),
		entropy: 3.5, rotate: "add a new client secret to the application in Entra ID and delete the old one"},
	{id: "npm-token", words: []string{"npm_"}, pattern: regexp.MustCompile(`\b(npm_[A-Za-z0-9]{36})\b`), entropy: 3,
		rotate: "revoke the token with npm token revoke, then make a new one"},
	{id: "npm-auth", words: []string{"_authtoken"}, pattern: regexp.MustCompile(`:_authToken\s*=\s*["']?([A-Za-z0-9_./+=-]{16,})`), entropy: 3, mixed: true,
		rotate: "revoke the token at the registry, then make a new one"},
	{id: "pypi-token", words: []string{"pypi-ag"}, pattern: regexp.MustCompile(`\b(pypi-Ag[A-Za-z0-9_-]{50,})`), entropy: 3,
		rotate: "remove the token in the account settings of PyPI, then make one for a single project"},
	{id: "jwt", words: []string{"eyj"}, pattern: regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})`), entropy: 3,
		rotate: "end the session or token at its issuer; if it does not expire, change the key that signed it"},
	{id: "url-password", words: []string{"://"}, password: true,
		pattern: regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s/@:"'<>]{0,100}:([^\s/@"'<>]{3,200})@[a-z0-9_.\[-]`),
		rotate:  "change the password of this user at the database or service, and hand it over by the environment"},
	{id: "django-secret-key", words: []string{"secret_key"}, entropy: 3.5,
		pattern: regexp.MustCompile(`(?m)\bSECRET_KEY(?:_FALLBACKS)?["']?\s{0,8}(?::\s*str\s*)?[=:]\s{0,8}\[?\s{0,8}[rbu]?(?:"([^"\n]{20,200})"|'([^'\n]{20,200})'|([^\s"'\[\](){}]{20,200})\s*$)`),
		rotate:  "make a new SECRET_KEY and read it from the environment; every session and signed link ends"},
	{id: "password-assigned", words: []string{"passw", "pwd", "passphrase"}, password: true,
		pattern: regexp.MustCompile(`(?im)(?:^|[^a-z])(?:[a-z0-9]{1,20}[_.-]){0,4}(?:password|passwd|pwd|passphrase)["']?\s{0,8}(?::=|=>|=|:)\s{0,8}["']([^"'\s]{8,200})["']`),
		entropy: 2.8, mixed: true, rotate: "change the password where it is valid, and hand it over by the environment"},
	{id: "secret-assigned", words: []string{"secret", "token", "api", "access", "auth", "credential"}, entropy: 3.5, mixed: true,
		pattern: regexp.MustCompile(`(?im)(?:secret|token|api_?key|apikey|api-key|access_?key|auth_?key|credentials?)[a-z0-9_.-]{0,20}["']?\s{0,8}(?::=|=>|=|:)\s{0,8}` +
			`(?:["']([A-Za-z0-9_+/=.~!@#%^&*-]{16,200})["']|([A-Za-z0-9_+/=~-]{20,200})\s*$)`),
		rotate: "make a new one at its issuer, withdraw this one, and hand the new one over by the environment"},
}

// standIn matches what documents and templates write in the place of a secret.
var standIn = regexp.MustCompile(`(?i)example|change.?me|placeholder|dummy|redacted|your[-_]|x{6}|\*{3}|\.\.\.|<[a-z]|\$\{|\$\(|\{\{|^\$[a-z_(]|^%[a-z(]|` +
	`^\{[a-z0-9_.]*\}$|^%\w|os\.(environ|getenv)|process\.env|getenv|insecure-?dev`)

// weak matches passwords that are words of documents, such as postgres://user:password@host.
var weak = regexp.MustCompile(`(?i)^(pass(word|wd)?\d{0,4}|pw|pwd|secret|user|test|postgres|root|admin)$|^:|^\d+$`)

// hit is a value at a place of a text. It stays inside the package: a value leaves it in no form.
type hit struct {
	rule  int
	value string
	line  int
}

// look gives what the rules find in a text, each value once.
func look(text []byte) []hit {
	lower := bytes.ToLower(text)
	var out []hit
	var taken [][2]int
	for i := range rules {
		r := &rules[i]
		if !mentioned(lower, r.words) {
			continue
		}
		for _, m := range r.pattern.FindAllSubmatchIndex(text, maxHits) {
			from, to := m[0], m[1]
			for g := 2; g < len(m); g += 2 {
				if m[g] >= 0 {
					from, to = m[g], m[g+1]
					break
				}
			}
			if overlaps(taken, from, to) || !r.means(string(text[from:to])) {
				continue
			}
			taken = append(taken, [2]int{from, to})
			out = append(out, hit{i, string(text[from:to]), 1 + bytes.Count(text[:m[0]+leading(text[m[0]:from])], []byte("\n"))})
			if len(out) == maxHits {
				return out
			}
		}
	}
	return out
}

// leading is the length of the white space before what was matched, which may hold the end of the line before.
func leading(match []byte) int { return len(match) - len(bytes.TrimLeft(match, " \t\r\n")) }

func mentioned(lower []byte, words []string) bool {
	for _, w := range words {
		if bytes.Contains(lower, []byte(w)) {
			return true
		}
	}
	return len(words) == 0
}

func overlaps(taken [][2]int, from, to int) bool {
	for _, t := range taken {
		if from < t[1] && t[0] < to {
			return true
		}
	}
	return false
}

// means reports whether a value can be a secret, and no word that stands for one.
func (r *rule) means(value string) bool {
	switch {
	case standIn.MatchString(value), r.entropy > 0 && entropy(value) < r.entropy:
		return false
	case r.password && weak.MatchString(value):
		return false
	case r.mixed:
		return strings.ContainsAny(value, "0123456789") && strings.ContainsFunc(value, func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' })
	}
	return true
}

// entropy is Shannon's, in bits for each character.
func entropy(s string) float64 {
	seen, n := map[rune]float64{}, float64(utf8.RuneCountInString(s))
	for _, c := range s {
		seen[c]++
	}
	sum := 0.0
	for _, k := range seen {
		sum -= k / n * math.Log2(k/n)
	}
	return sum
}

// readable gives the text of a file, or false for a binary one. UTF-16 is read without its zero bytes, which is enough
// for values of ASCII; any other encoding is left as it is.
func readable(b []byte) ([]byte, bool) {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return bytes.ReplaceAll(b[2:], []byte{0}, nil), true
	}
	return b, bytes.IndexByte(b[:min(len(b), 8000)], 0) < 0
}
