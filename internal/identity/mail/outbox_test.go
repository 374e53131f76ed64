package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/mail/mailtest"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// all is one letter of every kind, to nobody included.
func all() []signup.Mail {
	link, lock := types.NewSecret("https://clinic.example/account/x?token=s3cret"), types.NewSecret("https://clinic.example/account/lock?token=l0ck")
	return []signup.Mail{
		{To: "ann@example.org", Letter: signup.LetterNone, Link: link, Valid: 30 * time.Minute},
		{To: "ann@example.org", Letter: signup.LetterConfirm, Link: link, Valid: 24 * time.Hour},
		{To: "ann@example.org", Letter: signup.LetterExists},
		{To: "ann@example.org", Letter: signup.LetterInvite, Link: link, Valid: 7 * 24 * time.Hour},
		{To: "ann@example.org", Letter: signup.LetterRecover, Link: link, Valid: 30 * time.Minute},
		{To: "ann@example.org", Letter: signup.LetterPassword, Lock: lock},
		{To: "ann@example.org", Letter: signup.LetterEmailConfirm, Link: link, Valid: 24 * time.Hour},
		{To: "ann@example.org", Letter: signup.LetterEmailNotice, Lock: lock},
		{To: "ann@example.org", Letter: signup.LetterEmailMoved, Lock: lock},
		{To: "ann@example.org", Letter: signup.LetterSignIn, Lock: lock, Device: "Firefox on Linux"},
		{To: "ann@example.org", Letter: signup.LetterFactorAdded, Lock: lock, Factor: types.Passkey},
		{To: "ann@example.org", Letter: signup.LetterFactorRemoved, Lock: lock, Factor: types.TOTP},
		{To: "ann@example.org", Letter: signup.LetterLocked},
		{To: "ann@example.org", Letter: signup.LetterOrgInvite, Link: link, Valid: 7 * 24 * time.Hour, Organisation: "Riverside", By: "Bob"},
		{To: "ann@example.org", Letter: signup.LetterGuessed},
	}
}

// TestNothingPlainWaits: whoever reads the database finds no address, no link and no word of a letter that waits, and after it
// failed nothing at all.
func TestNothingPlainWaits(t *testing.T) {
	s := post(t, nil)
	s.Stop()
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		for _, m := range all() {
			o.add(m)
		}
		o.deliver()
		for range 2 {
			for _, row := range storetest.Rows(t, o.db, "SELECT id, queue, body, code FROM fastness_job") {
				for _, word := range []string{"ann@example", "example", "s3cret", "=l0ck", "https", "confirm", "Riverside", "Firefox"} {
					if strings.Contains(strings.Join(row, " "), word) {
						t.Fatalf("%q can be read in a letter that waits", word)
					}
				}
			}
			o.clock.Advance(30 * 24 * time.Hour)
			o.deliver()
		}
		for _, row := range storetest.Rows(t, o.db, "SELECT body FROM fastness_job") {
			if row[0] != "" {
				t.Fatal("a letter that failed was kept")
			}
		}
	})
}

// TestLettersWaitAlike: the rows of all letters, the one to nobody included, have one size.
func TestLettersWaitAlike(t *testing.T) {
	each(t, through(t, post(t, nil), usual), func(t *testing.T, o *office) {
		for _, m := range all() {
			o.add(m)
		}
		sizes := map[int]int{}
		for _, row := range storetest.Rows(t, o.db, "SELECT body FROM fastness_job") {
			sizes[len(row[0])]++
		}
		if len(sizes) != 1 {
			t.Fatalf("letters can be told by their sizes: %v", sizes)
		}
	})
}

// TestNobodyGetsNothing: the letter to nobody waits like any other and never leaves, nor is it filed.
func TestNobodyGetsNothing(t *testing.T) {
	s := post(t, nil)
	folder := t.TempDir()
	each(t, func(c *mail.Config) { c.Server, c.Folder = server(t, s, usual), folder }, func(t *testing.T, o *office) {
		o.add(all()[0])
		if o.waiting() != 1 {
			t.Fatal("the letter to nobody does not wait")
		}
		o.deliver()
		if n := len(s.Letters()); n != 0 || o.waiting() != 0 || len(o.failed()) != 0 {
			t.Fatalf("%d letters to nobody arrived, %d wait", n, o.waiting())
		}
		if n := len(o.filed(folder)); n != 0 {
			t.Fatalf("%d letters to nobody were filed", n)
		}
	})
}

