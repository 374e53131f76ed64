package identity_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on accounts, links and roles. Each test has a saboteur of its own.

// TestEnumerationAtSignUp: an address that has an account and one that has none get the same answer for the same work, statement by
// statement; the difference is in the mail, and the owner's account is not touched.
func TestEnumerationAtSignUp(t *testing.T) {
	work := &tally{}
	each(t, work.watch, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		type seen struct {
			status        int
			body, work    string
			hashes        int64
			mails, links  int
			waited        time.Duration
			sessionCookie bool
		}
		ask := func(email string) seen {
			hashes, mails, links, waited := w.hashes.all(), len(w.mails.sent), len(w.rows("SELECT hash FROM fastness_link")), w.waits.Load()
			work.since()
			r := w.do("POST", "/auth/sign-up", nil, map[string]any{"email": email, "password": "a password of my own"})
			return seen{r.Status, r.Raw, work.since(), w.hashes.all() - hashes, len(w.mails.sent) - mails,
				len(w.rows("SELECT hash FROM fastness_link")) - links, time.Duration(w.waits.Load() - waited), r.Answer != nil && r.Answer.Session != nil}
		}
		w.others()
		absent := ask("bob@example.org")
		for _, email := range []string{"ann@example.org", "gone@example.org", "shut@example.org", "new@example.org"} {
			if existing := ask(email); absent != existing {
				t.Fatalf("absent %+v, %s %+v", absent, email, existing)
			}
		}
		if absent.status != 202 || absent.hashes != 1 || absent.mails != 1 || absent.sessionCookie || absent.work == "" {
			t.Fatalf("a sign-up is %+v, want 202, one hash and one letter", absent)
		}
		if m := w.mails.last(t, "ann@example.org", signup.LetterExists); !m.Link.Empty() {
			t.Fatal("the owner of an account was sent a link to make another")
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(200)
	})
}

// TestEnumerationAtRecovery: the same for recovery.
func TestEnumerationAtRecovery(t *testing.T) {
	work := &tally{}
	each(t, work.watch, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		type seen struct {
			status                 int
			body, work             string
			hashes                 int64
			links, entries, outbox int
			bare                   int // links that are shorter, for want of an account
		}
		ask := func(email string) seen {
			links, entries, outbox := len(w.rows("SELECT hash FROM fastness_link")), len(w.rows("SELECT id FROM evidence")), len(w.mails.sent)
			hashes, bare := w.hashes.all(), "SELECT hash FROM fastness_link WHERE account IS NULL"
			work.since()
			r := w.do("POST", "/auth/recover", nil, map[string]any{"email": email})
			return seen{r.Status, r.Raw, work.since(), w.hashes.all() - hashes, len(w.rows("SELECT hash FROM fastness_link")) - links,
				len(w.rows("SELECT id FROM evidence")) - entries, len(w.mails.sent) - outbox, len(w.rows(bare))}
		}
		w.others()
		before := w.mails.letters()
		existing := ask("ann@example.org")
		for _, email := range []string{"nobody@example.org", "gone@example.org", "shut@example.org", "new@example.org"} {
			if absent := ask(email); absent != existing {
				t.Fatalf("existing %+v, %s %+v", existing, email, absent)
			}
		}
		if existing.status != 202 || existing.outbox != 1 || existing.work == "" {
			t.Fatalf("a recovery is %+v, want 202 and one letter", existing)
		}
		if n := w.mails.letters() - before; n != 2 {
			t.Fatalf("%d letters, want two: to the owner, and to that of the locked account, which it opens again", n)
		}
		w.mails.last(t, "shut@example.org", signup.LetterRecover)
	})
}

// TestResetPoisoning: links name the configured host, whatever a request calls its host.
func TestResetPoisoning(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := &browser{headers: http.Header{"Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"},
			"Origin": {"https://evil.example"}}}
		w.do("POST", "/auth/recover", b, map[string]any{"email": "ann@example.org"}).want(202)
		link := w.mails.last(t, "ann@example.org", signup.LetterRecover).Link.Reveal()
		if !strings.HasPrefix(link, "https://clinic.example/account/recover/confirm?token=") || strings.Contains(link, "evil") {
			t.Fatal("the link in the mail does not lead to the configured host")
		}
	})
}

