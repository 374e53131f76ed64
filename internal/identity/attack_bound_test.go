package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on bounds, and on roles and accounts that are worth nothing. Each test has a saboteur of its own.

// TestReadOnlyManagesNothing: a role that is read_only looks after no accounts and gives no roles, though it is declared to manage them;
// whoever holds it is no operator beside whom the last one may go.
func TestReadOnlyManagesNothing(t *testing.T) {
	each(t, func(c *identity.Config) {
		c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "watcher", Set: 32, ReadOnly: true, Manages: []string{"accounts", "roles"}})
	}, func(t *testing.T, w *town) {
		boss, ann := w.person("boss@example.org", "admin"), w.person("ann@example.org", "patient")
		w.person("eve@example.org", "watcher")
		eve := w.who(w.in("eve@example.org"))
		for what, try := range map[string]func() error{
			"a grant":     func() error { return w.Grant(w.ctx(), eve, ann, "watcher", time.Time{}) },
			"a disabling": func() error { return w.Disable(w.ctx(), eve, ann) },
			"an invitation": func() error {
				_, err := w.Invite(w.ctx(), eve, "new@example.org", nil)
				return err
			},
		} {
			if err := try(); types.CodeOf(err) != "not_allowed" {
				t.Errorf("%s by a role that is read_only: %v", what, err)
			}
		}
		if err := w.Revoke(w.ctx(), operator, boss, "admin"); types.CodeOf(err) != "last_operator" {
			t.Errorf("the last operator went, beside one who may only look: %v", err)
		}
	})
}

// TestDisabledAccountsPasskey: a passkey names its account and is right; when the account is disabled no session comes of it, not even one
// that opens nothing until the account is enabled again.
func TestDisabledAccountsPasskey(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		phone := w.key(w.in("ann@example.org"), "Phone")
		if err := w.Disable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		b := &browser{}
		attempt, o := w.discover(b, phone)
		if r := w.touch(b, attempt, phone.get(o)); r.Status != 401 || !b.session.Empty() {
			t.Errorf("answered %d %s", r.Status, r.Code)
		}
		if n := w.evidence(types.SignInFail, types.Refused); n != 1 {
			t.Errorf("%d entries of the refusal, want 1", n)
		}
		if rows := w.rows("SELECT id FROM fastness_session"); len(rows) != 0 {
			t.Errorf("%d sessions of a disabled account", len(rows))
		}
		if err := w.Enable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		attempt, o = w.discover(b, phone)
		w.touch(b, attempt, phone.get(o)).want(200)
	})
}

// TestOneNetworkTriesManyAccounts: whoever gives each of many accounts one guess is stopped after three hundred from one network, even at
// the next with the right password; other networks go on, and waiting helps.
func TestOneNetworkTriesManyAccounts(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		guess := func(n int) *reply {
			return w.signIn(from("198.51.100.%d", n), fmt.Sprintf("p%d@example.org", n), "guess guess guess")
		}
		for n := range 3 {
			guess(n).want(401)
		}
		if err := w.db.Write(w.ctx(), func(tx store.Tx) error { // the lane that counted all of them counts as many as if there had been 299
			n, err := tx.Exec(w.ctx(), store.SQL(`UPDATE fastness_throttle SET count = 299 WHERE count = 3`))
			if err == nil && n != 1 {
				t.Fatalf("%d lanes counted three guesses at three accounts, want the network's", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		guess(3).want(401)
		r := w.signIn(from("198.51.100.9"), "ann@example.org", goodPassword).want(429)
		w.signIn(from("192.0.2.9"), "ann@example.org", goodPassword).want(200)
		w.clock.Advance(r.After)
		w.signIn(from("198.51.100.9"), "ann@example.org", goodPassword).want(200)
	})
}

// TestFullHands: an account has at most twenty passkeys and fifty tokens; with one less there is room again.
func TestFullHands(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		for n := range 20 {
			w.key(b, fmt.Sprint("Key ", n))
		}
		if r := w.do("POST", "/auth/passkeys/options", b, nil).want(409); r.Code != "too_many_passkeys" {
			t.Errorf("the twenty-first passkey: %s", r.Code)
		}
		id := w.do("GET", "/auth/passkeys", b, nil).want(200).JSON["items"].([]any)[0].(map[string]any)["id"].(string)
		w.do("DELETE", "/auth/passkeys/"+id, b, nil).want(200)
		w.key(b, "Another")
		for range 50 {
			_, id = w.issue(b, aToken(w, "patient"))
		}
		if r := w.do("POST", "/auth/tokens", b, aToken(w, "patient")).want(409); r.Code != "too_many_tokens" {
			t.Errorf("the fifty-first token: %s", r.Code)
		}
		w.do("DELETE", "/auth/tokens/"+id, b, nil).want(204)
		w.issue(b, aToken(w, "patient"))
	})
}

