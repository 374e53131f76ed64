package browser

import (
	"fmt"
	"strings"
	"testing"
)

// mutations are texts that turn into markup when a page is careless, some only after a sanitizer or a parser rewrote them.
var mutations = []string{
	`<script>window.pwned=1</script>`, `<img src=x onerror=window.pwned=1>`, `"><svg onload=window.pwned=1>`, `' autofocus onfocus=window.pwned=1 x='`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwned=1&gt;">`,
	`<svg></p><style><a id="</style><img src=1 onerror=window.pwned=1>">`, `<noscript><p title="</noscript><img src=x onerror=window.pwned=1>">`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>`, `</textarea><script>window.pwned=1</script>`,
	`{{constructor.constructor('window.pwned=1')()}}`, `javascript:window.pwned=1`, "<a href=\"java\tscript:window.pwned=1\">x</a>", `<base href=https://evil.example/>`,
}

// TestStoredTextIsInert: what people store is shown as they wrote it, on every page that shows it, and is never more than text.
func TestStoredTextIsInert(t *testing.T) {
	w := open(t)
	w.authenticator()
	eve := invited(t, w, "eve@clinic.example", "patient")
	eve.signIn(w)
	addPasskey(w, "key")
	for _, text := range mutations {
		w.visit("/account/profile")
		w.fill("profile-name", text)
		w.fill("profile-about", text)
		w.press("Save")
		w.at("/account/profile")
		var shown []string
		w.eval(`[document.querySelector("#profile-name").value, document.querySelector("#profile-about").value]`, &shown)
		want := strings.ReplaceAll(text, "\t", "")
		if len(shown) != 2 || shown[1] != text && shown[1] != want {
			t.Errorf("%q came back as %q", text, shown)
		}
		w.harmless(text)
		w.visit("/account/factors")
		w.follow(`//ul[@class="rows"]//a[contains(., "Rename")]`)
		w.fill("name", text[:min(len(text), 80)])
		w.press("Save")
		w.harmless(text)
		w.follow(`//ul[@class="rows"]//a[contains(., "Remove")]`)
		w.harmless(text)
		w.visit("/account/sign-in?return=" + "/account/%22%3E%3Cscript%3Ewindow.pwned=1%3C/script%3E&error=%3Cscript%3E")
		w.harmless(text)
	}
}

// harmless demands that nothing ran and that the page has no element that we did not write.
func (w *tab) harmless(text string) {
	w.t.Helper()
	var found string
	w.eval(`[window.pwned === undefined ? "" : "ran", ...[...document.querySelectorAll("main script, main img, main style, main math, main base, main a[href^=javascript], main iframe, [onerror], [onload], [onfocus]")].map(e => e.outerHTML)].join("")`, &found)
	if found != "" {
		w.t.Errorf("%q: %s", text, found)
	}
}

// TestOpenRedirect: the way back after signing in never leads to another site, however it is written.
func TestOpenRedirect(t *testing.T) {
	w := open(t)
	rob := invited(t, w, "rob@clinic.example", "patient")
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "/%09/evil.example/", "/%5Cevil.example", "\thttps://evil.example", "/..//evil.example",
		"https:evil.example", "javascript:alert(1)", "/account/../../evil", "///evil.example", "/%0d%0aLocation:%20https://evil.example/"} {
		w.visit("/account/sign-in?return=" + strings.NewReplacer("%", "%25", "&", "%26", "\t", "%09", `\`, "%5C").Replace(to))
		w.fill("email", rob.address)
		w.fill("password", password)
		w.press("Sign in")
		if at := w.url(); !strings.HasPrefix(at, app.base+"/") {
			t.Errorf("%q led to %s", to, at)
		}
		w.visit(fmt.Sprintf("/account/sign-in?return=%s", "%2F%09%2Fevil.example%2F"))
	}
}
