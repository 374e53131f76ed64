package page_test

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/colour"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestOnwardStaysHere: a way back is a path of this site; whatever a browser could read as another site's address is not one.
func TestOnwardStaysHere(t *testing.T) {
	for _, to := range []string{"/", "/account/", "/account/tokens/new", "/app/today?day=2026-11-25&view=all", "/oauth/authorize?client_id=a&state=b%2Fc"} {
		if got := page.Onward(to, "no"); got != to {
			t.Errorf("%q became %q", to, got)
		}
	}
	for _, to := range []string{"", "account/", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
		"/\n/evil.example", "/\r\nLocation: https://evil.example", "/ /evil.example", " //evil.example", "/%5Cevil.example", "/%2F/evil.example", "/.//evil.example",
		"/a/../..//evil.example", "/..", "https:evil.example", "javascript:alert(1)", "/account/sign-out", "/\x00", "/\x7f", "/é", "/%zz", "?a", "#a",
		"/" + strings.Repeat("a", 1000)} {
		if got := page.Onward(to, "no"); got != "no" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// FuzzOnward: what passes is, for a browser on one of our pages, an address of ours.
func FuzzOnward(f *testing.F) {
	for _, s := range []string{"/", "/account/?a=b", "//evil.example", "/\\evil", "/\t/evil", "/%2f/evil"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://clinic.example/account/sign-in")
	f.Fuzz(func(t *testing.T, to string) {
		got := page.Onward(to, "")
		if got == "" {
			return
		}
		seen := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(got) // as WHATWG URL reads it
		u, err := base.Parse(seen)
		if err != nil || u.Host != base.Host || u.Scheme != "https" || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("%q leads to %v (%v)", to, u, err)
		}
	})
}

// TestFormsAreReadStrictly: one body type, no NUL, no value twice.
func TestFormsAreReadStrictly(t *testing.T) {
	ask := func(kind, body string) error {
		_, err := page.Form(&plan.Request{Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)})
		return err
	}
	if err := ask("application/x-www-form-urlencoded", "email=a&role[]=b&role[]=c"); err != nil {
		t.Error(err)
	}
	for _, c := range [][2]string{{"application/json", `{"email":"a"}`}, {"text/plain", "email=a"}, {"multipart/form-data; boundary=x", "--x--"},
		{"application/x-www-form-urlencoded", "email=a&email=b"}, {"application/x-www-form-urlencoded", "email=%00"}, {"application/x-www-form-urlencoded", "email=%zz"},
		{"application/x-www-form-urlencoded", strings.Repeat("a&", 300) + "a"}} {
		if err := ask(c[0], c[1]); err == nil && !strings.HasPrefix(c[1], "a&") {
			t.Errorf("%s %q was read", c[0], c[1])
		}
	}
}

var inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script>|<script[^>]*>[^<]`)

// TestNothingIsInline: no template holds script, style or an event handler, and the script writes no markup.
func TestNothingIsInline(t *testing.T) {
	n := 0
	for _, dir := range []string{"template", "../account/template"} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			n++
			text, err := os.ReadFile(dir + "/" + path)
			if m := inline.FindString(string(text)); m != "" {
				t.Errorf("%s/%s holds %q", dir, path, m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 20 {
		t.Errorf("read %d templates only", n)
	}
	script, err := os.ReadFile("asset/passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "setAttribute", "http:", "https:"} {
		if strings.Contains(string(script), word) {
			t.Errorf("the script uses %s", word)
		}
	}
}

func kit(t *testing.T, change func(*page.Config)) (*page.Kit, error) {
	t.Helper()
	cfg := page.Config{Name: "Clinic", Clock: types.SystemClock{}, Templates: fstest.MapFS{"template/page-x.html": {Data: []byte(
		`{{define "content"}}{{template "input" field . "email" "E-mail" "kind" "email"}}{{template "input" field . "password" "Password" "kind" "password"}}{{end}}`)}}}
	if change != nil {
		change(&cfg)
	}
	return page.New(cfg)
}

// TestPasswordsAreNotWrittenBack: a form that is shown again holds what was typed, but never a password or a code.
func TestPasswordsAreNotWrittenBack(t *testing.T) {
	k, err := kit(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"email": {"ann@clinic.example"}, "password": {"seven quiet herons"}, "new_password": {"nine loud geese"}, "code": {"123456"}, "recovery": {"2A4C6"}}
	a, err := k.Render(&plan.Request{Header: http.Header{}}, 422, "x", page.View{Title: "X", Values: page.Typed(form)})
	if err != nil {
		t.Fatal(err)
	}
	text := string(a.Body)
	if !strings.Contains(text, "ann@clinic.example") {
		t.Error("what was typed is gone")
	}
	for _, secret := range []string{"seven quiet herons", "nine loud geese", "123456", "2A4C6"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was written back", secret)
		}
	}
	if typed := page.Typed(form); len(typed) != 1 {
		t.Errorf("kept %v", typed)
	}
}

// TestAccentCanBeRead: an accent is refused below WCAG AA, and the ratios are those of the recommendation.
func TestAccentCanBeRead(t *testing.T) {
	white, black := colour.Colour{R: 255, G: 255, B: 255}, colour.Colour{}
	if r := colour.Contrast(white, black); r < 20.99 || r > 21.01 {
		t.Errorf("white on black is %v", r)
	}
	grey, err := colour.Parse("#767676") // the lightest grey that passes on white
	if r := colour.Contrast(grey, white); err != nil || r < 4.5 || r > 4.6 {
		t.Errorf("#767676 on white is %v %v", r, err)
	}
	for accent, ok := range map[string]bool{"": true, "#0b5a6f": true, "#7a1f5c": true, "#000000": true, "#ffcc00": false, "#777777": false, "red": false, "#12345": false} {
		if _, err := kit(t, func(c *page.Config) { c.Accent = accent }); (err == nil) != ok {
			t.Errorf("accent %q: %v", accent, err)
		}
	}
}

// TestLogoIsAnImage: nothing else is served as one.
func TestLogoIsAnImage(t *testing.T) {
	for text, want := range map[string]string{"\x89PNG\r\n\x1a\n....": "image/png", `<svg xmlns="http://www.w3.org/2000/svg"/>`: "image/svg+xml", "<html>": "", "MZ": "", "": ""} {
		if got, err := page.LogoType([]byte(text)); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

// TestLighterKeepsItsHue: black and white stay grey, a colour stays itself until it is white.
func TestLighterKeepsItsHue(t *testing.T) {
	for _, c := range []colour.Colour{{}, {R: 0x0b, G: 0x5a, B: 0x6f}, {R: 255}, {R: 255, G: 255, B: 255}, {R: 1, G: 1, B: 2}} {
		if got := c.Lighter(0); got != c {
			t.Errorf("%v became %v", c, got)
		}
		if got := c.Lighter(1); got != (colour.Colour{R: 255, G: 255, B: 255}) {
			t.Errorf("%v ends at %v", c, got)
		}
		if half := c.Lighter(0.5); (c.R > c.G) != (half.R > half.G) || (c.B > c.G) != (half.B > half.G) {
			t.Errorf("%v became %v on its way", c, half)
		}
	}
}
