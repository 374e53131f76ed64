package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestHonestSignIn: a newcomer gets an account and a session, comes again to the same one, and nothing of what the provider said is kept but
// the address.
func TestHonestSignIn(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		if where := w.enter(b, w.club, "ann"); where != "/account/" || b[""].Empty() || b["device"].Empty() || !b["oidc"].Empty() {
			t.Fatalf("ends at %s with %v", where, b)
		}
		ann := w.account("ann@clinic.example")
		if ann.State != account.Active || !ann.Verified || !ann.PHC.Empty() || w.rows("SELECT name FROM accounts")[0][0] != "Ann" {
			t.Errorf("%+v", ann)
		}
		me := w.do("GET", "/auth/session", b, "").body
		if fmt.Sprint(me["factors"], me["roles"]) != "[federated] [patient]" {
			t.Errorf("%v", me)
		}
		first := b[""]
		if where := w.enter(b, w.club, "ann"); where != "/account/" || b[""] == first || len(w.rows("SELECT id FROM fastness_session")) != 1 {
			t.Errorf("again: %s, the session that was there before lives on", where)
		}
		if n := len(w.rows("SELECT id FROM fastness_account")); n != 1 {
			t.Errorf("%d accounts", n)
		}
		if up, in := w.evidence(types.SignUp), w.evidence(types.SignIn); up != "federated:club" || in != "federated federated" {
			t.Errorf("evidence %q, %q", up, in)
		}
		if kept := fmt.Sprint(w.rows("SELECT * FROM fastness_federated"), w.rows("SELECT * FROM evidence")); strings.Contains(kept, "clinic.example") || strings.Contains(kept, "access-") || strings.Contains(kept, " ann ") {
			t.Errorf("kept: %s", kept)
		}
	})
}

// TestSubjectsNotAddresses: the address moves to another person at the provider, who gets nothing by it; the person who was here keeps
// his account whatever his address is now.
func TestSubjectsNotAddresses(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.enter(browser{}, w.club, "ann")
		was := w.account("ann@clinic.example").ID
		w.club.people["eve"] = w.club.people["ann"]
		w.club.people["ann"] = map[string]any{"email": "eve@clinic.example", "email_verified": false}
		b := browser{}
		if where := w.enter(b, w.club, "eve"); where != "/account/sign-in?error=account_exists" || !b[""].Empty() {
			t.Errorf("the new holder of the address ends at %s", where)
		}
		if where := w.enter(b, w.club, "ann"); where != "/account/" || w.do("GET", "/auth/session", b, "").body["account"] != string(was) {
			t.Errorf("the person ends at %s", where)
		}
		if where := w.enter(browser{}, w.den, "ann"); where != "/account/sign-in?error=account_exists" {
			t.Errorf("the same subject of another issuer ends at %s", where)
		}
	})
}

// TestAddressOfAnAccount: a provider vouches for the address of somebody who has an account here. He is not let in, and nothing is linked.
func TestAddressOfAnAccount(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id, own := w.person("ann@clinic.example")
		w.do("POST", "/auth/sign-out", own, "")
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Exists)
		if n := len(w.rows("SELECT account FROM fastness_federated")); n != 0 {
			t.Errorf("%d links", n)
		}
		if got := w.evidence(types.SignInFail); got != "oidc:account_exists" {
			t.Errorf("evidence %q", got)
		}
		if r := w.rows("SELECT row_id FROM evidence WHERE event = 'session.refuse'"); len(r) != 1 || r[0][0] != string(id) {
			t.Errorf("evidence names %v", r)
		}
	})
}

func TestUnverifiedAddress(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for _, v := range []any{false, nil, "false"} {
			w.club.people["ann"]["email_verified"] = v
			b := browser{}
			w.refused(b, w.enter(b, w.club, "ann"), oidc.Unverified)
		}
		w.club.people["ann"] = map[string]any{"email": "ann clinic", "email_verified": true}
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Unverified)
	})
}

