package page

import (
	"mime"
	"net/url"
	"path"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Form reads what a form sent. Another kind of body is refused: JSON belongs to the interface under /auth/.
func Form(r *plan.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(r.Body) == 0 && r.Header.Get("Content-Type") == "" {
		return url.Values{}, nil
	}
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, types.Refuse(types.Unsupported, "unsupported_type", "this page takes forms; programs use the interface under /auth/")
	}
	v, err := url.ParseQuery(string(r.Body))
	if err != nil || len(v) > 200 {
		return nil, types.Refuse(types.Malformed, "malformed", "the form could not be read; go back and send it again")
	}
	for name, all := range v {
		for _, s := range all {
			if !strings.Contains(s, "\x00") {
				continue
			}
			return nil, types.Refuse(types.Malformed, "malformed", "the form could not be read; go back and send it again")
		}
		if len(all) > 1 && !strings.HasSuffix(name, "[]") {
			return nil, types.Refuse(types.Malformed, "malformed", "the form could not be read; go back and send it again")
		}
	}
	return v, nil
}

// Typed keeps what was typed for the form to be shown again: everything but passwords and codes.
func Typed(v url.Values) map[string]string {
	out := map[string]string{}
	for name := range v {
		if strings.Contains(name, "password") || name == "code" || name == "recovery" || name == "response" || name == "attempt" {
			continue
		}
		out[name] = v.Get(name)
	}
	return out
}

// Onward is a path of this site to go on to, or fallback for anything else. Browsers read "//host", "/\host" and, after they dropped
// tabs and line ends, "/<tab>/host" as another site's address (WHATWG URL, 4.4), so that none of these may pass.
func Onward(to, fallback string) string {
	if len(to) == 0 || len(to) > 1000 || to[0] != '/' {
		return fallback
	}
	for _, r := range to {
		if r <= ' ' || r == '\\' || r >= 0x7f {
			return fallback
		}
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Path == "" {
		return fallback
	}
	if clean := path.Clean(u.Path); clean != u.Path && clean+"/" != u.Path || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return fallback
	}
	if strings.HasPrefix(u.Path, "/account/sign-out") { // leaving is asked for, never a detour
		return fallback
	}
	return to
}

// With adds a way back to a path.
func With(p, name, onward string) string {
	if onward == "" {
		return p
	}
	return p + "?" + url.Values{name: {onward}}.Encode()
}
