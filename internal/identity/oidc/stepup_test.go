package oidc_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// stale signs ann in with club and lets her proof grow old.
func (w *town) stale() browser {
	w.t.Helper()
	b := browser{}
	if where := w.enter(b, w.club, "ann"); where != "/account/" {
		w.t.Fatalf("ann ends at %s", where)
	}
	w.clock.Advance(6 * time.Minute)
	if w.fresh(b) {
		w.t.Fatal("a proof of six minutes ago is fresh")
	}
	return b
}

// freshAt is when the browser's session says that its owner proved himself.
func (w *town) freshAt(b browser) time.Time {
	w.t.Helper()
	r := w.do("GET", "/auth/session", b, "")
	at, err := time.Parse(time.RFC3339, fmt.Sprint(r.body["fresh_at"]))
	if err != nil {
		w.t.Fatalf("%+v", r)
	}
	return at
}

// fresh reports whether the browser's session may do what needs a proof within five minutes.
func (w *town) fresh(b browser) bool {
	w.t.Helper()
	return w.clock.Now().Sub(w.freshAt(b)) <= 5*time.Minute
}

// again begins to prove oneself again and returns where the provider is.
func (w *town) again(b browser, p *provider) string {
	w.t.Helper()
	r := w.do("POST", "/auth/oidc/"+p.name+"/step-up", b, `{"return": "/account/factors/app"}`)
	where, _ := r.body["location"].(string)
	if where == "" {
		w.t.Fatalf("step-up: %+v", r)
	}
	return where
}

// unproved demands that a step-up ended with a code and left the session as it was.
func (w *town) unproved(b browser, where string, code oidc.Code) {
	w.t.Helper()
	if where != "/account/step-up?return=%2Faccount%2Ffactors%2Fapp&error="+string(code) {
		w.t.Errorf("it ends at %s, want %s", where, code)
	}
	if w.fresh(b) {
		w.t.Errorf("the session became fresh (%s)", code)
	}
}

func (w *town) proved(b browser, where string) {
	w.t.Helper()
	if where != "/account/factors/app" || !w.fresh(b) {
		w.t.Errorf("it ends at %s", where)
	}
}

// TestStepUp: who has nothing but a provider proves himself again with it. The session gets a new token; the old one stays at its level,
// and is a copy once the new one was used.
func TestStepUp(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		before, was := b[""], w.do("GET", "/auth/session", b, "").body["session"]
		if r := w.do("POST", "/auth/step-up", b, `{"password": "`+password+`"}`); r.code != "factor_refused" || w.fresh(b) {
			t.Errorf("a password where there is none: %+v", r)
		}
		where := w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann"))
		if b[""] == before {
			t.Error("the token is the old one")
		}
		if w.fresh(browser{"": before}) {
			t.Error("a token that was copied before the proof rose with it")
		}
		w.proved(b, where)
		if is := w.do("GET", "/auth/session", b, "").body["session"]; is != was || len(w.rows("SELECT id FROM fastness_session")) != 1 {
			t.Errorf("session %v became %v", was, is)
		}
		w.clock.Advance(31 * time.Second)
		if r := w.do("GET", "/auth/session", browser{"": before}, ""); r.code != "credential_invalid" {
			t.Errorf("the old token: %+v", r)
		}
		if got := strings.Fields(w.evidence(types.StepUp)); len(got) != 2 || !slices.Contains(got, "federated") {
			t.Errorf("evidence %q", got)
		}
	})
}

// TestStepUpAsksAgain: the provider is told to ask the person again, whatever session he has there; a sign-in does not trouble him.
func TestStepUpAsksAgain(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		u, _ := url.Parse(w.again(b, w.club))
		if q := u.Query(); q.Get("prompt") != "login" || q.Get("max_age") != "0" || q.Get("nonce") == "" || q.Get("state") == "" || q.Get("code_challenge_method") != "S256" {
			t.Errorf("asks %v", q)
		}
		if in := w.start(browser{}, w.club); strings.Contains(in, "prompt=") || strings.Contains(in, "max_age=") {
			t.Errorf("a sign-in asks %s", in)
		}
	})
}

// TestStepUpByAnother: somebody at an open laptop has an account with the provider himself: one that nobody here knows, one that belongs to
// another account here, and one at another provider under the same subject. None of them proves the person, and none is linked.
func TestStepUpByAnother(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		w.club.people["ben"] = map[string]any{"email": "ben@clinic.example", "email_verified": true}
		w.enter(browser{}, w.club, "ben")
		w.club.people["eve"] = w.club.people["ann"]
		for _, subject := range []string{"eve", "ben", "ANN"} {
			w.unproved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), subject)), oidc.Another)
		}
		if r := w.do("POST", "/auth/oidc/den/step-up", b, "{}"); r.code != "not_found" {
			t.Errorf("with a provider that is not linked: %+v", r)
		}
		if n := w.links(); n != 2 {
			t.Errorf("%d links", n)
		}
		if got := w.evidence(types.StepUp); got != strings.TrimSpace(strings.Repeat("oidc:another_person ", 3)) {
			t.Errorf("evidence %q", got)
		}
	})
}