// TestNobodyIsBombedWithLetters: whoever asks again and again, from everywhere, an address gets a handful of letters.
func TestNobodyIsBombedWithLetters(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("bob@example.org", "patient")
		known := &browser{device: w.in("bob@example.org").device} // a device that signed in before, which may be stolen
		for n := range 20 {
			w.do("POST", "/auth/recover", from("10.%d.0.1", n), map[string]any{"email": "ann@example.org"})
			w.do("POST", "/auth/recover", known, map[string]any{"email": "bob@example.org"})
			w.do("POST", "/auth/sign-up", from("10.%d.0.1", n), map[string]any{"email": "new@example.org", "password": goodPassword})
		}
		if n := w.mails.letters(); n != 15 {
			t.Fatalf("%d letters after 60 requests, want 15", n)
		}
	})
}

// TestLookAlikeAddress: a reset asked for a look-alike never goes to it, nor to the one it looks like.
func TestLookAlikeAddress(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("mike@example.org", "patient")
		for _, email := range []string{"mıke@example.org", "ｍike@example.org", "mike@examp1e.org", "mіke@example.org"} { // dotless i, fullwidth m, digit one, Cyrillic і
			w.do("POST", "/auth/recover", nil, map[string]any{"email": email})
		}
		if n := w.mails.letters(); n != 0 {
			t.Fatalf("%d letters were sent for look-alikes", n)
		}
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "MIKE@Example.ORG"}).want(202)
		if m := w.mails.last(t, "mike@example.org", signup.LetterRecover); m.Link.Empty() {
			t.Fatal("the owner got no link")
		}
	})
}

// TestResetKeepsTheSecondFactor: a new password by link ends every session and still is not enough to get in.
func TestResetKeepsTheSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "clinician")
		w.enrol(id, types.TOTP, 1)
		ann := w.inWith("ann@example.org", "totp")
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		token := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		b := &browser{}
		r := w.do("POST", "/auth/recover/confirm", b, map[string]any{"token": token, "password": "a new password of mine"}).want(200)
		if !b.session.Empty() || r.Answer.Session != nil {
			t.Fatal("a reset signed in")
		}
		if w.alive(ann) {
			t.Fatal("a session outlived the reset")
		}
		if r := w.signIn(b, "ann@example.org", "a new password of mine").want(200); r.text("status") != "factor_required" {
			t.Fatalf("a reset skipped the second factor: %v", r.JSON)
		}
		w.mails.last(t, "ann@example.org", signup.LetterPassword) // the owner is told
	})
}

// TestRecoveryRace: of twenty uses of one link at once, one counts.
func TestRecoveryRace(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		token := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": token, "password": types.Token(16)}).Status == 200 {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("one link was used %d times", won.Load())
		}
	})
}

// TestLinksEnd: a recovery link is over after its time and after the address changed; an enrolment link after fifteen minutes.
func TestLinksEnd(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		added, err := w.AddUser(w.ctx(), operator, "late@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		w.person("ann@example.org", "patient")
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		recover := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": recover, "password": "a new password of mine"}).want(422) // another kind
		w.clock.Advance(15 * time.Minute)
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": secretOf(t, added.Link), "password": goodPassword}).want(422)
		w.clock.Advance(15 * time.Minute)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": recover, "password": "a new password of mine"}).want(422)
	})
}

// TestEmailChange: both addresses are told, the new one proves itself, nothing moves before.
func TestEmailChange(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		w.do("POST", "/auth/email", ann, map[string]any{"email": "ann@new.example"}).want(202)
		w.mails.last(t, "ann@example.org", signup.LetterEmailNotice)
		token := secretOf(t, w.mails.last(t, "ann@new.example", signup.LetterEmailConfirm).Link)
		w.signIn(nil, "ann@new.example", goodPassword).want(401)
		w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": token}).want(200)
		w.signIn(nil, "ann@new.example", goodPassword).want(200)
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		w.clock.Advance(6 * time.Minute)
		w.do("POST", "/auth/email", ann, map[string]any{"email": "ann@other.example"}).want(403) // not freshly proved
	})
}

