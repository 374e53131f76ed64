package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// What a thief who was in an account leaves behind, against its owner who takes it back. Each test has a saboteur of its own.

const thiefs = "thief@evil.example"

// moves gives ann's account an address of the thief's, and returns the link by which ann closes it.
func (w *town) moves(thief *browser) types.Secret {
	w.t.Helper()
	w.do("POST", "/auth/email", thief, map[string]any{"email": thiefs}).want(202)
	w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": secretOf(w.t, w.mails.last(w.t, thiefs, signup.LetterEmailConfirm).Link)}).want(200)
	return w.mails.last(w.t, "ann@example.org", signup.LetterEmailMoved).Lock
}

// TestLockTakesWhatTheLetterToldOf: after "it was not me" and a recovery, a passkey or an app that a thief enrolled opens nothing and is not
// asked of the owner; those that she had before stay.
func TestLockTakesWhatTheLetterToldOf(t *testing.T) {
	const fresh = "a new password of mine"
	real(t, func(t *testing.T, w *town) {
		for _, had := range []bool{false, true} {
			email := map[bool]string{false: "ann@example.org", true: "bob@example.org"}[had]
			w.person(email, "patient")
			thief := w.in(email)
			var own *authenticator
			if had {
				own = w.key(thief, "Owner's")
				w.clock.Advance(time.Hour)
				attempt, o := w.discover(thief, own)
				w.touch(thief, attempt, own.get(o)).want(200)
			}
			stolen := w.key(thief, "Phone")
			letter := w.mails.last(t, email, signup.LetterFactorAdded)
			w.app(thief)
			w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, letter.Lock)}).want(200)
			w.recovered(email, fresh, nil)
			b := &browser{}
			attempt, o := w.discover(b, stolen)
			w.touch(b, attempt, stolen.get(o)).want(401)
			r := w.signIn(nil, email, fresh).want(200)
			if !had {
				if r.text("status") != "signed_in" {
					t.Errorf("its owner is asked for %v", r.JSON)
				}
				continue
			}
			if factors, _ := r.JSON["factors"].([]any); !slices.Equal(factors, []any{"passkey"}) {
				t.Errorf("its owner is asked for %v, and not for the passkey of before", r.JSON)
			}
			attempt, o = w.discover(b, own)
			w.touch(b, attempt, own.get(o)).want(200)
		}
	})
}

// TestMoveArmsNoThief: the notice of the operator's move that goes to the thief's address closes nothing after the account was locked for
// its owner; what was begun or issued before the move is over.
func TestMoveArmsNoThief(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		thief := w.in("ann@example.org")
		w.moves(thief)
		token, _ := w.issue(thief, aToken(w, "patient"))
		w.enrol(id, types.TOTP, 1)
		begun := &browser{}
		attempt := w.signIn(begun, thiefs, goodPassword).want(200).text("attempt")
		if err := w.Move(w.ctx(), operator, id, "ann@example.org", "rang me up"); err != nil {
			t.Fatal(err)
		}
		if w.alive(token) {
			t.Error("an API token outlives the move")
		}
		w.do("POST", "/auth/sign-in/totp", begun, map[string]any{"attempt": attempt, "response": "right"}).want(401)
		w.enrol(id, types.TOTP, 0)
		his := secretOf(t, w.mails.last(t, thiefs, signup.LetterEmailMoved).Lock)
		if err := w.Identity.Lock(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		w.recovered("ann@example.org", "a new password of mine", nil)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": his}).want(422)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
	})
}

// TestNewAccountKeepsTheNotice: an owner who finds no account at her address any more and signs up again can still close the one that was
// moved away.
func TestNewAccountKeepsTheNotice(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief := w.in("ann@example.org")
		lock := secretOf(t, w.moves(thief))
		w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": "a new password of mine"}).want(202)
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterConfirm).Link), "password": "a new password of mine"}).want(200)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": lock}).want(200)
		if w.alive(thief) {
			t.Error("the thief is in")
		}
	})
}