// TestStepUpWithoutATime: a provider that took prompt=login for a hint, and sent the person back as whoever was signed in there, does not
// say when he proved himself, or says something that is no time.
func TestStepUpWithoutATime(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		now := w.clock.Now().Unix()
		for v, code := range map[any]oidc.Code{nil: oidc.Unproved, 0: oidc.Unproved, -now: oidc.Doubtful, fmt.Sprint(now): oidc.Doubtful, true: oidc.Doubtful, [1]int64{now}: oidc.Doubtful, 1e30: oidc.Doubtful} {
			w.club.claim = func(c map[string]any) { c["auth_time"] = v }
			w.unproved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")), code)
		}
		w.club.claim = func(c map[string]any) { delete(c, "auth_time") }
		w.unproved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")), oidc.Unproved)
		w.club.claim = func(c map[string]any) { c["auth_time"] = float64(w.clock.Now().Unix()) + 0.5 }
		w.proved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")))
	})
}

// at makes a provider say that somebody proved himself so long after he was asked to.
func (w *town) at(d time.Duration) {
	began := w.clock.Now()
	w.club.claim = func(c map[string]any) { c["auth_time"] = began.Add(d).Unix() }
}

// TestStepUpTooOld: the provider did not ask, and tells the truth: the person proved himself before. A minute of skew is allowed.
func TestStepUpTooOld(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		for _, d := range []time.Duration{-61 * time.Second, -6 * time.Minute, -30 * 24 * time.Hour} {
			w.at(d)
			w.unproved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")), oidc.Unproved)
		}
		w.at(-time.Minute)
		w.proved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")))
	})
}

// TestStepUpInTheFuture: a time that will always be late enough proves nothing.
func TestStepUpInTheFuture(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		for _, d := range []time.Duration{61 * time.Second, time.Hour, 30 * 24 * time.Hour} {
			w.at(d)
			w.unproved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")), oidc.Unproved)
		}
		w.at(time.Minute)
		w.proved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")))
	})
}

// TestStepUpIsAsGoodAsItsProof: the session is as fresh as the proof at the provider, not as the way back from there, never fresher than
// now, and not less fresh than it was.
func TestStepUpIsAsGoodAsItsProof(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		_, b := w.person("ben@clinic.example")
		w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann"))
		w.clock.Advance(6 * time.Minute)
		location := w.again(b, w.club)
		w.clock.Advance(time.Minute)
		proof, q := w.clock.Now(), w.club.authorise(location, "ann")
		w.clock.Advance(3 * time.Minute)
		w.back(b, w.club, q)
		if got := w.freshAt(b); !got.Equal(proof) {
			t.Errorf("fresh from %s on, the proof was at %s", got, proof)
		}
		location = w.again(b, w.club)
		w.at(-time.Minute)
		began := w.clock.Now()
		w.back(b, w.club, w.club.authorise(location, "ann"))
		if got := w.freshAt(b); !got.Equal(began) {
			t.Errorf("by a clock that is behind, fresh from %s on, it began at %s", got, began)
		}
		w.at(time.Minute)
		now := w.clock.Now()
		w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann"))
		if got := w.freshAt(b); !got.Equal(now) {
			t.Errorf("by a clock that is ahead, fresh from %s on, it is %s", got, now)
		}
		w.club.claim = nil
		q = w.club.authorise(w.again(b, w.club), "ann")
		w.clock.Advance(time.Minute)
		w.do("POST", "/auth/step-up", b, `{"password": "`+password+`"}`)
		better := w.clock.Now()
		w.clock.Advance(time.Minute)
		w.back(b, w.club, q)
		if got := w.freshAt(b); !got.Equal(better) {
			t.Errorf("fresh from %s on, the password was proved at %s", got, better)
		}
	})
}

// TestStepUpStaysInItsSession: a flow that one session began ends in another of the same account, in another account's, or in none.
func TestStepUpStaysInItsSession(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b, twin := browser{}, browser{}
		w.enter(b, w.club, "ann")
		w.enter(twin, w.club, "ann")
		_, cat := w.person("cat@clinic.example")
		w.clock.Advance(6 * time.Minute)
		for _, other := range []browser{twin, cat} {
			q := w.club.authorise(w.again(b, w.club), "ann")
			other["oidc"] = b["oidc"]
			w.unproved(other, w.back(other, w.club, q), oidc.Begin)
			if w.fresh(b) {
				t.Error("the session that began became fresh")
			}
		}
		q := w.club.authorise(w.again(b, w.club), "ann")
		if where := w.back(browser{"oidc": b["oidc"]}, w.club, q); where != "/account/step-up?return=%2Faccount%2Ffactors%2Fapp&error=begin_again" || w.fresh(b) {
			t.Errorf("in no session: ends at %s", where)
		}
	})
}

// TestStepUpWorksOnce: the whole answer comes a second time.
func TestStepUpWorksOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		q := w.club.authorise(w.again(b, w.club), "ann")
		kept := b["oidc"]
		w.proved(b, w.back(b, w.club, q))
		w.clock.Advance(6 * time.Minute)
		b["oidc"] = kept
		w.unproved(b, w.back(b, w.club, q), oidc.Begin)
	})
}

