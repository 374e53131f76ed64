package mail_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/mail/mailtest"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Letters against a real server, with the manners that servers have.

// TestLetterArrives: over STARTTLS, over TLS from the first byte, and bare on this host, a letter arrives once, signed in for,
// in both forms, with the link in each.
func TestLetterArrives(t *testing.T) {
	for name, c := range map[string]struct {
		url    string
		change func(*mailtest.Config)
		tls    bool
	}{
		"starttls": {usual, nil, true},
		"implicit": {"smtps://clinic:open%20sesame@mail.example:PORT", func(c *mailtest.Config) { c.Implicit = true }, true},
		"bare":     {"smtp://clinic:open%20sesame@localhost:PORT", func(c *mailtest.Config) { c.Name, c.Bare = "localhost", true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := post(t, c.change)
			each(t, through(t, s, c.url), func(t *testing.T, o *office) {
				before := len(s.Letters())
				o.add(confirm("ann@example.org"))
				o.deliver()
				o.clock.Advance(time.Hour)
				o.deliver()
				got := s.Letters()[before:]
				if len(got) != 1 || o.waiting() != 0 || o.meter.Get(`fastness_mail_total{outcome="sent"}`) != 1 {
					t.Fatalf("%d letters arrived, %d wait: %s", len(got), o.waiting(), o.log)
				}
				l := got[0]
				if l.From != "no-reply@clinic.example" || l.To != "ann@example.org" || l.User != "clinic" || l.TLS != c.tls {
					t.Errorf("from %s to %s by %s, TLS %v", l.From, l.To, l.User, l.TLS)
				}
				p := l.Parse(t)
				const link = "https://clinic.example/account/confirm?token=s3cret"
				if p.Subject != "Confirm your address for Clinic" || !strings.Contains(p.Text, link) || !strings.Contains(p.HTML, `<a href="`+link+`"`) ||
					!strings.Contains(p.Text, "within 24 hours") {
					t.Errorf("subject %q, text %q, HTML %q", p.Subject, p.Text, p.HTML)
				}
				if from := p.Header.Get("From"); from != `"Clinic" <no-reply@clinic.example>` || p.Header.Get("To") != "<ann@example.org>" ||
					p.Header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(p.Header.Get("Message-Id"), "@clinic.example>") {
					t.Errorf("header %v", p.Header)
				}
			})
		})
	}
}

// TestTLSIsDemanded: a server that does not offer TLS, and one whose certificate is not its own, get neither the password nor
// the letter, which waits.
func TestTLSIsDemanded(t *testing.T) {
	for code, c := range map[string]func(*mailtest.Config){
		"tls_missing":         func(c *mailtest.Config) { c.Bare = true },
		"certificate_refused": func(c *mailtest.Config) { c.Name = "evil.example" },
	} {
		t.Run(code, func(t *testing.T) {
			s := post(t, c)
			each(t, through(t, s, usual), func(t *testing.T, o *office) {
				o.add(confirm("ann@example.org"))
				o.deliver()
				if len(s.Letters()) != 0 || s.SignIns() != 0 {
					t.Fatalf("%d letters and %d passwords were given away", len(s.Letters()), s.SignIns())
				}
				if o.waiting() != 1 || o.why() != code {
					t.Errorf("%d wait, because %s", o.waiting(), o.why())
				}
			})
		})
	}
}

// TestForeignAuthority: a certificate under an authority that nobody trusts is refused, over STARTTLS and over TLS alike.
func TestForeignAuthority(t *testing.T) {
	for _, url := range []string{usual, "smtps://clinic:open%20sesame@mail.example:PORT"} {
		s := post(t, func(c *mailtest.Config) { c.Implicit = strings.HasPrefix(url, "smtps") })
		other := post(t, nil)
		each(t, func(c *mail.Config) {
			c.Server = mail.Reroute(server(t, s, url), other.Roots, nil)
		}, func(t *testing.T, o *office) {
			o.add(confirm("ann@example.org"))
			o.deliver()
			if len(s.Letters()) != 0 || s.SignIns() != 0 || o.why() != "certificate_refused" {
				t.Fatalf("%d letters and %d passwords were given away (%s)", len(s.Letters()), s.SignIns(), o.why())
			}
		})
	}
}

