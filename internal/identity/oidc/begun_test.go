package oidc_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/types"
)

// under is a flow under way against what ends it: the account, the browser in which a provider was asked, another browser of the owner, and the
// session of the first.
type under struct {
	*town
	id           types.ID
	thief, owner browser
	session      types.ID
}

// ends are the acts by which an account is taken back. stays tells that the session in which the flow was begun goes on, with a new token.
var ends = []struct {
	name  string
	stays bool
	act   func(w *under) error
}{
	{"the owner ends that session", false, func(w *under) error { return w.Self().EndSession(w.ctx(), w.who(w.owner), w.session) }},
	{"the owner ends all others", false, func(w *under) error { return w.Self().EndOthers(w.ctx(), w.who(w.owner)) }},
	{"all others are ended from that session", true, func(w *under) error { return w.Self().EndOthers(w.ctx(), w.who(w.thief)) }},
	{"a manager ends that session", false, func(w *under) error { return w.EndSessionOf(w.ctx(), operator, w.id, w.session) }},
	{"a manager ends all", false, func(w *under) error { return w.EndSessionOf(w.ctx(), operator, w.id, "") }},
	{"another password", false, func(w *under) error { w.newPassword(w.owner); return nil }},
	{"another password in that session", true, func(w *under) error { w.newPassword(w.thief); return nil }},
	{"locked by the owner", false, func(w *under) error { w.do("POST", "/auth/lock", w.owner, ""); return nil }},
	{"locked by an operator and opened", false, func(w *under) error {
		if err := w.Identity.Lock(w.ctx(), operator, w.id); err != nil {
			return err
		}
		return w.Enable(w.ctx(), operator, w.id)
	}},
	{"disabled and enabled", false, func(w *under) error {
		if err := w.Disable(w.ctx(), operator, w.id); err != nil {
			return err
		}
		return w.Enable(w.ctx(), operator, w.id)
	}},
	{"factors reset", false, func(w *under) error { return w.ResetFactors(w.ctx(), operator, w.id, "rang me up") }},
	{"moved by an operator", false, func(w *under) error { return w.Move(w.ctx(), operator, w.id, "boss@new.example", "rang me up") }},
	{"another provider in that session", true, func(w *under) error {
		w.den.people["zoe"] = map[string]any{"email": "zoe@clinic.example", "email_verified": true}
		began, err := w.Providers().Link(w.ctx(), w.who(w.thief), "den", "/account/factors")
		if err != nil {
			return err
		}
		b := browser{"": w.thief[""], "oidc": began.Cookie.Value}
		if where := w.back(b, w.den, w.den.authorise(began.Location, "zoe")); where != "/account/factors" {
			w.t.Errorf("the other provider: ends at %s", where)
		}
		w.thief[""] = b[""]
		return nil
	}},
}

func (w *under) ctx() context.Context { return context.Background() }

func (w *under) newPassword(b browser) {
	w.t.Helper()
	if r := w.do("POST", "/auth/password", b, `{"password": "`+password+`", "new_password": "nine lamps on a long quay"}`); r.status != 200 {
		w.t.Fatalf("another password: %+v", r)
	}
}

// who is the caller whom a browser's session makes.
func (w *under) who(b browser) *types.Caller {
	w.t.Helper()
	who, _, err := w.Authenticate(w.ctx(), b[""], false, netip.MustParseAddr("203.0.113.7"), types.RandomID())
	if err != nil {
		w.t.Fatal(err)
	}
	return who
}

// eachEnd runs fn for every act on every database, or for those after which the session goes on.
func eachEnd(t *testing.T, stays bool, fn func(t *testing.T, w *under, act func(), stays bool)) {
	for _, e := range ends {
		if stays && !e.stays {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, town *town) {
				w := &under{town: town, owner: browser{}}
				w.id, w.thief = w.person("boss@clinic.example")
				w.do("POST", "/auth/sign-in", w.owner, `{"email": "boss@clinic.example", "password": "`+password+`"}`)
				w.session = w.who(w.thief).Session
				fn(t, w, func() {
					if err := e.act(w); err != nil {
						t.Error(err)
					}
				}, e.stays)
			})
		})
	}
}

