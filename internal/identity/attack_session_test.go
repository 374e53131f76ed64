package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on sessions. Each test has a saboteur of its own.

// TestFixation: a token that somebody else knows does not rise with its owner's step-up, and sign-in never adopts one.
func TestFixation(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "clinician")
		planted := w.in("ann@example.org") // an attacker got hold of this token
		ann := &browser{session: planted.session}
		if w.signIn(ann, "ann@example.org", goodPassword).want(200); ann.session.Reveal() == planted.session.Reveal() {
			t.Fatal("sign-in kept the token that was presented")
		}
		if w.alive(&browser{session: planted.session}) {
			t.Fatal("the session that was replaced lives on")
		}
		w.enrol(id, types.TOTP, 1)
		ann = w.inWith("ann@example.org", "totp")
		planted = &browser{session: ann.session}
		w.clock.Advance(10 * time.Minute)
		w.do("POST", "/auth/step-up/totp", ann, map[string]any{"response": "right"}).want(200)
		if ann.session.Reveal() == planted.session.Reveal() {
			t.Fatal("step-up kept the token")
		}
		who, _, err := w.Authenticate(w.ctx(), planted.session, false, netip.Addr{}, "")
		if err != nil {
			t.Fatalf("the old token must live until its successor is used: %v", err)
		}
		if w.clock.Now().Sub(who.FreshAt) < 5*time.Minute {
			t.Fatal("a token from before the step-up counts as freshly proved")
		}
	})
}

// TestReplayAfterSignOut: a token that was copied before sign-out opens nothing afterwards.
func TestReplayAfterSignOut(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		copied := &browser{session: ann.session}
		if !w.alive(copied) {
			t.Fatal("the session does not live before its sign-out")
		}
		w.do("POST", "/auth/sign-out", ann, nil).want(204)
		if w.alive(copied) {
			t.Fatal("a copied token opens a session that was signed out of")
		}
	})
}

// TestStolenOldToken: after a rotation by age the thief of the old token ends the family at his first use, and it is evidence.
func TestStolenOldToken(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Decl.Session = decl.Session{Idle: 3 * time.Hour} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		thief := ann.session
		w.clock.Advance(61 * time.Minute)
		if !w.alive(ann) || ann.session.Reveal() == thief.Reveal() {
			t.Fatal("no new token by age")
		}
		if !w.alive(&browser{session: thief}) {
			t.Fatal("the old token must live until the new one is used: its answer may be lost")
		}
		if !w.alive(ann) { // first use of the new one
			t.Fatal("the new token does not open the session")
		}
		w.clock.Advance(20 * time.Second)
		if !w.alive(&browser{session: thief}) {
			t.Fatal("the old token must live for the grace: requests are under way")
		}
		w.clock.Advance(11 * time.Second)
		if w.alive(&browser{session: thief}) {
			t.Fatal("the old token outlived its grace")
		}
		if w.alive(ann) {
			t.Fatal("a replayed token must end the whole family")
		}
		if n := w.evidence(types.SessionReuse, types.Refused); n != 1 {
			t.Fatalf("%d entries of the replay, want 1", n)
		}
	})
}

// TestIdleLimit: a session ends when it was not used for as long as the declaration says, and not before.
func TestIdleLimit(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Decl.Session = decl.Session{Idle: 15 * time.Minute} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		for range 5 {
			w.clock.Advance(14 * time.Minute)
			if !w.alive(ann) {
				t.Fatal("a session in use ended")
			}
		}
		w.clock.Advance(15 * time.Minute)
		if w.alive(ann) {
			t.Fatal("an idle session lives")
		}
	})
}

// TestAbsoluteLimit: no amount of use keeps a session beyond the declared end.
func TestAbsoluteLimit(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Decl.Session = decl.Session{Absolute: 10 * time.Hour} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		for range 59 {
			w.clock.Advance(10 * time.Minute)
			if !w.alive(ann) {
				t.Fatal("a session in use ended before its time")
			}
		}
		w.clock.Advance(10 * time.Minute)
		if w.alive(ann) {
			t.Fatal("a session outlived the absolute limit")
		}
	})
}

// TestParallelLimit: the session that is one too many ends the one that was unused longest.
func TestParallelLimit(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Decl.Session = decl.Session{Parallel: 3} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		var all []*browser
		for range 4 {
			w.clock.Advance(time.Second)
			all = append(all, w.in("ann@example.org"))
		}
		if w.alive(all[0]) {
			t.Fatal("four sessions live where three may")
		}
		for _, b := range all[1:] {
			if !w.alive(b) {
				t.Fatal("a session within the limit was ended")
			}
		}
	})
}

