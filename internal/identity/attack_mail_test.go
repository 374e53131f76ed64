package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// What letters tell an owner, and what he does who sees that it was not him.

// TestNotMeLocks: the link in a notice locks the account: every session ends, nobody gets in, a recovery link opens it again. It
// needs no session, works once, and is good for nothing else.
func TestNotMeLocks(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief := w.in("ann@example.org")
		w.do("POST", "/auth/password", thief, map[string]any{"password": goodPassword, "new_password": "the thief has this password"}).want(200)
		lock := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterPassword).Lock)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": lock, "password": "a new password of mine"}).want(422)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": lock}).want(200)
		if w.alive(thief) {
			t.Fatal("a session outlived the lock")
		}
		w.signIn(nil, "ann@example.org", "the thief has this password").want(401)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": lock}).want(422)
		w.mails.last(t, "ann@example.org", signup.LetterLocked)
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		link := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": "a new password of mine"}).want(200)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
	})
}

// TestMovedAccountIsNotOpenedByWhoMovedIt: after a thief moved the account to his own address, the link that went to the old one
// closes it so that no letter to the thief opens it again.
func TestMovedAccountIsNotOpenedByWhoMovedIt(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		thief := w.in("ann@example.org")
		w.do("POST", "/auth/email", thief, map[string]any{"email": "thief@evil.example"}).want(202)
		token := secretOf(t, w.mails.last(t, "thief@evil.example", signup.LetterEmailConfirm).Link)
		w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": token}).want(200)
		lock := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterEmailMoved).Lock)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": lock}).want(200)
		if w.alive(thief) {
			t.Fatal("the thief's session outlived the lock")
		}
		before := w.mails.letters()
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "thief@evil.example"}).want(202)
		if w.mails.letters() != before {
			t.Fatal("the thief was sent a link that opens the account")
		}
		if err := w.Enable(w.ctx(), operator, id); err != nil { // an operator has looked
			t.Fatal(err)
		}
	})
}

// TestOperatorGivesAnAccountBack: what a thief moved away goes back to its owner by an operator alone, to an address that is free; nothing
// of the thief's opens it or closes it again, and the owner chooses a new password.
func TestOperatorGivesAnAccountBack(t *testing.T) {
	const thiefs, why = "thief@evil.example", "rang from the number on file"
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		w.person("bob@example.org", "patient")
		boss := w.who(func() *browser { w.person("boss@example.org", "admin"); return w.in("boss@example.org") }())
		thief := w.in("ann@example.org")
		w.do("POST", "/auth/email", thief, map[string]any{"email": thiefs}).want(202)
		w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": secretOf(t, w.mails.last(t, thiefs, signup.LetterEmailConfirm).Link)}).want(200)
		w.do("POST", "/auth/password", thief, map[string]any{"password": goodPassword, "new_password": "the thief has this password"}).want(200)
		his := secretOf(t, w.mails.last(t, thiefs, signup.LetterPassword).Lock)
		for name, try := range map[string]struct {
			by          *types.Caller
			email, code string
		}{"a manager": {boss, "ann@example.org", "not_allowed"}, "taken": {operator, "bob@example.org", "account_exists"},
			"the same": {operator, "Thief@evil.example", "same_address"}} {
			if err := w.Move(w.ctx(), try.by, id, try.email, why); types.CodeOf(err) != try.code {
				t.Errorf("%s: %v, want %s", name, err, try.code)
			}
		}
		if err := w.Identity.Lock(w.ctx(), boss, id); types.CodeOf(err) != "not_allowed" {
			t.Errorf("locked by a manager: %v", err)
		}
		if err := w.Move(w.ctx(), operator, id, "ann@example.org", "no"); types.KindOf(err) != types.Invalid {
			t.Errorf("moved without a reason: %v", err)
		}
		if err := w.Move(w.ctx(), operator, id, "ann@example.org", why); err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": his}).want(422)
		if err := w.Identity.Lock(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if w.alive(thief) {
			t.Error("the thief's session lives")
		}
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		link := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		w.signIn(nil, "ann@example.org", "the thief has this password").want(401)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": "a new password of mine"}).want(200)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
		if n := w.evidence(types.AccountEmail, types.Done); n != 3 {
			t.Errorf("%d entries about the address, want 3", n)
		}
	})
}