// TestOnlyAnOperatorOpensAMovedAccount: a manager enables what managers disabled, not what its owner closed against somebody.
func TestOnlyAnOperatorOpensAMovedAccount(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		w.person("boss@example.org", "admin", "patient")
		boss := w.who(w.in("boss@example.org"))
		for _, err := range []error{w.Disable(w.ctx(), boss, id), w.Enable(w.ctx(), boss, id)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, w.moves(w.in("ann@example.org")))}).want(200)
		if err := w.Enable(w.ctx(), boss, id); types.CodeOf(err) != "closed_by_owner" {
			t.Fatalf("opened by a manager: %v", err)
		}
		if err := w.Enable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
	})
}

// TestInvitationsEndWithTheirSender: a thief who invited himself from an owner's account does not join after that was closed or disabled.
func TestInvitationsEndWithTheirSender(t *testing.T) {
	for name, close := range map[string]func(w *two){
		"disabled": func(w *two) {
			if err := w.Disable(w.ctx(), operator, w.annID); err != nil {
				w.t.Fatal(err)
			}
		},
		"locked, and opened again": func(w *two) {
			w.do("POST", "/auth/lock", w.ann, nil).want(200)
			w.recovered("ann@example.org", "a new password of mine", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTwo(t, func(t *testing.T, w *two) {
				w.invite(w.ann, thiefs, "owner").want(202)
				token := w.invitation(thiefs)
				close(w)
				w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).want(422)
			})
		})
	}
}

// TestAppBelongsToItsSession: the secret of an app that is being enrolled is shown to, and confirmed by, the session that began it: a thief
// neither copies the owner's nor leaves her one that he knows.
func TestAppBelongsToItsSession(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief, ann := w.who(w.in("ann@example.org")), w.in("ann@example.org")
		w.do("POST", "/auth/totp", ann, nil).want(201)
		if _, err := w.Self().PendingApp(w.ctx(), thief); types.CodeOf(err) != "no_enrolment" {
			t.Errorf("another session reads the secret: %v", err)
		}
		if _, err := w.Self().BeginApp(w.ctx(), thief); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Self().PendingApp(w.ctx(), w.who(ann)); types.CodeOf(err) != "no_enrolment" {
			t.Errorf("the owner is shown a secret that somebody else has seen: %v", err)
		}
		w.do("POST", "/auth/totp/confirm", ann, map[string]any{"code": "000000"}).want(409)
	})
}

// TestStaleSessionActsNoMore: a request that was under way when its session ended neither locks the account, nor ends the owner's sessions,
// nor founds or joins anything.
func TestStaleSessionActsNoMore(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		who := w.who(w.bob)
		w.invite(w.eve, "bob@example.org", "member").want(202)
		invitation := types.NewSecret(w.invitation("bob@example.org"))
		w.do("POST", "/auth/sign-out", w.bob, nil).want(204)
		own := w.in("bob@example.org")
		for what, err := range map[string]error{
			"lock":   w.Links().Lock(w.ctx(), who),
			"others": w.Self().EndOthers(w.ctx(), who),
			"one":    w.Self().EndSession(w.ctx(), who, w.who(own).Session),
			"app":    func() error { _, err := w.Self().BeginApp(w.ctx(), who); return err }(),
			"found":  func() error { _, err := w.Organisations().Create(w.ctx(), who, who.Account, "Mine"); return err }(),
			"accept": func() error { _, err := w.Organisations().Accept(w.ctx(), who, invitation); return err }(),
		} {
			if types.KindOf(err) != types.Unauthenticated {
				t.Errorf("%s by a session that is over: %v", what, err)
			}
		}
		if !w.alive(own) {
			t.Error("the owner's session was ended")
		}
	})
}

// TestMovesBombNobody: however many accounts ask to move to an address, it gets a few letters.
func TestMovesBombNobody(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("victim@example.org", "patient")
		for n := range 10 {
			email := types.Token(4) + "@evil.example"
			w.person(email, "patient")
			b := w.in(email)
			b.address = from("10.%d.0.1", n).address
			for range 2 {
				w.do("POST", "/auth/email", b, map[string]any{"email": "victim@example.org"})
			}
		}
		if n := w.mails.count("victim@example.org", signup.LetterExists); n != 5 {
			t.Fatalf("%d letters, want 5", n)
		}
	})
}