// TestRoleChangeWithAnOldSession: a role that is withdrawn is gone from sessions that are open, at once.
func TestRoleChangeWithAnOldSession(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient", "auditor")
		b := &browser{bearer: types.NewSecret(w.do("POST", "/auth/sign-in", nil, map[string]any{"email": "ann@example.org",
			"password": goodPassword, "transport": "bearer"}).want(200).text("token"))}
		roles := func() int { return len(w.do("GET", "/auth/session", b, nil).want(200).JSON["roles"].([]any)) }
		if roles() != 2 {
			t.Fatal("the roles are not in force to begin with")
		}
		if err := w.Revoke(w.ctx(), operator, id, "auditor"); err != nil {
			t.Fatal(err)
		}
		if roles() != 1 {
			t.Fatal("an open session kept a role that was withdrawn")
		}
	})
}

// TestRoleChangeGivesANewToken: a browser gets a new token at its next use after its roles changed.
func TestRoleChangeGivesANewToken(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		before := ann.session.Reveal()
		w.clock.Advance(2 * time.Minute)
		if err := w.Grant(w.ctx(), operator, id, "auditor", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if !w.alive(ann) || ann.session.Reveal() == before {
			t.Fatal("no new token after the roles changed")
		}
	})
}

// TestPasswordChangeEndsOtherSessions: whoever else is signed in is out; the one who changed it goes on with a new token, and his
// old token is refused.
func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		thief, ann := w.in("ann@example.org"), w.in("ann@example.org")
		before := ann.session
		w.do("POST", "/auth/password", ann, map[string]any{"password": "wrong wrong wrong", "new_password": "a new password of mine"}).want(422)
		w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": goodPassword}).want(422)
		w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(200)
		if w.alive(thief) {
			t.Fatal("another session outlived the change of the password")
		}
		if w.alive(&browser{session: before}) {
			t.Fatal("the token from before the change is still honoured")
		}
		if !w.alive(ann) {
			t.Fatal("the session that changed the password ended")
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
	})
}

// TestEndOneSession: "Firefox on Linux, today" can be ended by its owner, and by nobody else.
func TestEndOneSession(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("eve@example.org", "patient")
		phone, ann, eve := w.in("ann@example.org"), w.in("ann@example.org"), w.in("eve@example.org")
		id := w.do("GET", "/auth/session", phone, nil).want(200).text("session")
		w.do("DELETE", "/auth/sessions/"+id, eve, nil).want(404)
		if !w.alive(phone) {
			t.Fatal("a stranger ended a session")
		}
		if items := w.do("GET", "/auth/sessions", ann, nil).want(200).JSON["items"].([]any); len(items) != 2 {
			t.Fatalf("%d sessions listed, want 2", len(items))
		}
		w.do("DELETE", "/auth/sessions/"+id, ann, nil).want(204)
		if w.alive(phone) || !w.alive(ann) {
			t.Fatal("the wrong session ended")
		}
	})
}

// TestClockJumpsBack: a clock that is set back while nobody can measure by how much ends sessions; it never lengthens one.
func TestClockJumpsBack(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		w.clock.Advance(20 * time.Minute)
		if !w.alive(ann) {
			t.Fatal("the session ended before its time")
		}
		kept := *ann
		w.clock.Advance(-20 * time.Minute)
		if w.alive(&kept) {
			t.Fatal("a session from the future is honoured")
		}
	})
}

// TestEndedBeforeItWasOpened: what ends a session between the commit of its sign-in and the answer to it is not forgotten by the
// cache; and a session that nothing ended is opened without another look into the database.
func TestEndedBeforeItWasOpened(t *testing.T) {
	seen := &tally{}
	each(t, func(c *identity.Config) { seen.watch(c) }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		start := func() (*session.Started, types.Secret) {
			var st *session.Started
			since := w.Sessions().Mark()
			err := w.DB().Write(w.ctx(), func(tx store.Tx) error {
				step, err := w.Machine().Prove(w.ctx(), tx, signin.Proof{Account: id, Factors: types.Password,
					Client: signin.Client{Transport: session.Bearer}, Since: since})
				if err == nil {
					st = step.Session
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return st, st.Token
		}
		ask := func(token types.Secret) error {
			_, _, err := w.Authenticate(w.ctx(), token, true, netip.Addr{}, "")
			return err
		}
		st, token := start()
		if got := w.Sessions().Opened(st); got.Account != id || got.Session != st.ID || got.Roles == 0 {
			t.Fatalf("opened as %+v", got)
		}
		seen.since()
		if err := ask(token); err != nil || seen.since() != "" {
			t.Errorf("the first use of a new session: %v; it asked the database", err)
		}
		st, token = start()
		if err := w.DB().Write(w.ctx(), func(tx store.Tx) error { return w.Sessions().End(w.ctx(), tx, st.ID) }); err != nil {
			t.Fatal(err)
		}
		w.Sessions().Opened(st)
		if ask(token) == nil {
			t.Error("a session that had ended was opened")
		}
	})
}
