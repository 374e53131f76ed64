package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// attacks are requests that another site's page makes in the name of whoever looks at it.
var attacks = []struct{ path, fields string }{
	{"/account/sign-out", ""}, {"/account/sessions/end-others", ""}, {"/account/lock", ""}, {"/account/profile", "profile-name=Mallory"},
	{"/account/factors/codes", ""}, {"/account/factors/app/remove", ""}, {"/account/tokens/new", "name=x&role[]=patient&reach=all&days=7"},
	{"/account/email", "email=mallory@evil.example"}, {"/account/language", "language=de"}, {"/account/sign-in", "email=mallory@evil.example&password=" + password},
	{"/account/recover", "email=victor@clinic.example"},
}

// TestHostilePage: a page of another site, and one of another port of the same host (whose requests carry the cookie), send forms and
// fetches to every kind of account route and try to frame them. All are refused and nothing changes.
func TestHostilePage(t *testing.T) {
	w := open(t)
	w.quiet = true // that frames and fetches are refused is reported, as it should be
	victor := invited(t, w, "victor@clinic.example", "patient")
	victor.signIn(w)
	w.at("/account/")
	for name, base := range hostiles(t) {
		for _, a := range attacks {
			w.visit(base + "/form?to=" + a.path + "&" + a.fields)
			r, err := w.response(click("button"))
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != http.StatusForbidden || !strings.HasPrefix(r.URL, app.base) {
				t.Errorf("%s: a form to %s: %d at %s", name, a.path, r.Status, r.URL)
			}
			w.says("This request did not come from our own pages")
		}
		w.visit(base + "/empty")
		for _, way := range []string{`{method: "POST", credentials: "include", body: new URLSearchParams("profile-name=Mallory")}`, `{credentials: "include"}`} {
			var read string
			w.eval(fmt.Sprintf(`fetch(%q, %s).then(r => r.text()).then(t => "read " + t.length, () => "refused")`, app.base+"/account/profile", way), &read)
			if read != "refused" {
				t.Errorf("%s: fetch %s: %s", name, way, read)
			}
		}
		for _, path := range []string{"/account/", "/account/sign-in", "/account/lock"} {
			w.visit(base + "/frame?to=" + path)
			var shown string
			w.eval(`new Promise(r => { const f = document.querySelector("iframe"); const look = () => { try { r(f.contentDocument ? "empty" : "apart"); } catch { r("apart"); } }; setTimeout(look, 300); })`, &shown)
			if frames := w.texts("iframe"); len(frames) != 1 || shown != "apart" {
				t.Errorf("%s: framing %s: %s", name, path, shown)
			}
			if !w.refusedFrame(path) {
				t.Errorf("%s: %s was framed", name, path)
			}
		}
	}
	w.visit("/account/profile")
	w.at("/account/profile") // still signed in
	if got := w.attribute("#profile-name", "value"); got != "" {
		t.Errorf("the name became %q", got)
	}
	if lang := w.attribute("html", "lang"); lang != "en" {
		t.Errorf("the language became %s", lang)
	}
	w.visit("/account/tokens")
	w.says("No token yet")
}

// hostiles are servers of pages that attack: another site, and another port of the same host over TLS.
func hostiles(t *testing.T) map[string]string {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		to := app.base + r.FormValue("to")
		switch r.URL.Path {
		case "/form":
			fmt.Fprintf(w, `<form method="post" action="%s">`, to)
			for name, values := range r.Form {
				if name != "to" {
					fmt.Fprintf(w, `<input name="%s" value="%s">`, name, values[0])
				}
			}
			fmt.Fprint(w, `<button>A kitten</button></form>`)
		case "/frame":
			fmt.Fprintf(w, `<iframe src="%s" width="600" height="600"></iframe>`, to)
		}
	})
	other := httptest.NewServer(page)
	t.Cleanup(other.Close)
	near := httptest.NewUnstartedServer(page)
	near.TLS = neighbour.tls()
	near.StartTLS()
	t.Cleanup(near.Close)
	return map[string]string{"another site": other.URL, "another port": strings.Replace(near.URL, "127.0.0.1", "localhost", 1)}
}