// TestTokenScopeIsOfThisService: a token is narrowed to collections and actions that there are: a slip must not make one that is worth
// something else than its owner thinks.
func TestTokenScopeIsOfThisService(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		body := aToken(w, "patient")
		body["scope"] = map[string][]string{"nowhere": {"read"}}
		if r := w.do("POST", "/auth/tokens", b, body).want(422); !strings.Contains(fmt.Sprintf("%+v", fieldsOf(r.Err)), "unknown_collection") {
			t.Errorf("an unknown collection: %v", fieldsOf(r.Err))
		}
		_, _, err := w.Tokens().Issue(w.ctx(), w.who(b), token.Fresh{Name: "ci", Roles: []string{"patient"}, Expires: w.clock.Now().Add(time.Hour),
			Scope: map[string][]string{"accounts": {"read", "erase"}}})
		if !strings.Contains(fmt.Sprintf("%+v", fieldsOf(err)), "unknown_action") {
			t.Errorf("an unknown action: %v", err)
		}
		if n := len(w.rows("SELECT id FROM fastness_api_token")); n != 0 {
			t.Errorf("%d tokens", n)
		}
	})
}

func fieldsOf(err error) []types.FieldError {
	if e, ok := err.(*types.Error); ok {
		return e.Fields
	}
	return nil
}

// TestHugePasswordsEverywhere: a megabyte is refused before it is hashed, wherever a password is taken.
func TestHugePasswordsEverywhere(t *testing.T) {
	huge := string(make([]byte, 1<<20))
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		added, err := w.AddUser(w.ctx(), operator, "bob@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		link := w.asked("ann@example.org")
		for _, c := range []struct {
			path string
			by   *browser
			body map[string]any
			work int64 // hashes of passwords that are no longer than they may be
		}{
			{"/auth/enrol", nil, map[string]any{"token": secretOf(t, added.Link), "password": huge}, 0},
			{"/auth/recover/confirm", nil, map[string]any{"token": link, "password": huge}, 0},
			{"/auth/step-up", b, map[string]any{"password": huge}, 0},
			{"/auth/password", b, map[string]any{"password": huge, "new_password": "a new password of mine"}, 0},
			{"/auth/password", b, map[string]any{"password": goodPassword, "new_password": huge}, 1},
		} {
			before := w.hashes.all()
			if r := w.do("POST", c.path, c.by, c.body); r.Status != 422 || w.hashes.all()-before != c.work {
				t.Errorf("%s answered %d after %d hashes, want 422 after %d", c.path, r.Status, w.hashes.all()-before, c.work)
			}
		}
	})
}

// moved is a stand-in that lets something happen while it hashes.
type moved struct {
	passwords
	during func()
}

func (m *moved) Hash(ctx context.Context, pw types.Secret) (types.Secret, error) {
	if f := m.during; f != nil {
		m.during = nil
		f()
	}
	return m.passwords.Hash(ctx, pw)
}

// TestPasswordChangeIsOvertaken: a change of the password that was under way while the account's factors changed is refused and leaves the
// password as it is: whoever asked proved what the account was, not what it is.
func TestPasswordChangeIsOvertaken(t *testing.T) {
	var hashes *moved
	each(t, func(c *identity.Config) { hashes = &moved{}; c.Passwords = hashes }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		hashes.during = func() { w.enrol(id, types.TOTP, 1) }
		if r := w.do("POST", "/auth/password", b, map[string]any{"password": goodPassword, "new_password": anothersPassword}); r.Status != 401 && r.Code != "changed_meanwhile" {
			t.Errorf("answered %d %s", r.Status, r.Code)
		}
		w.attempt(&browser{}, "ann@example.org")
		if n := w.mails.count("ann@example.org", signup.LetterPassword); n != 0 {
			t.Errorf("%d letters about a password that did not change", n)
		}
	})
}
