package oidc_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// link begins to link in a browser and returns where the provider is.
func (w *town) link(b browser, p *provider) string {
	w.t.Helper()
	r := w.do("POST", "/auth/oidc/"+p.name+"/link", b, `{"return": "/account/factors"}`)
	where, _ := r.body["location"].(string)
	if where == "" {
		w.t.Fatalf("link: %+v", r)
	}
	return where
}

func (w *town) links() int { return len(w.rows("SELECT account FROM fastness_federated")) }

// TestLink: an account is linked from its session; every other session ends, this one gets a new token, and from then on the provider is a
// way in. Parting takes it back.
func TestLink(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id, b := w.person("boss@clinic.example")
		other := browser{}
		w.do("POST", "/auth/sign-in", other, `{"email": "boss@clinic.example", "password": "`+password+`"}`)
		before := b[""]
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann")); where != "/account/factors" {
			t.Fatalf("ends at %s", where)
		}
		if b[""] == before || w.do("GET", "/auth/session", b, "").status != 200 || w.do("GET", "/auth/session", other, "").code != "credential_invalid" {
			t.Error("the sessions are not what they should be")
		}
		if got := w.evidence(types.FactorAdd); got != "federated" {
			t.Errorf("evidence %q", got)
		}
		in := browser{}
		if where := w.enter(in, w.club, "ann"); where != "/account/" || w.do("GET", "/auth/session", in, "").body["account"] != string(id) {
			t.Errorf("in by the provider: %s", where)
		}
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann")); where != "/account/factors?error=linked_already" {
			t.Errorf("twice: %s", where)
		}
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "eve")); where != "/account/factors?error=address_unverified" {
			t.Errorf("without an address: %s", where)
		}
		w.club.people["eve"] = w.club.people["ann"]
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "eve")); where != "/account/factors?error=linked_already" {
			t.Errorf("another person of the provider: %s", where)
		}
		if r := w.do("DELETE", "/auth/oidc/club/link", b, ""); r.status != 200 || w.links() != 0 {
			t.Errorf("parting: %+v", r)
		}
		if got := w.evidence(types.FactorRemove); got != "federated" || w.do("GET", "/auth/session", in, "").code != "credential_invalid" {
			t.Errorf("evidence %q", got)
		}
		if w.enter(in, w.club, "ann"); w.do("GET", "/auth/session", in, "").body["account"] == string(id) {
			t.Error("after parting the provider is still a way in")
		}
	})
}

// TestLinkStaysInItsSession: between the beginning and the end somebody else signed in, or nobody is signed in any more.
func TestLinkStaysInItsSession(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		_, ben := w.person("ben@clinic.example")
		_, cat := w.person("cat@clinic.example")
		q := w.club.authorise(w.link(ben, w.club), "ann")
		cat["oidc"] = ben["oidc"]
		if where := w.back(cat, w.club, q); where != "/account/factors?error=begin_again" || w.links() != 0 {
			t.Errorf("in another's session: ends at %s with %d links", where, w.links())
		}
		q = w.club.authorise(w.link(ben, w.club), "ann")
		if where := w.back(browser{"oidc": ben["oidc"]}, w.club, q); where != "/account/factors?error=begin_again" || w.links() != 0 {
			t.Errorf("in no session: ends at %s with %d links", where, w.links())
		}
	})
}

func TestLinkNeedsFreshness(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		_, b := w.person("ben@clinic.example")
		w.clock.Advance(6 * time.Minute)
		for _, verb := range []string{"POST", "DELETE"} {
			if r := w.do(verb, "/auth/oidc/club/link", b, "{}"); r.code != "step_up_required" {
				t.Errorf("%s: %+v", verb, r)
			}
			if r := w.do(verb, "/auth/oidc/club/link", browser{}, "{}"); r.code != "sign_in_required" {
				t.Errorf("%s, signed out: %+v", verb, r)
			}
		}
	})
}

// TestNobodyIsLinkedAway: a person of a provider who has an account here is not linked to another.
func TestNobodyIsLinkedAway(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.enter(browser{}, w.club, "ann")
		owner := w.rows("SELECT account FROM fastness_federated")[0][0]
		_, b := w.person("ben@clinic.example")
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann")); where != "/account/factors?error=linked_elsewhere" {
			t.Errorf("ends at %s", where)
		}
		if now := w.rows("SELECT account FROM fastness_federated"); len(now) != 1 || now[0][0] != owner {
			t.Errorf("linked to %v, was %s", now, owner)
		}
	})
}

// TestLastWayIn: an account is not parted from the only thing that opens it.
func TestLastWayIn(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		w.enter(b, w.club, "ann")
		if r := w.do("DELETE", "/auth/oidc/club/link", b, ""); r.code != "last_way_in" || w.links() != 1 {
			t.Errorf("%+v, %d links", r, w.links())
		}
		w.den.people["zoe"] = map[string]any{"email": "zoe@clinic.example", "email_verified": true}
		if where := w.back(b, w.den, w.den.authorise(w.link(b, w.den), "zoe")); where != "/account/factors" {
			t.Fatalf("ends at %s", where)
		}
		if r := w.do("GET", "/auth/oidc/links", b, ""); r.status != 200 || len(r.body["items"].([]any)) != 2 {
			t.Errorf("%+v", r)
		}
		if r := w.do("DELETE", "/auth/oidc/club/link", b, ""); r.status != 200 || w.links() != 1 {
			t.Errorf("with another way in: %+v", r)
		}
	})
}
