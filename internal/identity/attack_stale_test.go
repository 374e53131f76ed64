package identity_test

import (
	"encoding/base32"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks by requests that are under way while their session ends, and by what outlives its cause. Each test has a saboteur of its own.

// TestRequestUnderWay: whoever was let in before the session ended leaves nothing behind that outlives it: no API token, no move of
// the account to his own address, no factor, no fresh token of the session that the owner kept.
func TestRequestUnderWay(t *testing.T) {
	const newPassword = "a new password of mine"
	ends := map[string]func(w *town, ann, thief *browser){
		"the password changed elsewhere": func(w *town, ann, _ *browser) {
			w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": newPassword}).want(200)
		},
		"signed out": func(w *town, _, thief *browser) { w.do("POST", "/auth/sign-out", thief, nil).want(204) },
		"the password changed in the same session": func(w *town, _, thief *browser) {
			w.do("POST", "/auth/password", &browser{session: thief.session}, map[string]any{"password": goodPassword, "new_password": newPassword}).want(200)
		},
	}
	acts := map[string]func(w *town, who *types.Caller, p *phone) error{
		"an API token": func(w *town, who *types.Caller, _ *phone) error {
			_, _, err := w.Tokens().Issue(w.ctx(), who, token.Fresh{Name: "mine", Roles: []string{"patient"}, Expires: w.clock.Now().Add(time.Hour)})
			return err
		},
		"a move": func(w *town, who *types.Caller, _ *phone) error {
			return w.Links().ChangeEmail(w.ctx(), who, "thief@evil.example")
		},
		"an app": func(w *town, who *types.Caller, p *phone) error {
			_, err := w.Self().ConfirmApp(w.ctx(), who, p.code(0))
			return err
		},
	}
	each(t, func(c *identity.Config) { c.Factors = nil }, func(t *testing.T, w *town) {
		for end, close := range ends {
			for act, try := range acts {
				email := string(types.RandomID()) + "@example.org"
				w.person(email, "patient")
				ann, thief := w.in(email), w.in(email)
				secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(w.do("POST", "/auth/totp", thief, nil).want(201).text("secret"))
				if err != nil {
					t.Fatal(err)
				}
				who := w.who(thief)
				close(w, ann, thief)
				if err := try(w, who, &phone{w, secret}); types.KindOf(err) != types.Unauthenticated {
					t.Errorf("%s after %s: %v, want the refusal of a credential that is over", act, end, err)
				}
			}
		}
	})
}

// TestThiefCannotVoidTheNotice: the link by which an owner stops whoever moved his account away works whatever the mover does next.
func TestThiefCannotVoidTheNotice(t *testing.T) {
	const thiefs = "thief@evil.example"
	for name, next := range map[string]func(w *town, thief *browser){
		"a new password": func(w *town, thief *browser) {
			w.do("POST", "/auth/password", thief, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(200)
		},
		"a recovery": func(w *town, _ *browser) {
			w.do("POST", "/auth/recover", nil, map[string]any{"email": thiefs}).want(202)
			link := secretOf(w.t, w.mails.last(w.t, thiefs, signup.LetterRecover).Link)
			w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": "a new password of mine"}).want(200)
		},
		"a second move": func(w *town, thief *browser) {
			w.do("POST", "/auth/email", thief, map[string]any{"email": "other@evil.example"}).want(202)
			w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": secretOf(w.t, w.mails.last(w.t, "other@evil.example", signup.LetterEmailConfirm).Link)}).want(200)
		},
		"a lock": func(w *town, thief *browser) { w.do("POST", "/auth/lock", thief, nil).want(200) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *town) {
				id := w.person("ann@example.org", "patient")
				thief := w.in("ann@example.org")
				w.do("POST", "/auth/email", thief, map[string]any{"email": thiefs}).want(202)
				w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": secretOf(t, w.mails.last(t, thiefs, signup.LetterEmailConfirm).Link)}).want(200)
				lock := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterEmailMoved).Lock)
				next(w, thief)
				w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": lock}).want(200)
				if rows := w.rows("SELECT state FROM fastness_account WHERE id = ?", types.IDValue(id)); rows[0][0] != "disabled" {
					t.Fatalf("the account is %s after its owner closed it, want disabled", rows[0][0])
				}
			})
		})
	}
}

// TestManagerUnderWay: a manager whose role is withdrawn, who is disabled or signed out, does nothing with a request that was let in before.
func TestManagerUnderWay(t *testing.T) {
	ends := map[string]func(w *town, boss *types.Caller) error{
		"withdrawn": func(w *town, boss *types.Caller) error { return w.Revoke(w.ctx(), operator, boss.Account, "admin") },
		"disabled":  func(w *town, boss *types.Caller) error { return w.Disable(w.ctx(), operator, boss.Account) },
		"ended": func(w *town, boss *types.Caller) error {
			return w.EndSessionOf(w.ctx(), operator, boss.Account, boss.Session)
		},
	}
	acts := map[string]func(w *town, boss *types.Caller, ann types.ID) error{
		"grant": func(w *town, boss *types.Caller, ann types.ID) error {
			_, err := w.Ask(w.ctx(), boss, ann, "admin", time.Time{})
			return err
		},
		"revoke":  func(w *town, boss *types.Caller, ann types.ID) error { return w.Revoke(w.ctx(), boss, ann, "admin") },
		"disable": func(w *town, boss *types.Caller, ann types.ID) error { return w.Disable(w.ctx(), boss, ann) },
		"require": func(w *town, boss *types.Caller, ann types.ID) error {
			return w.Require(w.ctx(), boss, ann, plan.AnyMFA)
		},
		"reset": func(w *town, boss *types.Caller, ann types.ID) error {
			return w.ResetFactors(w.ctx(), boss, ann, "she rang me up")
		},
		"invite": func(w *town, boss *types.Caller, _ types.ID) error {
			_, err := w.Invite(w.ctx(), boss, string(types.RandomID())+"@example.org", nil)
			return err
		},
	}
	each(t, nil, func(t *testing.T, w *town) {
		w.person("chief@example.org", "admin")
		ann := w.person("ann@example.org", "admin")
		for end, close := range ends {
			email := end + "@example.org"
			w.person(email, "admin")
			boss := w.who(w.in(email))
			if err := close(w, boss); err != nil {
				t.Fatal(err)
			}
			for act, try := range acts {
				if err := try(w, boss, ann); types.KindOf(err) != types.Unauthenticated && types.CodeOf(err) != "not_allowed" {
					t.Errorf("%s by a manager who is %s: %v, want a refusal", act, end, err)
				}
			}
		}
	})
}
