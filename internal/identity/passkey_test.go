package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestPasskey plays its life: enrol, sign in without a password, hold a role that asks for it, step up, a second device, rename, remove.
func TestPasskey(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "keyholder")
		b := w.in("ann@example.org")
		other := w.in("ann@example.org")
		phone := w.key(b, "Phone")
		if w.alive(other) || !w.alive(b) {
			t.Fatal("enrolling a passkey ends the other sessions and keeps this one")
		}
		fresh := &browser{}
		attempt, o := w.discover(fresh, phone)
		if len(o.PublicKey.Allow) != 0 || o.PublicKey.UV != "required" || o.PublicKey.RPID != "clinic.example" {
			t.Fatalf("options that name somebody, or ask for less: %+v", o)
		}
		w.touch(fresh, attempt, phone.get(o)).want(200)
		if roles := w.do("GET", "/auth/session", fresh, nil).JSON["roles"].([]any); !slices.Contains(roles, any("keyholder")) {
			t.Fatalf("roles %v after a passkey", roles)
		}
		w.clock.Advance(10 * time.Minute)
		w.do("POST", "/auth/passkeys/options", fresh, nil).want(403)
		challenge := w.do("POST", "/auth/step-up/passkey/options", fresh, nil).want(200)
		w.do("POST", "/auth/step-up/passkey", fresh, map[string]any{"attempt": challenge.text("attempt"), "response": phone.get(phone.options(challenge))}).want(200)
		laptop := w.key(fresh, "Laptop")
		items := w.do("GET", "/auth/passkeys", fresh, nil).JSON["items"].([]any)
		if len(items) != 2 {
			t.Fatalf("%d passkeys", len(items))
		}
		first := items[0].(map[string]any)
		if first["name"] != "Phone" || first["used"] == nil {
			t.Fatalf("listed as %v", first)
		}
		at := "/auth/passkeys/" + first["id"].(string)
		w.do("PATCH", at, fresh, map[string]any{"name": "Old phone"}).want(204)
		w.do("DELETE", at, fresh, nil).want(200)
		w.do("DELETE", at, fresh, nil).want(404)
		lost, o := w.discover(&browser{}, phone)
		w.touch(&browser{}, lost, phone.get(o)).want(401)
		second := &browser{}
		attempt, o = w.discover(second, laptop)
		w.touch(second, attempt, laptop.get(o)).want(200)
	})
}

// TestLastPasskeyStays: who has no password and no provider keeps his last passkey; with another one he may part from it.
func TestLastPasskeyStays(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		phone := w.key(b, "Phone")
		err := w.db.Write(w.ctx(), func(tx store.Tx) error {
			_, err := tx.Exec(w.ctx(), store.SQL(`UPDATE fastness_account SET password = NULL`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		attempt, o := w.discover(b, phone)
		w.touch(b, attempt, phone.get(o)).want(200)
		at := func() string {
			items := w.do("GET", "/auth/passkeys", b, nil).want(200).JSON["items"].([]any)
			return "/auth/passkeys/" + items[0].(map[string]any)["id"].(string)
		}
		w.do("DELETE", at(), b, nil).want(409)
		w.key(b, "Laptop")
		w.do("DELETE", at(), b, nil).want(200)
		w.do("DELETE", at(), b, nil).want(409)
	})
}

// TestPasskeyAfterPassword: an account with a passkey is not entered by its password alone.
func TestPasskeyAfterPassword(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		phone := w.key(w.in("ann@example.org"), "Phone")
		b := &browser{}
		attempt := w.attempt(b, "ann@example.org")
		r := w.do("POST", "/auth/sign-in/passkey/options", b, map[string]any{"attempt": attempt}).want(200)
		w.touch(b, attempt, phone.get(phone.options(r))).want(200)
	})
}

// TestPasskeyIsRefused: every lie of a page or an authenticator that the ceremony must notice, at sign-in.
func TestPasskeyIsRefused(t *testing.T) {
	lies := map[string]func(w *town, a *authenticator, o options) any{
		"another origin": func(_ *town, a *authenticator, o options) any {
			a.origin = "https://clinic.example.evil.example"
			return a.get(o)
		},
		"another port": func(_ *town, a *authenticator, o options) any {
			a.origin = "https://clinic.example:444"
			return a.get(o)
		},
		"plain http":            func(_ *town, a *authenticator, o options) any { a.origin = "http://clinic.example"; return a.get(o) },
		"another relying party": func(_ *town, a *authenticator, o options) any { a.rp = "evil.example"; return a.get(o) },
		"user not verified":     func(_ *town, a *authenticator, o options) any { a.flags = present; return a.get(o) },
		"user not present":      func(_ *town, a *authenticator, o options) any { a.flags = verified; return a.get(o) },
		"another challenge": func(_ *town, a *authenticator, o options) any {
			o.PublicKey.Challenge = b64(make([]byte, 32))
			return a.get(o)
		},
		"another key": func(_ *town, a *authenticator, o options) any {
			b := newAuthenticator(a.t)
			a.key = b.key
			return a.get(o)
		},
		"a counter gone back": func(_ *town, a *authenticator, o options) any { a.counter = 0; return a.get(o) },
		"somebody else's handle": func(_ *town, a *authenticator, o options) any {
			a.handle = []byte("06h0qraq0135k9s7ehd3n956ec")
			return a.get(o)
		},
		"an unknown credential": func(_ *town, a *authenticator, o options) any { a.id = make([]byte, 32); return a.get(o) },
		"too late":              func(w *town, a *authenticator, o options) any { w.clock.Advance(11 * time.Minute); return a.get(o) },
		"a registration":        func(_ *town, a *authenticator, o options) any { return a.create(o) },
		"nothing":               func(*town, *authenticator, options) any { return map[string]any{} },
		"no object":             func(*town, *authenticator, options) any { return "right" },
	}
	each(t, func(c *identity.Config) { patient(c); c.Factors = nil }, func(t *testing.T, w *town) {
		n := 0
		for name, lie := range lies {
			n++
			email := fmt.Sprintf("ann%d@example.org", n) // each lie is about an account of its own
			t.Run(name, func(t *testing.T) {
				w.person(email, "patient")
				phone := w.key(w.in(email), "Phone")
				phone.t = t
				b := &browser{}
				attempt, o := w.discover(b, phone)
				if r := w.touch(b, attempt, lie(w, phone, o)); r.Status != 401 || !b.session.Empty() {
					t.Fatalf("answered %d %s", r.Status, r.Code)
				}
			})
		}
		w.person("ann@example.org", "patient")
		phone := w.key(w.in("ann@example.org"), "Phone")
		b := &browser{}
		attempt, o := w.discover(b, phone)
		if r := w.touch(b, attempt, phone.get(o)); r.Status != 200 || b.session.Empty() {
			t.Errorf("the truth is answered %d %s", r.Status, r.Code)
		}
	})
}