// TestLinkEndsWithItsEpoch: a link that was begun before an account was taken back is not made after it, be the act before the browser comes back or
// while the provider is asked about the person. That the session goes on, in the owner's browser, does not help.
func TestLinkEndsWithItsEpoch(t *testing.T) {
	eachEnd(t, false, func(t *testing.T, w *under, act func(), stays bool) {
		before := w.links()
		q := w.club.authorise(w.link(w.thief, w.club), "ann")
		cookie := w.thief["oidc"]
		act()
		w.thief["oidc"] = cookie
		more := w.links() - before
		if where := w.back(w.thief, w.club, q); where != "/account/factors?error=begin_again" {
			t.Errorf("ends at %s", where)
		}
		if n := w.links() - before; n != more {
			t.Errorf("%d links are new, want %d", n, more)
		}
		if in := w.do("GET", "/auth/session", w.thief, "").status == 200; in != stays {
			t.Errorf("its session goes on: %v", in)
		}
	})
}

// TestLinkUnderWay: the account is taken back while the provider answers who the person is, after the session was seen.
func TestLinkUnderWay(t *testing.T) {
	eachEnd(t, false, func(t *testing.T, w *under, act func(), _ bool) {
		w.club.people["ann"] = map[string]any{"email": "ann@clinic.example"}
		q := w.club.authorise(w.link(w.thief, w.club), "ann")
		presented := browser{"": w.thief[""], "oidc": w.thief["oidc"]}
		asked := false
		w.club.answers("/userinfo", func(rw http.ResponseWriter, r *http.Request) {
			asked = true
			act()
			write(rw, map[string]any{"sub": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer access-"), "email": "ann@clinic.example", "email_verified": true})
		})
		w.callback(presented, w.club.name, q.Encode())
		if !asked {
			t.Fatal("the provider was not asked about the person")
		}
		for _, r := range w.rows("SELECT issuer FROM fastness_federated") {
			if r[0] == w.club.issuer {
				t.Error("it is linked")
			}
		}
	})
}

// callback brings a browser back whose request may be refused as a whole.
func (w *under) callback(b browser, provider, query string) {
	w.t.Helper()
	if r := w.do("GET", "/auth/oidc/"+provider+"/callback?"+query, b, ""); r.status == 303 && !strings.Contains(r.where, "error=") {
		w.t.Errorf("ends at %s", r.where)
	}
}

// TestStepUpEndsWithItsEpoch: a proof that was asked for before an account was taken back freshens nothing after it. Where the session ends with the
// act, TestStepUpStaysInItsSession shows the same.
func TestStepUpEndsWithItsEpoch(t *testing.T) {
	eachEnd(t, true, func(t *testing.T, w *under, act func(), _ bool) {
		if where := w.back(w.thief, w.club, w.club.authorise(w.link(w.thief, w.club), "ann")); where != "/account/factors" {
			t.Fatalf("linking ends at %s", where)
		}
		w.owner = browser{}
		w.do("POST", "/auth/sign-in", w.owner, `{"email": "boss@clinic.example", "password": "`+password+`"}`)
		w.session = w.who(w.thief).Session
		q := w.club.authorise(w.again(w.thief, w.club), "ann")
		cookie := w.thief["oidc"]
		act()
		w.thief["oidc"] = cookie
		where := w.back(w.thief, w.club, q)
		if !strings.HasPrefix(where, "/account/step-up?") || !strings.HasSuffix(where, "error=begin_again") {
			t.Errorf("ends at %s", where)
		}
		if got := w.evidence(types.StepUp); got != "oidc:begin_again" {
			t.Errorf("evidence %q", got)
		}
	})
}