// TestInvitations: where accounts are made by invitation, a provider makes none, but an invitation to the verified address that still
// waits may be accepted with it, and gives what it promised.
func TestInvitations(t *testing.T) {
	each(t, invite, func(t *testing.T, w *town) {
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Uninvited)
		if _, err := w.Invite(context.Background(), operator, "ann@clinic.example", []string{"clinician"}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(8 * 24 * time.Hour)
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Exists)
		if _, err := w.Invite(context.Background(), operator, "ann@clinic.example", nil); err != nil {
			t.Fatal(err)
		}
		if where := w.enter(b, w.club, "ann"); where != "/account/" || b[""].Empty() {
			t.Errorf("ends at %s", where)
		}
		if acc := w.account("ann@clinic.example"); acc.State != account.Active || !acc.Verified {
			t.Errorf("%+v", acc)
		}
		if me := w.do("GET", "/auth/session", b, "").body; fmt.Sprint(me["dormant"]) != "[clinician]" || fmt.Sprint(me["roles"]) != "[]" {
			t.Errorf("%v", me)
		}
		if n := len(w.rows("SELECT id FROM fastness_link")); n != 0 {
			t.Errorf("%d links by mail are left", n)
		}
	})
}

// TestSecondFactor: who has enrolled a second factor owes it after a provider too.
func TestSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.enter(browser{}, w.club, "ann")
		id := w.account("ann@clinic.example").ID
		if err := w.DB().Write(context.Background(), func(tx store.Tx) error {
			return w.Accounts().SetFactors(context.Background(), tx, id, types.TOTP, 1)
		}); err != nil {
			t.Fatal(err)
		}
		b := browser{}
		r := w.do("GET", "/auth/oidc/club?return=/account/profile", b, "")
		where := w.back(b, w.club, w.club.authorise(r.where, "ann"))
		if where != "/account/sign-in/factor?return=%2Faccount%2Fprofile" || !b[""].Empty() || b[oidc.AttemptCookie].Empty() {
			t.Fatalf("ends at %s, session %v", where, !b[""].Empty())
		}
		w.do("POST", "/auth/sign-in/totp", b, `{"attempt": "`+b[oidc.AttemptCookie].Reveal()+`", "response": "right"}`)
		if me := w.do("GET", "/auth/session", b, "").body; fmt.Sprint(me["factors"]) != "[federated totp]" {
			t.Errorf("%v", me)
		}
	})
}

// TestKnownDevice: a browser that has signed in before is known again, though its device cookie does not come along on the way back from
// another site: its owner is not told of a stranger.
func TestKnownDevice(t *testing.T) {
	told := []string{}
	each(t, func(c *identity.Config) { told = nil; c.Outbox = letters{&told} }, func(t *testing.T, w *town) {
		b := browser{}
		w.enter(b, w.club, "ann")
		w.do("POST", "/auth/sign-out", b, "")
		again := browser{"device": b["device"]}
		q := w.club.authorise(w.start(again, w.club), "ann")
		delete(again, "device")
		if where := w.back(again, w.club, q); where != "/account/" || len(told) != 0 {
			t.Errorf("ends at %s, the owner is told %v", where, told)
		}
		w.do("POST", "/auth/sign-out", again, "")
		if where := w.enter(browser{}, w.club, "ann"); where != "/account/" || len(told) != 1 || told[0] != "sign_in" {
			t.Errorf("a browser not seen before ends at %s, the owner is told %v", where, told)
		}
	})
}

type letters struct{ told *[]string }

func (l letters) Add(_ context.Context, _ store.Tx, m signup.Mail) error {
	*l.told = append(*l.told, string(m.Letter))
	return nil
}

