package identity_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestFactorChangeEndsOtherSessions: whoever else is signed in is out; who changed it goes on with a new token.
func TestFactorChangeEndsOtherSessions(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief, ann := w.in("ann@example.org"), w.in("ann@example.org")
		who := w.who(ann)
		var token types.Secret
		if err := w.DB().Write(w.ctx(), func(tx store.Tx) error {
			s, err := w.Machine().ChangeFactor(w.ctx(), tx, who, types.TOTP, 1, true, types.TOTP)
			if err == nil {
				token = s.Token
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if w.alive(thief) || w.alive(&browser{session: ann.session}) {
			t.Fatal("a session from before the change of factors lives")
		}
		if c := w.who(&browser{session: token}); !c.Factors.MFA() {
			t.Fatalf("the session that enrolled proved %b", c.Factors)
		}
	})
}

// TestDevelopmentSession: one hour, every factor, always fresh; and refused outside development even if it is in the store.
func TestDevelopmentSession(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Environment = "development" }, func(t *testing.T, w *town) {
		added, err := w.AddUser(w.ctx(), operator, "dev@example.org", []string{"keyholder"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.DevSession(w.ctx(), operator, added.ID)
		if err != nil {
			t.Fatal(err)
		}
		b := &browser{bearer: s.Token}
		for range 2 {
			w.clock.Advance(20 * time.Minute)
			who, _, err := w.Authenticate(w.ctx(), s.Token, true, netip.Addr{}, "")
			if err != nil || who.Roles != 4 || !who.FreshAt.Equal(w.clock.Now()) {
				t.Fatalf("%+v %v", who, err)
			}
		}
		w.clock.Advance(21 * time.Minute)
		if w.alive(b) {
			t.Fatal("a development session outlived its hour")
		}
		again, err := w.DevSession(w.ctx(), operator, added.ID)
		if err != nil {
			t.Fatal(err)
		}
		production := newTown(t, w.db, nil)
		production.clock.Advance(61 * time.Minute)
		if production.alive(&browser{bearer: again.Token}) {
			t.Fatal("a development session is honoured in production")
		}
		if n := production.evidence(types.SignInFail, types.Refused); n != 1 {
			t.Fatalf("%d entries of a development session in production, want 1", n)
		}
		if w.alive(&browser{bearer: again.Token}) {
			t.Fatal("a session that was tried in the wrong place lives on")
		}
		if _, err := production.DevSession(w.ctx(), operator, added.ID); types.CodeOf(err) != "development_only" {
			t.Fatalf("production made a development session: %v", err)
		}
	})
}

// TestSignUpModes: only open lets strangers make accounts; an invitation works in every mode.
func TestSignUpModes(t *testing.T) {
	for _, mode := range []string{"invite", "closed", ""} {
		each(t, func(c *identity.Config) { c.Plan.Decl.SignUp.Mode = mode }, func(t *testing.T, w *town) {
			w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "x@example.org", "password": goodPassword}).want(403)
			if _, err := w.Invite(w.ctx(), operator, "ann@example.org", []string{"patient"}); err != nil {
				t.Fatal(err)
			}
			token := secretOf(t, w.mails.last(t, "ann@example.org", "invite").Link)
			w.do("POST", "/auth/enrol", nil, map[string]any{"token": token, "password": "short"}).want(422)
			w.do("POST", "/auth/enrol", nil, map[string]any{"token": token, "password": goodPassword}).want(200)
			w.do("POST", "/auth/enrol", nil, map[string]any{"token": token, "password": "another password of mine"}).want(422)
			w.in("ann@example.org")
		})
	}
}