// TestPasskeyReplay: a response that was seen on the wire opens nothing, with its own attempt or a new one.
func TestPasskeyReplay(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		phone := w.key(w.in("ann@example.org"), "Phone")
		b := &browser{}
		attempt, o := w.discover(b, phone)
		response := phone.get(o)
		w.touch(b, attempt, response).want(200)
		w.touch(&browser{}, attempt, response).want(401)
		again, _ := w.discover(&browser{}, phone)
		w.touch(&browser{}, again, response).want(401)
	})
}

// TestPasskeyEnrolmentIsRefused: what a registration must not be.
func TestPasskeyEnrolmentIsRefused(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("eve@example.org", "patient")
		b := w.in("ann@example.org")
		enrol := func(b *browser, a *authenticator, o options) *reply {
			return w.do("POST", "/auth/passkeys", b, map[string]any{"name": "X", "response": a.create(o)})
		}
		offer := func(b *browser, a *authenticator) options {
			return a.options(w.do("POST", "/auth/passkeys/options", b, nil).want(200))
		}
		a := newAuthenticator(t)
		if o := offer(b, a); o.PublicKey.Selection.UV != "required" || o.PublicKey.Selection.Key != "required" {
			t.Fatalf("the options ask for less: %+v", o)
		}
		a.flags = present
		enrol(b, a, offer(b, a)).want(422)
		a.flags, a.origin = present|verified, "https://evil.example"
		enrol(b, a, offer(b, a)).want(422)
		a.origin = "https://clinic.example"
		o := offer(b, a)
		w.clock.Advance(6 * time.Minute)
		enrol(b, a, o).want(409)
		b = w.in("ann@example.org")
		o = offer(b, a)
		enrol(b, a, o).want(200)
		if r := enrol(b, a, o); r.Status != 409 || r.Code != "no_enrolment" {
			t.Fatalf("a challenge that is used up answers %d %s", r.Status, r.Code)
		}
		eve := w.in("eve@example.org")
		r := enrol(eve, a, offer(eve, a))
		if r.Status != 409 || r.Code != "passkey_taken" {
			t.Fatalf("somebody else's credential answered %d %s", r.Status, r.Code)
		}
		w.do("DELETE", "/auth/passkeys/"+w.do("GET", "/auth/passkeys", b, nil).JSON["items"].([]any)[0].(map[string]any)["id"].(string), eve, nil).want(404)
	})
}

// TestPasskeyRowsStayWhereTheyAre: whoever can write the database cannot hand a credential to another account.
func TestPasskeyRowsStayWhereTheyAre(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		ann, eve := w.person("ann@example.org", "patient"), w.person("eve@example.org", "patient")
		w.key(w.in("ann@example.org"), "Phone")
		own := w.key(w.in("eve@example.org"), "Mine")
		if err := w.db.Write(w.ctx(), func(tx store.Tx) error {
			_, err := tx.Exec(w.ctx(), store.SQL(`UPDATE fastness_passkey SET account = ? WHERE account = ?`), types.IDValue(ann), types.IDValue(eve))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		own.handle = []byte(ann)
		b := &browser{}
		attempt, o := w.discover(b, own)
		if r := w.touch(b, attempt, own.get(o)); r.Status == 200 || !b.session.Empty() {
			t.Fatal("a credential that was moved opens another account")
		}
	})
}

// FuzzPasskeyResponse: whatever an authenticator sends, the answer is a refusal and never a fault.
func FuzzPasskeyResponse(f *testing.F) {
	a := newAuthenticator(&testing.T{})
	var o options
	o.PublicKey.Challenge = b64(make([]byte, 32))
	seeds := 0
	for _, v := range []any{a.get(o), a.create(o), map[string]any{}, "x"} {
		text, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		seeds++
	}
	if seeds == 0 {
		f.Fatal("there are no seeds")
	}
	db, err := sqlite.Open(sqlite.Config{Dir: f.TempDir(), Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	storetest.Create(f, db, append(tables(), storetest.Table))
	w := newTown(&testing.T{}, db, func(c *identity.Config) { c.Factors = nil })
	f.Fuzz(func(t *testing.T, response []byte) {
		if !json.Valid(response) {
			return
		}
		w.t = t
		attempt, _ := w.discover(&browser{}, newAuthenticator(t))
		if r := w.touch(&browser{}, attempt, json.RawMessage(response)); r.Status != 401 {
			t.Fatalf("%s answered %d (%v)", response, r.Status, r.Err)
		}
	})
}