// TestBareOnlyHere: "localhost" that leads to another host gets nothing, since nothing protects what is said.
func TestBareOnlyHere(t *testing.T) {
	s := post(t, func(c *mailtest.Config) { c.Bare = true })
	each(t, func(c *mail.Config) {
		c.Server = mail.Reroute(server(t, s, "smtp://clinic:open%20sesame@localhost:PORT"), s.Roots, func(c net.Conn) net.Conn { return elsewhere{c} })
	}, func(t *testing.T, o *office) {
		o.add(confirm("ann@example.org"))
		o.deliver()
		if len(s.Letters()) != 0 || s.SignIns() != 0 || o.why() != "server_elsewhere" {
			t.Fatalf("%d letters and %d passwords were given away (%s)", len(s.Letters()), s.SignIns(), o.why())
		}
	})
}

// TestServerAway: while the server is away letters wait, are tried again with growing waits, and arrive when it is back: each
// once, none lost.
func TestServerAway(t *testing.T) {
	first := post(t, nil)
	first.Stop()
	each(t, through(t, first, usual), func(t *testing.T, o *office) {
		for _, to := range []string{"ann@example.org", "bob@example.org", "cy@example.org"} {
			o.add(confirm(to))
		}
		for range 12 {
			o.deliver()
			o.clock.Advance(5 * time.Minute)
		}
		if o.waiting() != 3 || len(o.failed()) != 0 {
			t.Fatalf("%d wait and %d failed after an hour, want 3 and 0", o.waiting(), len(o.failed()))
		}
		if !strings.Contains(o.log.String(), "server_away") || strings.Contains(o.log.String(), "example.org") {
			t.Errorf("the log: %s", o.log)
		}
		if n := o.meter.Get(`fastness_mail_total{outcome="postponed"}`); n < 9 || n > 36 {
			t.Errorf("%d tries", n)
		}
		back := post(t, func(c *mailtest.Config) { c.Address = first.Addr })
		back.Roots.AppendCertsFromPEM(first.PEM)
		first.Roots.AppendCertsFromPEM(back.PEM)
		for range 3 {
			o.clock.Advance(30 * time.Minute)
			o.deliver()
		}
		seen := map[string]int{}
		for _, l := range back.Letters() {
			seen[l.To]++
		}
		if len(seen) != 3 || seen["ann@example.org"] != 1 || seen["bob@example.org"] != 1 || seen["cy@example.org"] != 1 || o.waiting() != 0 {
			t.Errorf("arrived: %v, %d wait", seen, o.waiting())
		}
		back.Stop()
	})
}

// TestTooLate: a letter whose link is over while the server is away ends as failed, counted and logged without the address.
func TestTooLate(t *testing.T) {
	s := post(t, nil)
	s.Stop()
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		o.add(signup.Mail{To: "ann@example.org", Letter: signup.LetterRecover, Link: types.NewSecret("https://clinic.example/r"), Valid: 30 * time.Minute})
		o.add(signup.Mail{To: "ann@example.org", Letter: signup.LetterPassword, Lock: types.NewSecret("https://clinic.example/l")})
		for range 120 {
			o.deliver()
			o.clock.Advance(30 * time.Minute)
		}
		if o.waiting() != 0 || len(o.failed()) != 2 || o.meter.Get(`fastness_mail_total{outcome="failed"}`) != 2 {
			t.Fatalf("%d wait, %d failed", o.waiting(), len(o.failed()))
		}
		if log := o.log.String(); !strings.Contains(log, "will not be tried again") || strings.Contains(log, "ann@") {
			t.Errorf("the log: %s", log)
		}
	})
}

// TestRefusals: a server that says "later" is asked again; one that says "never" of a recipient or a letter is not, and one that
// refuses us as a whole is asked again, since that says nothing of the letter. What servers say is not logged: it repeats addresses.
func TestRefusals(t *testing.T) {
	var later atomic.Int64
	s := post(t, func(c *mailtest.Config) {
		c.Rcpt = func(to string) error {
			switch {
			case strings.HasPrefix(to, "gone"):
				return mailtest.Refuse(550, to)
			case strings.HasPrefix(to, "later") && later.Add(1)%2 == 1:
				return mailtest.Refuse(451, to)
			}
			return nil
		}
		c.Data = func(nth int) error {
			if nth == 1 {
				return mailtest.Refuse(552, "too@large.example")
			}
			return nil
		}
	})
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		before := len(s.Letters())
		o.add(confirm("gone@example.org"))
		o.deliver()
		if f := o.failed(); len(f) != 1 || f[0].Code != "smtp_550" || f[0].Tries != 1 {
			t.Errorf("after 550: %+v", f)
		}
		o.add(confirm("later@example.org"))
		o.deliver()
		if o.waiting() != 1 {
			t.Errorf("after 451 %d wait", o.waiting())
		}
		for range 3 { // 552 for the first letter that is read at all, if this is the first database
			o.clock.Advance(time.Minute)
			o.deliver()
		}
		if got := len(s.Letters()) - before; o.waiting() != 0 || got+len(o.failed()) != 2 {
			t.Errorf("%d wait, %d arrived, failed %+v", o.waiting(), got, o.failed())
		}
		if log := o.log.String(); strings.Contains(log, "@") || !strings.Contains(log, "smtp_451") || !strings.Contains(log, "smtp_550") {
			t.Errorf("the log: %s", log)
		}
	})
}

