package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// issue makes an API token for the browser's owner and returns a browser that presents it, and its id.
func (w *town) issue(b *browser, body map[string]any) (*browser, string) {
	w.t.Helper()
	r := w.do("POST", "/auth/tokens", b, body).want(201)
	return &browser{bearer: types.NewSecret(r.text("token"))}, r.text("id")
}

func aToken(w *town, roles ...string) map[string]any {
	return map[string]any{"name": "ci", "roles": roles, "expires": w.clock.Now().Add(24 * time.Hour)}
}

// TestTokenLife: issued once, listed without its secret, used, revoked at once.
func TestTokenLife(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient", "auditor")
		ann := w.in("ann@example.org")
		ci, id := w.issue(ann, aToken(w, "patient"))
		if !strings.HasPrefix(ci.bearer.Reveal(), "fst_") {
			t.Fatal("a token without the prefix that scanners look for")
		}
		me := w.do("GET", "/auth/session", ci, nil).want(200)
		if roles := me.JSON["roles"].([]any); len(roles) != 1 || me.text("token") != id || me.JSON["session"] != nil {
			t.Fatalf("the token's caller: %v", me.JSON)
		}
		listed := w.do("GET", "/auth/tokens", ann, nil).want(200)
		if strings.Contains(listed.Raw, ci.bearer.Reveal()) || !strings.Contains(listed.Raw, `"used"`) {
			t.Fatalf("the list of tokens: %s", listed.Raw)
		}
		w.do("DELETE", "/auth/tokens/"+id, ann, nil).want(204)
		if w.alive(ci) {
			t.Fatal("a revoked token is honoured")
		}
	})
}

// TestTokenExpires: a token ends at its time, and one that never would is not issued.
func TestTokenExpires(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		ci, _ := w.issue(ann, aToken(w, "patient"))
		for _, at := range []time.Time{{}, w.clock.Now(), w.clock.Now().Add(400 * 24 * time.Hour)} {
			body := aToken(w, "patient")
			body["expires"] = at
			w.do("POST", "/auth/tokens", ann, body).want(422)
		}
		w.clock.Advance(24*time.Hour - time.Second)
		if !w.alive(ci) {
			t.Fatal("the token ended before its time")
		}
		w.clock.Advance(time.Second)
		if w.alive(ci) {
			t.Fatal("the token outlived its time")
		}
	})
}

// TestNarrowedTokenKnowsItselfAlone: a token that was narrowed to collections is told nothing at any route of this room but what it is; one that
// was not is told who its owner is. Each route is asked, past the check of roles.
func TestNarrowedTokenKnowsItselfAlone(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient", "admin")
		ann := w.in("ann@example.org")
		w.found(ann, "Riverside")
		whole, _ := w.issue(ann, aToken(w, "admin"))
		if me := w.do("GET", "/auth/session", whole, nil).want(200); me.text("email") != "ann@example.org" {
			t.Errorf("a token that is not narrowed is told %s", me.Raw)
		}
		for _, scope := range []map[string][]types.Action{{}, {"accounts": {types.Read}}} {
			narrow := *w.who(ann)
			narrow.Session, narrow.Token, narrow.Scope = "", types.RandomID(), &types.Scope{Collections: map[string]types.Action{}}
			for name, actions := range scope {
				narrow.Scope.Collections[name] = actions[0]
			}
			asked := 0
			for _, r := range w.Routes() {
				if r.Access.Public != "" || r.Access.Ignore || r.Name == "token_revoke" {
					continue
				}
				asked++
				caller := narrow
				a, err := r.Handle(w.ctx(), &plan.Request{Caller: &caller, Path: func(string) string { return string(id) }, At: w.clock.Now()})
				switch {
				case r.Name == "session":
					if want := `{"account":"` + string(id) + `","token":"` + string(narrow.Token) + `"}`; err != nil || strings.TrimSpace(string(a.Body)) != want {
						t.Errorf("it is told %s, %v", a.Body, err)
					}
				case types.CodeOf(err) != "out_of_scope":
					t.Errorf("%s %s: %v", r.Method, r.Path, err)
				}
			}
			if asked < 40 {
				t.Errorf("%d routes were asked", asked)
			}
		}
	})
}

// TestTokenCarriesASubset: of the roles in force when it was issued, and of those still held.
func TestTokenCarriesASubset(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient", "clinician")
		ann := w.in("ann@example.org")
		w.do("POST", "/auth/tokens", ann, aToken(w, "clinician")).want(422) // dormant: no second factor
		w.do("POST", "/auth/tokens", ann, aToken(w, "auditor")).want(422)   // not held
		w.do("POST", "/auth/tokens", ann, aToken(w)).want(422)              // none
		w.enrol(id, types.TOTP, 1)
		ann = w.inWith("ann@example.org", "totp")
		ci, _ := w.issue(ann, aToken(w, "clinician"))
		roles := func() int { return len(w.do("GET", "/auth/session", ci, nil).want(200).JSON["roles"].([]any)) }
		if roles() != 1 {
			t.Fatal("the token does not carry its role")
		}
		if err := w.Revoke(w.ctx(), operator, id, "clinician"); err != nil {
			t.Fatal(err)
		}
		if roles() != 0 {
			t.Fatal("the token kept a role that its owner lost")
		}
	})
}

// TestTokenIsNeverFresh: a token issues no token, ends no session, proves nothing, changes no password.
func TestTokenIsNeverFresh(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		ci, _ := w.issue(ann, aToken(w, "patient"))
		session := w.do("GET", "/auth/session", ann, nil).text("session")
		w.do("POST", "/auth/tokens", ci, aToken(w, "patient")).want(403)
		w.do("DELETE", "/auth/sessions/"+session, ci, nil).want(403)
		w.do("GET", "/auth/sessions", ci, nil).want(403)
		w.do("GET", "/auth/tokens", ci, nil).want(403)
		other, id := w.issue(ann, aToken(w, "patient"))
		w.do("DELETE", "/auth/tokens/"+id, ci, nil).want(403)
		w.do("DELETE", "/auth/tokens/"+id, other, nil).want(204) // it may give itself up
		w.do("POST", "/auth/step-up", ci, map[string]any{"password": goodPassword}).want(403)
		w.do("POST", "/auth/password", ci, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(403)
		w.do("POST", "/auth/email", ci, map[string]any{"email": "x@example.org"}).want(403)
		w.do("POST", "/auth/sign-out", ci, nil).want(403)
	})
}

// TestTokenDiesWithItsEpoch: a new password ends every token.
func TestTokenDiesWithItsEpoch(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		ci, _ := w.issue(ann, aToken(w, "patient"))
		if !w.alive(ci) {
			t.Fatal("the token does not open anything")
		}
		w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(200)
		if w.alive(ci) {
			t.Fatal("a token outlived the password that it was issued under")
		}
	})
}

// TestForeignTokens: what is not ours is refused, whatever it looks like.
func TestForeignTokens(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for _, s := range []string{"x", "fst_", "fst_" + types.Token(32), types.Token(32), strings.Repeat("a", 1<<20), "fst_\x00"} {
			if w.alive(&browser{bearer: types.NewSecret(s)}) || w.alive(&browser{session: types.NewSecret(s)}) {
				t.Fatalf("%.20q was honoured", s)
			}
		}
	})
}
