package totp

import (
	"net/url"
	"strings"
	"testing"
)

// TestURI: what an app reads back out of the URI is what we meant: one issuer, one label, no "+" for a blank, no colon but the one between
// the two.
func TestURI(t *testing.T) {
	for _, c := range []struct{ issuer, label, wantIssuer, wantLabel string }{
		{"Clinic", "ann@example.org", "Clinic", "ann@example.org"},
		{"Riverside Clinic", "ann+work@example.org", "Riverside Clinic", "ann+work@example.org"},
		{"Clinic: East", `"a:b"@example.org`, "Clinic East", `"a b"@example.org`},
		{"A & B = C? #1/2 100%", "ann@bücher.example", "A & B = C? #1/2 100%", "ann@bücher.example"},
		{" :Clinic: ", "ann", "Clinic", "ann"},
	} {
		text := (&TOTP{Config{Issuer: c.issuer}}).enrolment([]byte("12345678901234567890"), c.label).URI.Reveal()
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || strings.Contains(text, "+") || u.Fragment != "" {
			t.Errorf("%q %q: %s: %v", c.issuer, c.label, text, err)
			continue
		}
		path, _ := url.PathUnescape(strings.TrimPrefix(u.EscapedPath(), "/"))
		issuer, label, _ := strings.Cut(path, ":")
		if issuer != c.wantIssuer || label != c.wantLabel || strings.Contains(label, ":") || u.Query().Get("issuer") != c.wantIssuer {
			t.Errorf("%q %q: read back as %q, %q, %q", c.issuer, c.label, issuer, label, u.Query().Get("issuer"))
		}
		if u.Query().Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || u.Query().Get("digits") != "6" {
			t.Errorf("%s", text)
		}
	}
}