// TestWrongPassword: a server that does not let us in is asked again: the operator may mend it.
func TestWrongPassword(t *testing.T) {
	s := post(t, nil)
	each(t, through(t, s, "smtp://clinic:wrong@mail.example:PORT"), func(t *testing.T, o *office) {
		o.add(confirm("ann@example.org"))
		o.deliver()
		if o.waiting() != 1 || o.why() != "sign_in_refused" {
			t.Errorf("%d wait, because %s", o.waiting(), o.why())
		}
	})
}

// TestCutInTheMiddle: a connection that is cut in the middle of a letter costs a try and no letter.
func TestCutInTheMiddle(t *testing.T) {
	var cut atomic.Bool
	s := post(t, func(c *mailtest.Config) { c.Cut = func(int) bool { return cut.CompareAndSwap(true, false) } })
	each(t, through(t, s, usual), func(t *testing.T, o *office) {
		before := len(s.Letters())
		cut.Store(true)
		o.add(confirm("ann@example.org"))
		o.deliver()
		if len(s.Letters()) != before || o.waiting() != 1 || o.why() != "server_away" {
			t.Fatalf("%d wait, because %s", o.waiting(), o.why())
		}
		o.clock.Advance(time.Minute)
		o.deliver()
		if got := s.Letters()[before:]; len(got) != 1 || o.waiting() != 0 || !strings.Contains(got[0].Parse(t).Text, "s3cret") {
			t.Fatalf("%d letters arrived, %d wait", len(got), o.waiting())
		}
	})
}

// TestSilentServer: a server that takes the connection and says nothing holds neither whoever adds letters nor the end of the
// program, and the letter is sent when another try is due.
func TestSilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	away, err := mail.ParseServer(types.NewSecret("smtp://mail.example:"+port), nil)
	if err != nil {
		t.Fatal(err)
	}
	var connected atomic.Int64
	each(t, func(c *mail.Config) {
		c.Server = mail.Reroute(away, nil, func(c net.Conn) net.Conn { connected.Add(1); return c })
	}, func(t *testing.T, o *office) {
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); o.Run(ctx) }()
		o.add(confirm("ann@example.org"))
		for was := connected.Load(); connected.Load() == was; {
			time.Sleep(time.Millisecond)
		}
		o.add(confirm("bob@example.org")) // nobody waits for the server
		stop()
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			t.Fatal("a silent server holds the end of the program")
		}
		if o.waiting() != 2 || len(o.failed()) != 0 {
			t.Errorf("%d letters wait, want 2", o.waiting())
		}
	})
}

// TestServerURLs: what is not a server is refused, and the message does not repeat the password.
func TestServerURLs(t *testing.T) {
	for _, url := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://u:hunter2@", "smtp://u:hunter2@mail.example:0", "smtp://u:hunter2@mail.example:99999",
		"smtp://u@mail.example", "smtp://:hunter2@mail.example", "smtp://u:hunter2@mail.example/path", "smtp://u:hunter2@mail.example?tls=no", "smtp://u:hunter2%zz@mail.example", "smtp://u:hunter2@ma il.example"} {
		if _, err := mail.ParseServer(types.NewSecret(url), nil); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "write smtp://") {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, from := range []string{"no-reply", "a@b.example, c@d.example", "A <a@b.example>\r\nBcc: x@y.example", "<>", "ｍ@b.example"} {
		if _, err := mail.ParseFrom(from); err == nil {
			t.Errorf("sender %q was taken", from)
		}
	}
}