// TestMovedLetter: a waiting letter that somebody put in another's place in the database is not sent.
func TestMovedLetter(t *testing.T) {
	s := post(t, nil)
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		before := len(s.Letters())
		o.add(confirm("ann@example.org"))
		o.clock.Advance(time.Second)
		o.add(confirm("mallory@example.org"))
		if err := o.db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), store.SQL("UPDATE fastness_job SET body = (SELECT body FROM fastness_job ORDER BY id LIMIT 1)"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		o.deliver()
		if got := len(s.Letters()) - before; got != 1 || len(o.failed()) != 1 || o.failed()[0].Code != "not_readable" {
			t.Fatalf("%d arrived, failed %+v", got, o.failed())
		}
	})
}

// hostile are words that people could give as the name of an organisation or a device.
var hostile = []string{
	"Evil\r\nBcc: victim@example.net", "Evil\nX-Evil: yes\n\nbody", "Evil\u2028Bcc: victim@example.net", "Evil\x00\x0b\x0c\x7f\u0085Bcc: victim@example.net",
	"=?utf-8?q?Evil=0D=0ABcc:_victim@example.net?=", "=?utf-8?b?RXZpbA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5uZXQ=?=", "\u202Eelpmaxe.live\u202C", "in\u200Bvis\u2066ible\uFEFF",
	`<script>alert(1)</script><a href="https://evil.example">here</a>`, `"><img src=x onerror=alert(1)>`, "see https://evil.example/now or www.evil.example or mail@evil.example",
	"{{.Link}} {{.Secret}}", strings.Repeat("very long ", 400), "\xff\xfe broken", "https：／／evil．example", "",
}

// TestHeaderInjection: whatever an organisation, its owner or a device is called, a letter has exactly our headers, one recipient,
// one line of subject in our own words, no link but ours, and no markup but ours.
func TestHeaderInjection(t *testing.T) {
	s := post(t, nil)
	want := []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		before := len(s.Letters())
		for _, h := range hostile {
			m := all()[13]
			m.Organisation, m.By = h, h
			o.add(m)
			m = all()[9]
			m.Device = h
			o.add(m)
		}
		o.deliver()
		got := s.Letters()[before:]
		if len(got) != 2*len(hostile) {
			t.Fatalf("%d letters of %d arrived: %s", len(got), 2*len(hostile), o.log)
		}
		for _, l := range got {
			p := l.Parse(t)
			var names []string
			for name, values := range p.Header {
				if names = append(names, name); len(values) != 1 {
					t.Errorf("%s stands %d times", name, len(values))
				}
			}
			if slices.Sort(names); !slices.Equal(names, want) || l.To != "ann@example.org" || p.Header.Get("To") != "<ann@example.org>" {
				t.Errorf("headers %v to %s", names, l.To)
			}
			if strings.ContainsAny(p.Subject, "\r\n\x00\u202e\u200b\u2028\u2066") || strings.Contains(p.Subject, "=?") || strings.Contains(p.Subject, "https://") {
				t.Errorf("subject %q", p.Subject)
			}
			if n := strings.Count(p.Text, "://"); n != 1 {
				t.Errorf("%d links in %q", n, p.Text)
			}
			for _, bad := range []string{"<script", "<img", "evil.example", "@evil", "www.evil", "\u202e", "s3cret s3cret"} {
				if strings.Contains(p.HTML, bad) || strings.Contains(p.Text, bad) && bad[0] != '<' {
					t.Errorf("%q is in %q", bad, p.Text)
				}
			}
		}
	})
}

// TestHostileRecipient: what is not one canonical address never becomes a recipient.
func TestHostileRecipient(t *testing.T) {
	s := post(t, nil)
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		for _, to := range []string{"ann@example.org\r\nBcc: victim@example.net", "ann@example.org, victim@example.net", "ann@example.org> NOTIFY=SUCCESS", "Ann <ann@example.org>",
			"\"ann\r\nRCPT TO:<victim@example.net>\"@example.org", "mıke@example.org\n", "ann@EXAMPLE.org", ""} {
			o.add(confirm(to))
		}
		o.deliver()
		if len(s.Letters()) != 0 || o.waiting() != 0 || len(o.failed()) != 8 {
			t.Fatalf("%d letters arrived, %d failed, want 0 and 8", len(s.Letters()), len(o.failed()))
		}
	})
}

