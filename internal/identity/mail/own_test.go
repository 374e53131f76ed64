package mail_test

import (
	"context"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// write fills a folder with files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestOwnTexts: a team replaces one text, one HTML form, the frame; all other letters stay as shipped.
func TestOwnTexts(t *testing.T) {
	dir := write(t, map[string]string{
		"confirm.de.txt":  "Subject: Hallo von {{.Service}}\r\n\r\nHier: {{.Link}}\r\n\r\n{{if .Valid}}Bis in {{.Valid}}.{{else}}Immer.{{end}}\r\n",
		"recover.en.html": `<p title="{{.Service}}"><a href="{{.Link}}">go</a></p>`,
		"layout.html":     `<html lang="{{.Language}}"><body class="ours">{{.Body}}</body></html>`, ".swp": "{{"})
	letters, err := mail.LoadLetters(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := post(t, nil)
	each(t, func(c *mail.Config) { c.Server, c.Letters, c.Service = server(t, s, usual), letters, `"Clinic" & <b>` }, func(t *testing.T, o *office) {
		before := len(s.Letters())
		m := confirm("ann@example.org")
		m.Language = "de"
		o.add(m)
		o.deliver()
		m = confirm("ann@example.org")
		m.Letter = signup.LetterRecover
		o.add(m)
		o.deliver()
		got := s.Letters()[before:]
		if len(got) != 2 {
			t.Fatalf("%d letters arrived: %s", len(got), o.log)
		}
		p := got[0].Parse(t)
		if p.Subject != `Hallo von "Clinic" & <b>` || !strings.Contains(p.Text, "Hier: https://clinic.example/") || !strings.Contains(p.Text, "Bis in 24 Stunden.") || !strings.Contains(p.HTML, `class="ours"`) {
			t.Errorf("%q %q %q", p.Subject, p.Text, p.HTML)
		}
		p = got[1].Parse(t)
		if !strings.Contains(p.Text, "works once") || strings.Contains(p.HTML, "ours") || !strings.Contains(p.HTML, `href="https://clinic.example/account/confirm?token=s3cret"`) || strings.Contains(p.HTML, "<b>") {
			t.Errorf("%q %q", p.Text, p.HTML)
		}
	})
}

// TestBrokenTexts: what is wrong with a team's own text is said at start, with file and line; nothing is half taken.
func TestBrokenTexts(t *testing.T) {
	const head = "Subject: S\n\n"
	for _, c := range []struct{ name, text, want string }{
		{"confrim.de.txt", head, "not a letter"}, {"confirm.fr.txt", head, "not a letter"}, {"none.en.txt", head, "not a letter"}, {"confirm.en.md", head, "not a letter"},
		{"README.md", "x", "not a letter"}, {"confirm.en.txt", "", "confirm.en.txt:1: a letter begins with"}, {"confirm.en.txt", "Subject:\n\n{{.Link}}", "a letter begins with"},
		{"confirm.en.txt", "Subject: S\n{{.Link}}", "confirm.en.txt:1: a letter begins with"}, {"confirm.en.txt", head + "hello", "confirm.en.txt:1: this letter is about {{.Link}}"},
		{"confirm.en.txt", head + "{{.Link}\n", "confirm.en.txt:3"}, {"confirm.en.txt", head + "{{.Link}}\n\n{{if .Valid}}x", "confirm.en.txt:5"},
		{"confirm.en.txt", head + "{{if .Valid}}{{.Link}}{{end}}{{- end}}", "confirm.en.txt:3"}, {"confirm.en.html", "<a href={{.Link}}>\n<script>{{.Link}}", "confirm.en.html"},
		{"layout.html", "<html>", "layout.html:1: this letter is about {{.Body}}"}, {"confirm.en.txt", head + strings.Repeat("x", 70<<10), "64 KiB"},
		{"org_invite.en.txt", head + "{{.Link}} {{.By}}", "{{.Organisation}}"},
	} {
		_, err := mail.LoadLetters(write(t, map[string]string{c.name: c.text}))
		if err == nil || !strings.Contains(err.Error(), "mail/"+c.name) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: %v; want %s", c.name, c.text, err, c.want)
		}
	}
}

// TestTextsSayOnlyWhatTheyMay: a text cannot name a value that its letter does not have, nor call a function, nor loop: whatever
// else lies in memory stays there.
func TestTextsSayOnlyWhatTheyMay(t *testing.T) {
	for _, bad := range []string{"{{.Password}}", "{{.Lock}}", "{{.Organisation}}", "{{.}}", "{{$}}", "{{.Link.Reveal}}", "{{printf \"%#v\" .}}", "{{html .Link}}", "{{.Link | js}}",
		"{{len .Link}}", "{{range .Link}}x{{end}}", "{{with .Link}}{{.}}{{end}}", "{{template \"x\"}}", "{{define \"x\"}}y{{end}}", "{{block \"x\" .}}y{{end}}", "{{$x := .Link}}{{$x}}",
		"{{if eq .Link \"x\"}}y{{end}}", "{{if .Secret}}y{{end}}", "{{if .Link}}{{.Secret}}{{end}}", "{{if .Link}}x{{else}}{{.Secret}}{{end}}", "{{call .Link}}", "{{break}}", "{{\"text\"}}", "{{1}}"} {
		for name, text := range map[string]string{"confirm.en.txt": "Subject: S\n\n{{.Link}}\n" + bad + "\n", "confirm.en.html": "<p>{{.Link}}</p>\n" + bad} {
			if _, err := mail.LoadLetters(write(t, map[string]string{name: text})); err == nil || !strings.Contains(err.Error(), "mail/"+name+":") {
				t.Errorf("%s with %s: %v", name, bad, err)
			}
		}
	}
}

// TestTextsStayInTheirFolder: a link out of the folder is not followed, so that a text cannot be made of the host's files.
func TestTextsStayInTheirFolder(t *testing.T) {
	outside := filepath.Join(write(t, map[string]string{"secret": "Subject: the host's own\n\n{{.Link}}\n"}), "secret")
	for _, target := range []string{outside, "/dev/zero", "."} {
		dir := t.TempDir()
		if err := os.Symlink(target, filepath.Join(dir, "confirm.en.txt")); err != nil {
			t.Fatal(err)
		}
		if _, err := mail.LoadLetters(dir); err == nil || !strings.Contains(err.Error(), "mail/confirm.en.txt") {
			t.Errorf("a link to %s was followed: %v", target, err)
		}
	}
}

// filed lists the letters in development's folder.
func (o *office) filed(folder string) []string {
	o.t.Helper()
	out, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// see asks a page as a browser at an address.
func (o *office) see(path, address string) (*plan.Answer, error) {
	o.t.Helper()
	for _, r := range o.Routes() {
		parts, want := strings.Split(r.Path, "/"), strings.Split(path, "/")
		id := ""
		same := len(parts) == len(want)
		for i := 0; same && i < len(parts); i++ {
			if parts[i] == "{id}" && want[i] != "style.css" {
				id = want[i]
			} else {
				same = parts[i] == want[i]
			}
		}
		if same {
			return r.Handle(context.Background(), &plan.Request{Caller: &types.Caller{}, Address: netip.MustParseAddr(address), Path: func(string) string { return id }})
		}
	}
	o.t.Fatalf("no page %s", path)
	return nil, nil
}

// TestPagesOfDevelopment: letters are filed for their owner alone and shown newest first; ours are links, nothing else is; the HTML
// form is shown where it can do nothing.
func TestPagesOfDevelopment(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "mail")
	each(t, func(c *mail.Config) { c.Folder = folder }, func(t *testing.T, o *office) {
		m := all()[13]
		m.Organisation = `<script>alert(1)</script>`
		o.add(m)
		o.deliver()
		o.clock.Advance(1000000)
		o.add(confirm("newest@example.org"))
		o.deliver()
		files := o.filed(folder)
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", f, info.Mode(), err)
			}
		}
		list, err := o.see("/dev/mail", "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		text := string(list.Body)
		if a, b := strings.Index(text, "newest@example.org"), strings.Index(text, "ann@example.org"); a < 0 || b < 0 || a > b || strings.Contains(text, "<script>") {
			t.Fatalf("the list: %s", text)
		}
		id := strings.TrimSuffix(filepath.Base(files[len(files)-2]), ".eml")
		one, err := o.see("/dev/mail/"+id, "::1")
		if err != nil || !strings.Contains(string(one.Body), `<a href="https://clinic.example/account/x?token=s3cret">`) || strings.Contains(string(one.Body), "<script>") {
			t.Fatalf("a letter: %v %s", err, one.Body)
		}
		html, err := o.see("/dev/mail/"+id+"/html", "127.0.0.1")
		if err != nil || !strings.HasPrefix(html.Header.Get("Content-Security-Policy"), "sandbox; default-src 'none';") || strings.Contains(string(html.Body), "<script>") {
			t.Fatalf("its HTML: %v %v %s", err, html.Header, html.Body)
		}
		for _, path := range []string{"/dev/mail/..%2f..%2fetc%2fpasswd", "/dev/mail/00000000000000000000000000", "/dev/mail/../html"} {
			if _, err := o.see(path, "127.0.0.1"); types.KindOf(err) != types.NotFound {
				t.Errorf("%s: %v", path, err)
			}
		}
		if err := os.Remove(files[len(files)-1]); err != nil {
			t.Error(err)
		}
	})
}

// TestPagesAreForThisMachine: where development listens to other machines too, they see no letter.
func TestPagesAreForThisMachine(t *testing.T) {
	each(t, func(c *mail.Config) { c.Folder = t.TempDir() }, func(t *testing.T, o *office) {
		for _, r := range o.Routes() {
			_, err := r.Handle(context.Background(), &plan.Request{Caller: &types.Caller{}, Address: netip.MustParseAddr("192.0.2.7"), Path: func(string) string { return "" }, Header: http.Header{}})
			if types.KindOf(err) != types.NotFound {
				t.Errorf("%s was shown to another machine: %v", r.Path, err)
			}
		}
	})
}

// TestNoPagesOutsideDevelopment: without development's folder there are no pages.
func TestNoPagesOutsideDevelopment(t *testing.T) {
	each(t, through(t, post(t, nil), usual), func(t *testing.T, o *office) {
		if n := len(o.Routes()); n != 0 {
			t.Fatalf("%d pages", n)
		}
	})
}