// TestOnlyManagersAddAccounts: a signed-in caller needs a role that manages accounts.
func TestOnlyManagersAddAccounts(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("boss@example.org", "admin")
		ann := w.person("ann@example.org", "patient")
		patient, boss := w.who(w.in("ann@example.org")), w.who(w.in("boss@example.org"))
		if _, err := w.Invite(w.ctx(), patient, "x@example.org", nil); types.KindOf(err) != types.Forbidden {
			t.Fatalf("a patient invited somebody: %v", err)
		}
		if err := w.Disable(w.ctx(), patient, ann); types.KindOf(err) != types.Forbidden {
			t.Fatalf("a patient disabled somebody: %v", err)
		}
		if _, err := w.List(w.ctx(), patient, "", 10); types.KindOf(err) != types.Forbidden {
			t.Fatalf("a patient listed the accounts: %v", err)
		}
		if _, err := w.Invite(w.ctx(), boss, "x@example.org", nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOwnerLocksHisAccount: every session ends, the password opens nothing, a recovery link does.
func TestOwnerLocksHisAccount(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief, ann := w.in("ann@example.org"), w.in("ann@example.org")
		phone := w.key(ann, "Phone")
		touches := func() *reply {
			b := &browser{}
			attempt, o := w.discover(b, phone)
			return w.touch(b, attempt, phone.get(o))
		}
		touches().want(200)
		w.do("POST", "/auth/lock", ann, nil).want(200)
		if w.alive(thief) {
			t.Fatal("a session outlived the lock")
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		touches().want(401)
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		token := secretOf(t, w.mails.last(t, "ann@example.org", "recover").Link)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": token, "password": "a new password of mine"}).want(200)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
		touches().want(200)
	})
}

// TestLockOutlivesItsPassword: an operator who opens what its owner locked opens it without the password that the owner feared for.
func TestLockOutlivesItsPassword(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for _, other := range []bool{false, true} {
			email := map[bool]string{false: "ann@example.org", true: "bob@example.org"}[other]
			id := w.person(email, "patient")
			if other {
				w.enrol(id, types.Passkey, 1)
			}
			w.do("POST", "/auth/lock", map[bool]func() *browser{false: func() *browser { return w.in(email) },
				true: func() *browser { return w.inWith(email, "passkey") }}[other](), nil).want(200)
			if err := w.Disable(w.ctx(), operator, id); err != nil { // who looks at it first disables it
				t.Fatal(err)
			}
			if err := w.Enable(w.ctx(), operator, id); err != nil {
				t.Fatal(err)
			}
			w.signIn(nil, email, goodPassword).want(401)
			state := w.rows("SELECT state FROM fastness_account WHERE id = ?", types.IDValue(id))[0][0]
			if want := map[bool]string{false: "invited", true: "active"}[other]; state != want {
				t.Errorf("with a passkey %v: %s, want %s", other, state, want)
			}
		}
		if _, _, err := w.Links().Add(w.ctx(), operator, "ann@example.org", nil, false); err != nil {
			t.Errorf("invited again: %v", err)
		}
	})
}

// TestHugePasswords: a megabyte is refused before anything is hashed.
func TestHugePasswords(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		huge := string(make([]byte, 1<<20))
		w.do("POST", "/auth/sign-in", nil, map[string]any{"email": "x@example.org", "password": huge}).want(422)
		w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "x@example.org", "password": huge}).want(422)
		if n := w.hashes.hash.Load() + w.hashes.verify.Load() + w.hashes.dummy.Load(); n != 0 {
			t.Fatalf("%d hashes of a megabyte", n)
		}
	})
}

// cable is a database whose connection can be cut.
type cable struct {
	store.DB
	cut atomic.Bool
}

var errCut = types.Refuse(types.Unavailable, "database_away", "try again")

func (c *cable) View(ctx context.Context, fn func(store.Reader) error) error {
	if c.cut.Load() {
		return errCut
	}
	return c.DB.View(ctx, fn)
}

func (c *cable) Write(ctx context.Context, fn func(store.Tx) error) error {
	if c.cut.Load() {
		return errCut
	}
	return c.DB.Write(ctx, fn)
}

// replicas starts two rooms on one database, as two processes would; the second behind a cable.
func replicas(t *testing.T, db store.DB, change ...func(*identity.Config)) (one, two *town, line *cable) {
	line = &cable{DB: db}
	shared := func(c *identity.Config) {
		c.Shared, c.Clock, c.Silence = true, types.SystemClock{}, time.Second
		for _, fn := range change {
			fn(c)
		}
	}
	one = newTown(t, db, shared)
	two = newTown(t, line, shared)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	for _, w := range []*town{one, two} {
		go func() { w.Run(ctx); done <- struct{}{} }()
	}
	t.Cleanup(func() { stop(); <-done; <-done })
	return one, two, line
}