// TestEveryLetter: each letter in each language says what it is about, in its language, and nothing is left open.
func TestEveryLetter(t *testing.T) {
	s := post(t, nil)
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		for _, language := range mail.Languages {
			before := len(s.Letters())
			subjects := map[string]bool{}
			for _, m := range all()[1:] { // the first goes to nobody
				m.Language = language
				o.add(m)
			}
			o.deliver()
			got := s.Letters()[before:]
			if len(got) != len(all())-1 {
				t.Fatalf("%d letters arrived: %s", len(got), o.log)
			}
			for _, l := range got {
				p := l.Parse(t)
				subjects[p.Subject] = true
				if p.Header.Get("Content-Language") != language || !strings.Contains(p.HTML, `<html lang="`+language+`">`) ||
					strings.Contains(p.Text, "{{") || strings.Contains(p.HTML, "{{") || !strings.Contains(p.Text, "https://clinic.example/account/") {
					t.Errorf("%s: %q", language, p.Text)
				}
				if german := strings.Contains(p.Text, "Sie "); german != (language == "de") {
					t.Errorf("%s: %q", language, p.Text)
				}
			}
			if len(subjects) != len(got) {
				t.Errorf("%d subjects for %d letters", len(subjects), len(got))
			}
		}
	})
}

// TestLanguage: the request's language, else the service's, else English.
func TestLanguage(t *testing.T) {
	for _, c := range []struct{ accept, own, want string }{
		{"", "", "en"}, {"", "de", "de"}, {"", "fr", "en"}, {"de", "", "de"}, {"de-AT,de;q=0.9,en;q=0.8", "", "de"}, {"en-GB,de;q=0.5", "de", "en"},
		{"fr,de;q=0.3", "", "de"}, {"fr", "de", "de"}, {"en;q=0.1,de;q=0.9", "", "de"}, {"de;q=0,en", "", "en"}, {"*", "de", "de"},
		{strings.Repeat("en,", 400), "de", "de"}, {"\x00\xff;;;", "de", "de"},
	} {
		if got := mail.Choose(c.accept, c.own); got != c.want {
			t.Errorf("%q with %q: %s, want %s", c.accept, c.own, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{15 * time.Minute: "15 Minuten", 30 * time.Minute: "30 Minuten", 24 * time.Hour: "24 Stunden", 7 * 24 * time.Hour: "7 Tagen"} {
		if got := mail.Span(d, "de"); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// TestWithoutMailer: where no mail is sent, what needs a letter is refused, for an address with an account and without one alike,
// and what only tells of something goes on without it.
func TestWithoutMailer(t *testing.T) {
	each(t, nil, func(t *testing.T, o *office) {
		refused := map[signup.Letter]bool{}
		for _, m := range all() {
			if err := o.tryAdd(m); err != nil {
				refused[m.Letter] = types.CodeOf(err) == "no_mail" && types.KindOf(err) == types.Unavailable
			}
		}
		want := map[signup.Letter]bool{signup.LetterNone: true, signup.LetterConfirm: true, signup.LetterExists: true, signup.LetterInvite: true,
			signup.LetterRecover: true, signup.LetterEmailConfirm: true, signup.LetterOrgInvite: true}
		if fmt.Sprint(refused) != fmt.Sprint(want) || o.waiting() != 0 {
			t.Fatalf("refused %v, want %v; %d wait", refused, want, o.waiting())
		}
	})
}

// TestAgainIsTheSameLetter: a letter that is sent twice, because the first time nobody could say whether it had arrived, is one
// letter to mail programs.
func TestAgainIsTheSameLetter(t *testing.T) {
	s := post(t, func(c *mailtest.Config) {
		c.Data = func(n int) error {
			if n%2 == 1 {
				return mailtest.Refuse(451, "")
			}
			return nil
		}
	})
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		before := len(s.Letters())
		o.add(confirm("ann@example.org"))
		id := storetest.Rows(t, o.db, "SELECT id FROM fastness_job")[0][0]
		o.deliver()
		o.clock.Advance(time.Hour)
		o.deliver()
		if got := s.Letters()[before:]; len(got) != 1 || got[0].Parse(t).Header.Get("Message-Id") != "<"+id+"@clinic.example>" {
			t.Fatalf("%d letters", len(got))
		}
	})
}