// TestPendingMoveDiesWithTheLock: the notice that a move was asked for stops it.
func TestPendingMoveDiesWithTheLock(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.do("POST", "/auth/email", w.in("ann@example.org"), map[string]any{"email": "thief@evil.example"}).want(202)
		token := secretOf(t, w.mails.last(t, "thief@evil.example", signup.LetterEmailConfirm).Link)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterEmailNotice).Lock)}).want(200)
		w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": token}).want(422)
	})
}

// count says how many letters of a kind went to an address.
func (o *outbox) count(to string, l signup.Letter) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, m := range o.sent {
		if m.To == to && m.Letter == l {
			n++
		}
	}
	return n
}

// TestNewDeviceIsTold: a sign-in from a device that the account has not seen is told to its owner, with the device's name; one by
// a device that he has signed in with is not, nor the first of all, nor a failed one.
func TestNewDeviceIsTold(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		mine := w.in("ann@example.org")
		told := func(want int) {
			t.Helper()
			if n := w.mails.count("ann@example.org", signup.LetterSignIn); n != want {
				t.Fatalf("told of %d sign-ins, want %d", n, want)
			}
		}
		told(0)
		w.do("POST", "/auth/sign-out", mine, nil).want(204)
		w.signIn(mine, "ann@example.org", goodPassword).want(200)
		told(0)
		thief := &browser{headers: http.Header{"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}}}
		w.signIn(thief, "ann@example.org", "a wrong guess of somebody").want(401)
		told(0)
		w.signIn(thief, "ann@example.org", goodPassword).want(200)
		told(1)
		if m := w.mails.last(t, "ann@example.org", signup.LetterSignIn); m.Device != "Firefox on Linux" || m.Lock.Empty() {
			t.Fatalf("the notice: %+v", m)
		}
		w.signIn(&browser{headers: thief.headers}, "ann@example.org", goodPassword).want(200) // the same program again, while its session lives
		told(1)
		w.signIn(&browser{headers: thief.headers, address: "198.51.100.9"}, "ann@example.org", goodPassword).want(200) // one that calls itself so, from elsewhere
		told(2)
	})
}

// TestFactorChangesAreTold: whoever adds or removes a factor, the owner hears of it.
func TestFactorChangesAreTold(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		w.app(ann)
		if m := w.mails.last(t, "ann@example.org", signup.LetterFactorAdded); m.Factor != types.TOTP || m.Lock.Empty() {
			t.Fatalf("the notice: %+v", m)
		}
		w.do("DELETE", "/auth/totp", ann, nil).want(200)
		if m := w.mails.last(t, "ann@example.org", signup.LetterFactorRemoved); m.Factor != types.TOTP || m.Lock.Empty() {
			t.Fatalf("the notice: %+v", m)
		}
	})
}

// TestLetterLinksNameTheHost: every link in every letter begins with the configured host, whatever requests call it.
func TestLetterLinksNameTheHost(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		evil := http.Header{"Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}, "Accept-Language": {"de"}}
		w.do("POST", "/auth/sign-up", &browser{headers: evil}, map[string]any{"email": "ann@example.org", "password": goodPassword}).want(202)
		w.do("POST", "/auth/sign-up/confirm", &browser{headers: evil}, map[string]any{"token": secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterConfirm).Link), "password": goodPassword}).want(200)
		ann := &browser{headers: evil}
		w.signIn(ann, "ann@example.org", goodPassword).want(200)
		w.do("POST", "/auth/email", ann, map[string]any{"email": "ann@other.example"}).want(202)
		w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": "another of my own passwords"}).want(200)
		w.clock.Advance(time.Hour)
		w.signIn(&browser{headers: evil}, "ann@example.org", "another of my own passwords").want(200)
		links := 0
		for _, m := range w.mails.sent {
			for _, link := range []types.Secret{m.Link, m.Lock} {
				if link.Empty() {
					continue
				}
				if m.Language != "de" {
					t.Errorf("%s is not in the language of who asked for it", m.Letter)
				}
				if links++; !strings.HasPrefix(link.Reveal(), "https://clinic.example/account/") || strings.Contains(link.Reveal(), "evil") {
					t.Errorf("%s leads elsewhere", m.Letter)
				}
			}
		}
		if links < 5 {
			t.Fatalf("only %d links", links)
		}
	})
}