// TestManagerTakesNoInvitedMightier: whoever manages accounts alone gets no enrolment link of somebody who was invited with more.
func TestManagerTakesNoInvitedMightier(t *testing.T) {
	each(t, func(c *identity.Config) {
		c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "desk", Set: 32, Manages: []string{"accounts"}})
	}, func(t *testing.T, w *town) {
		w.person("clerk@example.org", "desk")
		clerk := w.who(w.in("clerk@example.org"))
		if _, err := w.Invite(w.ctx(), operator, "boss@example.org", []string{"admin"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddUser(w.ctx(), clerk, "boss@example.org", nil); types.CodeOf(err) != "role_not_held" {
			t.Fatalf("a link of somebody mightier: %v", err)
		}
		if _, err := w.AddUser(w.ctx(), clerk, "patient@example.org", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddUser(w.ctx(), clerk, "patient@example.org", nil); err != nil {
			t.Errorf("again, for somebody who holds nothing: %v", err)
		}
	})
}

// forgetPasswords makes accounts that are opened by other things.
func (w *town) forgetPasswords() {
	w.t.Helper()
	if err := w.db.Write(w.ctx(), func(tx store.Tx) error {
		_, err := tx.Exec(w.ctx(), store.SQL(`UPDATE fastness_account SET password = NULL, password_at = 0`))
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// TestNobodyIsLockedOutForGood: an account whose factors were reset, or whose only provider is no longer declared, is not left without a
// way in, or waits to be invited again; and what expired stands above nobody.
func TestNobodyIsLockedOutForGood(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		phone := w.key(b, "Phone")
		w.forgetPasswords()
		if err := w.db.Write(w.ctx(), func(tx store.Tx) error {
			_, err := tx.Exec(w.ctx(), store.SQL(`INSERT INTO fastness_federated (subject, account, issuer, linked, used) VALUES (?, ?, 'https://gone.example', 1, 1)`),
				types.BytesValue([]byte("subject")), types.IDValue(id))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		attempt, o := w.discover(b, phone)
		w.touch(b, attempt, phone.get(o)).want(200)
		items := w.do("GET", "/auth/passkeys", b, nil).want(200).JSON["items"].([]any)
		w.do("DELETE", "/auth/passkeys/"+items[0].(map[string]any)["id"].(string), b, nil).want(409)
		if err := w.ResetFactors(w.ctx(), operator, id, "lost the phone"); err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		if n := w.mails.count("ann@example.org", signup.LetterRecover); n != 1 {
			t.Errorf("%d recovery letters after a reset", n)
		}
		if err := w.Enable(w.ctx(), operator, id); err != nil { // where no mail is sent
			t.Fatal(err)
		}
		if _, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil); err != nil {
			t.Errorf("nobody opens it again: %v", err)
		}
		w.person("boss@example.org", "admin")
		bob := w.person("bob@example.org")
		if err := w.Grant(w.ctx(), operator, bob, "auditor", w.clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(2 * time.Hour)
		if err := w.Disable(w.ctx(), w.who(w.in("boss@example.org")), bob); err != nil {
			t.Errorf("a role that expired stands above: %v", err)
		}
	})
}

// TestLockedOperatorIsStillThere: the only one who manages roles may lock his account in fear, and keeps the role that he comes back to.
func TestLockedOperatorIsStillThere(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("boss@example.org", "admin")
		boss := w.in("boss@example.org")
		if err := w.Identity.Lock(w.ctx(), operator, id); types.CodeOf(err) != "last_operator" {
			t.Errorf("the last one locked by an operator: %v", err)
		}
		w.do("POST", "/auth/lock", boss, nil).want(200)
		if err := w.Revoke(w.ctx(), operator, id, "admin"); types.CodeOf(err) != "last_operator" {
			t.Fatalf("the role was taken from the last one meanwhile: %v", err)
		}
	})
}