// TestStepUpOfAnotherPurpose: a link that was begun while the session was fresh, or a sign-in, does not make a session fresh that is not.
func TestStepUpOfAnotherPurpose(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		_, b := w.person("boss@clinic.example")
		q := w.club.authorise(w.link(b, w.club)+"&max_age=0", "ann")
		w.clock.Advance(6 * time.Minute)
		if where := w.back(b, w.club, q); where != "/account/factors" || w.fresh(b) {
			t.Errorf("a link ends at %s", where)
		}
	})
}

func (w *town) enrolApp(email string) {
	w.t.Helper()
	id := w.account(email).ID
	if err := w.DB().Write(context.Background(), func(tx store.Tx) error {
		return w.Accounts().SetFactors(context.Background(), tx, id, types.TOTP, 1)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// enrolled signs ann in with the provider and her app, and lets the proof grow old.
func (w *town) enrolled() browser {
	w.t.Helper()
	w.enter(browser{}, w.club, "ann")
	w.enrolApp("ann@clinic.example")
	b := browser{}
	w.enter(b, w.club, "ann")
	w.do("POST", "/auth/sign-in/totp", b, `{"attempt": "`+b[oidc.AttemptCookie].Reveal()+`", "response": "right"}`)
	w.clock.Advance(6 * time.Minute)
	return b
}

// TestStepUpDoesNotReplaceAFactor: who has enrolled a second factor proves that, and not the provider.
func TestStepUpDoesNotReplaceAFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.enrolled()
		if r := w.do("POST", "/auth/oidc/club/step-up", b, "{}"); r.code != "factor_enrolled" || w.fresh(b) {
			t.Errorf("%+v", r)
		}
		if r := w.do("POST", "/auth/step-up/totp", b, `{"response": "right"}`); r.status != 200 || !w.fresh(b) {
			t.Errorf("by the app: %+v", r)
		}
	})
}

// TestStepUpMeetsANewFactor: the second factor was enrolled while the person was at the provider.
func TestStepUpMeetsANewFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		q := w.club.authorise(w.again(b, w.club), "ann")
		id := types.TextValue(string(w.account("ann@clinic.example").ID))
		if err := w.db.Write(context.Background(), func(tx store.Tx) error { // without the epoch, which would end the session
			_, err := tx.Exec(context.Background(), setApp, id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.unproved(b, w.back(b, w.club, q), oidc.Enrolled)
	})
}

var setApp = store.SQL("UPDATE fastness_account SET totp = 1 WHERE id = ?")

// TestStepUpIsNoSecondFactor: a password and a provider are two first factors. A role that requires a second one sleeps on.
func TestStepUpIsNoSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		_, b := w.person("boss@clinic.example")
		w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann"))
		w.clock.Advance(6 * time.Minute)
		w.proved(b, w.back(b, w.club, w.club.authorise(w.again(b, w.club), "ann")))
		if me := w.do("GET", "/auth/session", b, "").body; fmt.Sprint(me["factors"], me["roles"], me["dormant"]) != "[password federated] [] [clinician]" {
			t.Errorf("%v", me)
		}
	})
}

// TestStepUpIsForSessions: an API token and nobody cannot begin one.
func TestStepUpIsForSessions(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := w.stale()
		if r := w.do("POST", "/auth/oidc/club/step-up", browser{}, "{}"); r.code != "sign_in_required" {
			t.Errorf("nobody: %+v", r)
		}
		who, _, err := w.Authenticate(context.Background(), b[""], false, operator.Address, types.RandomID())
		if err != nil {
			t.Fatal(err)
		}
		token := *who
		token.Session, token.Token = "", types.RandomID()
		if _, err := w.Providers().StepUp(context.Background(), &token, "club", ""); types.CodeOf(err) != "session_required" {
			t.Errorf("a token: %v", err)
		}
	})
}

// TestSignInIsAsGoodAsItsProof: whoever finds an open laptop signs in once more through the session that the provider has in it. Where
// the provider says how old that is, the new session is no fresher.
func TestSignInIsAsGoodAsItsProof(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for d, want := range map[time.Duration]bool{-6 * time.Minute: false, -4 * time.Minute: true, time.Hour: true} {
			w.at(d)
			b := browser{}
			if where := w.enter(b, w.club, "ann"); where != "/account/" || w.fresh(b) != want {
				t.Errorf("%v: ends at %s", d, where)
			}
			w.clock.Advance(6 * time.Minute)
			if w.fresh(b) {
				t.Errorf("%v: fresh for ever", d)
			}
		}
		w.at(-time.Hour)
		w.enrolApp("ann@clinic.example")
		b := browser{}
		w.enter(b, w.club, "ann")
		if w.do("POST", "/auth/sign-in/totp", b, `{"attempt": "`+b[oidc.AttemptCookie].Reveal()+`", "response": "right"}`); !w.fresh(b) {
			t.Error("a second factor that was proved now is not fresh")
		}
	})
}