func TestDisabledAccounts(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.enter(browser{}, w.club, "ann")
		id := w.account("ann@clinic.example").ID
		if err := w.Disable(context.Background(), operator, id); err != nil {
			t.Fatal(err)
		}
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Refused)
		if err := w.Enable(context.Background(), operator, id); err != nil {
			t.Fatal(err)
		}
		if where := w.enter(b, w.club, "ann"); where != "/account/" {
			t.Errorf("enabled again, ends at %s", where)
		}
	})
}

// TestReturnPath: a browser comes back to a path of ours, and to nothing that it could read as another's.
func TestReturnPath(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for _, bad := range []string{"//evil.example", "/\\evil.example", "https://evil.example/", "\\\\evil.example", "/\t/evil.example", "evil", "javascript:alert(1)",
			"/a\r\nSet-Cookie: x=y", "/../evil", "/./x", "/a//b", "/%2f/evil.example\\", "/" + strings.Repeat("a", 600), "/#@evil.example", "/\u2025evil", ""} {
			b := browser{}
			r := w.do("GET", "/auth/oidc/club?return="+url.QueryEscape(bad), b, "")
			if where := w.back(b, w.club, w.club.authorise(r.where, "ann")); where != "/account/" {
				t.Errorf("%q leads to %s", bad, where)
			}
		}
		b := browser{}
		r := w.do("GET", "/auth/oidc/club?return="+url.QueryEscape("/notes?sort=-created&x=a%20b"), b, "")
		if where := w.back(b, w.club, w.club.authorise(r.where, "ann")); where != "/notes?sort=-created&x=a%20b" {
			t.Errorf("a path of ours leads to %s", where)
		}
	})
}

// TestUserInfo: an address that the ID token left out is asked for, and believed only if it is about the same person.
func TestUserInfo(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		about := w.club.people["ann"]
		w.club.people["ann"] = nil
		subject := "eve"
		w.club.answers("/userinfo", func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer access-ann" {
				rw.WriteHeader(http.StatusUnauthorized)
			}
			write(rw, map[string]any{"sub": subject, "email": about["email"], "email_verified": true})
		})
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Doubtful)
		subject = "ann"
		if where := w.enter(b, w.club, "ann"); where != "/account/" {
			t.Errorf("ends at %s", where)
		}
		asked := w.club.asked["/userinfo"]
		w.enter(b, w.club, "ann")
		if w.club.asked["/userinfo"] != asked {
			t.Error("a person who is known is asked about")
		}
	})
}

// TestLimits: ends of sign-ins that fail are counted by network; those that succeed are not.
func TestLimits(t *testing.T) {
	each(t, func(c *identity.Config) { c.Throttle.Network = 5 }, func(t *testing.T, w *town) {
		for range 6 {
			if where := w.enter(browser{}, w.club, "ann"); where != "/account/" {
				t.Fatalf("ends at %s", where)
			}
		}
		for n := range 6 {
			b := browser{}
			w.start(b, w.club)
			q := w.club.authorise(w.start(b, w.club), "ann")
			q.Set("code", "guess")
			want := "/account/sign-in?error=provider_refused"
			if n == 5 {
				want = "/account/sign-in?error=too_many_attempts"
			}
			if where := w.back(b, w.club, q); where != want {
				t.Errorf("%d: ends at %s", n, where)
			}
		}
		if n := len(w.club.codes); n != 11 {
			t.Errorf("the provider was asked %d times", n)
		}
	})
}

// TestProviderSaysNo: its refusals, and the person's own, become words of ours; what it writes is not repeated.
func TestProviderSaysNo(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for said, want := range map[string]oidc.Code{"access_denied": oidc.Cancelled, "<script>alert(1)</script>": oidc.Declined, "": oidc.Doubtful} {
			b := browser{}
			q := w.club.authorise(w.start(b, w.club), "ann")
			q.Del("code")
			if said != "" {
				q.Set("error", said)
				q.Set("error_description", "<script>")
			}
			w.refused(b, w.back(b, w.club, q), want)
		}
	})
}
