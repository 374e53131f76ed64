package edge

import (
	"strconv"

	"github.com/fastness-dev/fastness/internal/plan"
)

// header is a precomputed header: the slice is shared and never changed.
type header struct {
	name  string
	value []string
}

func itoa(n int) string { return strconv.Itoa(n) }

// securityHeaders are on every answer (OWASP Secure Headers; ASVS 5.0 V3.4). Development sends no HSTS: it would pin every
// port of localhost.
func securityHeaders(p *plan.Plan, page bool) []header {
	csp := "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	if page {
		csp = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	}
	out := []header{
		{"Content-Security-Policy", []string{csp}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Frame-Options", []string{"DENY"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Permissions-Policy", []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Cache-Control", []string{"no-store"}},
	}
	if !p.Development() {
		out = append(out, header{"Strict-Transport-Security", []string{"max-age=31536000; includeSubDomains"}})
	}
	return out
}

// setHeaders comes before anything that can fail, so that no refusal and no fault is without them.
func (x *exchange) setHeaders() error {
	h := x.Header()
	for _, s := range x.s.headers {
		h[s.name] = s.value
	}
	x.idValue[0] = string(x.id)
	h["X-Request-Id"] = x.idValue[:]
	return nil
}

// pageHeaders replaces the policy of JSON by that of pages.
func (x *exchange) pageHeaders() {
	h := x.Header()
	for _, s := range x.s.pages {
		h[s.name] = s.value
	}
}