// who returns the caller behind a browser.
func (w *town) who(b *browser) *types.Caller {
	w.t.Helper()
	found, err := w.Sessions().Authenticate(w.ctx(), b.session.Reveal(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return &found.Caller
}

// TestSelfPromotion: nobody grants who does not manage, and nobody raises himself.
func TestSelfPromotion(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		boss := w.person("boss@example.org", "admin", "auditor")
		ann := w.person("ann@example.org", "patient")
		annCaller, bossCaller := w.who(w.in("ann@example.org")), w.who(w.in("boss@example.org"))
		if err := w.Grant(w.ctx(), annCaller, ann, "admin", time.Time{}); types.KindOf(err) != types.Forbidden {
			t.Fatalf("a patient made himself admin: %v", err)
		}
		if err := w.Grant(w.ctx(), bossCaller, boss, "auditor", start.Add(time.Hour)); types.CodeOf(err) != "own_grant" {
			t.Fatalf("an admin changed his own grants: %v", err)
		}
		if err := w.Grant(w.ctx(), bossCaller, ann, "auditor", time.Time{}); err != nil {
			t.Fatalf("an admin could not grant what he holds: %v", err)
		}
		if n := w.evidence(types.GrantAdd, types.Refused); n != 2 {
			t.Fatalf("%d entries of refused grants, want 2", n)
		}
	})
}

// TestNobodyGrantsWhatHeLacks: a role that manages roles is not a role that has them.
func TestNobodyGrantsWhatHeLacks(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("boss@example.org", "admin")
		ann := w.person("ann@example.org", "patient")
		boss := w.who(w.in("boss@example.org"))
		if err := w.Grant(w.ctx(), boss, ann, "clinician", time.Time{}); types.CodeOf(err) != "role_not_held" {
			t.Fatalf("a role was granted by somebody who lacks it: %v", err)
		}
	})
}

// TestDormantRole: a role whose requirement the session does not meet is not in force, and is when it is met.
func TestDormantRole(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "clinician", "keyholder")
		if c := w.who(w.in("ann@example.org")); c.Roles != 0 || c.Dormant != 2|4 {
			t.Fatalf("with a password alone: roles %b, dormant %b", c.Roles, c.Dormant)
		}
		w.enrol(id, types.TOTP, 1)
		if c := w.who(w.inWith("ann@example.org", "totp")); c.Roles&2 == 0 {
			t.Fatalf("with an authenticator app: roles %b, dormant %b", c.Roles, c.Dormant)
		}
		w.enrol(id, types.Passkey, 1)
		if c := w.who(w.inWith("ann@example.org", "passkey")); c.Roles != 2|4 || c.Dormant != 0 {
			t.Fatalf("with a passkey: roles %b, dormant %b", c.Roles, c.Dormant)
		}
	})
}

// TestLastOperator: of two operators who are withdrawn at once one stays; he can be neither disabled nor given an end.
func TestLastOperator(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for range 5 {
			a, b := w.person("a"+types.Token(4)+"@example.org", "admin"), w.person("b"+types.Token(4)+"@example.org", "admin")
			for _, row := range w.rows("SELECT account FROM fastness_grant WHERE role = 'admin'") {
				if id := types.ID(row[0]); id != a && id != b {
					if err := w.Revoke(w.ctx(), operator, id, "admin"); err != nil {
						t.Fatal(err)
					}
				}
			}
			var wg sync.WaitGroup
			for _, id := range []types.ID{a, b} {
				wg.Go(func() { _ = w.Revoke(w.ctx(), operator, id, "admin") })
			}
			wg.Wait()
			left := w.rows("SELECT account FROM fastness_grant WHERE role = 'admin'")
			if len(left) != 1 {
				t.Fatalf("%d operators left, want 1", len(left))
			}
			last := types.ID(left[0][0])
			for what, err := range map[string]error{"disabled": w.Disable(w.ctx(), operator, last),
				"given an end": w.Grant(w.ctx(), operator, last, "admin", w.clock.Now().Add(time.Hour))} {
				if types.CodeOf(err) != "last_operator" {
					t.Fatalf("the last operator could be %s: %v", what, err)
				}
			}
		}
	})
}