// eventually waits at most limit for the condition.
func eventually(limit time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

// TestRevocationReachesAnotherProcess: within a second, although its cache had the session.
func TestRevocationReachesAnotherProcess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, storetest.Options{Tables: tables()}, func(t *testing.T, db store.DB) {
		one, two, _ := replicas(t, db)
		id := one.person("ann@example.org", "patient")
		ann := one.in("ann@example.org")
		time.Sleep(300 * time.Millisecond) // both feeds flow; the cache of the second is in use
		if !two.alive(ann) {
			t.Fatal("the session does not open the other process")
		}
		kept := *ann
		began := time.Now()
		if err := one.Disable(one.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if b := kept; one.alive(&b) {
			t.Fatal("the process that disabled the account still honours its session")
		}
		if !eventually(time.Second, func() bool { b := kept; return !two.alive(&b) }) {
			t.Fatal("another process honours the session for more than a second")
		}
		t.Logf("the other process forgot the session after %s", time.Since(began))
	})
}

// TestSilenceTurnsCachesOff: a process that is cut off from the database honours no session for longer than the declared silence (three seconds, here one).
func TestSilenceTurnsCachesOff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, storetest.Options{Tables: tables()}, func(t *testing.T, db store.DB) {
		one, two, line := replicas(t, db)
		one.person("ann@example.org", "patient")
		ann := one.in("ann@example.org")
		time.Sleep(300 * time.Millisecond)
		if !two.alive(ann) {
			t.Fatal("the session does not open the other process")
		}
		line.cut.Store(true)
		if _, _, err := two.Authenticate(two.ctx(), ann.session, false, netip.Addr{}, ""); err != nil {
			t.Fatalf("a moment of silence must not turn the cache off: %v", err)
		}
		if !eventually(1200*time.Millisecond, func() bool {
			_, _, err := two.Authenticate(two.ctx(), ann.session, false, netip.Addr{}, "")
			return errors.Is(err, errCut)
		}) {
			t.Fatal("a process that was cut off honours sessions after the silence")
		}
		line.cut.Store(false)
		if !eventually(2*time.Second, func() bool {
			_, _, err := two.Authenticate(two.ctx(), ann.session, false, netip.Addr{}, "")
			return err == nil
		}) {
			t.Fatal("the session did not come back with the database")
		}
	})
}

// TestCutOffForgetsWhatItKnew: a process that was cut off while an account was shut out, and for so long that the news of it is gone, honours
// neither its sessions nor its tokens when the database is back.
func TestCutOffForgetsWhatItKnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, storetest.Options{Tables: tables()}, func(t *testing.T, db store.DB) {
		one, two, line := replicas(t, db)
		id := one.person("ann@example.org", "patient")
		ann := one.in("ann@example.org")
		token, _ := one.issue(ann, map[string]any{"name": "script", "roles": []string{"patient"}, "expires": time.Now().Add(24 * time.Hour)})
		back := make(chan struct{}, 16)
		two.Watch(func(account, session types.ID) {
			if account == "" && session == "" {
				back <- struct{}{}
			}
		})
		if !eventually(5*time.Second, func() bool { return two.alive(ann) && two.alive(token) }) {
			t.Fatal("session and token do not open the other process")
		}
		time.Sleep(300 * time.Millisecond)
		two.alive(ann) // by now its cache is in use, and holds both
		two.alive(token)
		line.cut.Store(true)
		time.Sleep(1200 * time.Millisecond)
		for len(back) > 0 {
			<-back
		}
		if err := one.Disable(one.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(one.ctx(), func(tx store.Tx) error {
			_, err := tx.Exec(one.ctx(), store.SQL("DELETE FROM fastness_feed"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		line.cut.Store(false)
		select {
		case <-back:
		case <-time.After(3 * time.Second):
		}
		time.Sleep(50 * time.Millisecond)
		if b := *ann; two.alive(&b) {
			t.Error("a session that was ended while the process was cut off is honoured")
		}
		if b := *token; two.alive(&b) {
			t.Error("a token that was ended while the process was cut off is honoured")
		}
	})
}
