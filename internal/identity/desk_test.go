package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// doors are the routes of the desk with bodies that would do something to the account {id}.
var doors = []struct {
	method, path string
	body         map[string]any
}{
	{"GET", "/auth/users", nil},
	{"POST", "/auth/users", map[string]any{"email": "new@example.org", "roles": []string{"admin"}}},
	{"GET", "/auth/users/{id}/explain", nil},
	{"POST", "/auth/users/{id}/state", map[string]any{"state": "disabled"}},
	{"POST", "/auth/users/{id}/roles", map[string]any{"role": "admin"}},
	{"POST", "/auth/users/{id}/roles/revoke", map[string]any{"role": "patient"}},
	{"POST", "/auth/users/{id}/require", map[string]any{"requires": "mfa"}},
	{"GET", "/auth/users/{id}/sessions", nil},
	{"POST", "/auth/users/{id}/sessions/end", map[string]any{}},
	{"POST", "/auth/users/{id}/reset-factors", map[string]any{"reason": "because I can"}},
	{"GET", "/auth/approvals", nil},
	{"POST", "/auth/approvals/{id}", map[string]any{"approve": true}},
}

// TestNobodyRises: every way to more, tried by every role that manages nothing, at others and at oneself, past the edge's own check of
// roles: the desk itself refuses, and nothing has changed.
func TestNobodyRises(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		one, _, ann := w.bosses()
		request := w.wish(one, ann)
		before := w.rows("SELECT account, role, expires FROM fastness_grant ORDER BY account, role")
		for _, role := range []string{"patient", "auditor", "clinician", "keyholder"} {
			email := role + "@example.org"
			own := w.person(email, role)
			b := w.in(email)
			for _, r := range doors {
				for _, id := range []types.ID{ann, own, request, types.RandomID()} {
					route, _ := w.route(r.method, replaceID(r.path, id))
					if route.Access.Roles == 0 || route.Access.SignedIn || route.Access.Public != "" {
						t.Fatalf("%s %s is open beyond roles that manage", r.method, r.path)
					}
					if got := w.past(r.method, replaceID(r.path, id), b, r.body); got.Status != 403 && got.Status != 404 {
						t.Errorf("%s %s as %s answered %d %v", r.method, r.path, role, got.Status, got.JSON)
					}
				}
			}
			if err := w.Revoke(w.ctx(), operator, own, role); err != nil {
				t.Fatal(err)
			}
		}
		if after := w.rows("SELECT account, role, expires FROM fastness_grant ORDER BY account, role"); !slices.EqualFunc(before, after, slices.Equal) {
			t.Fatalf("grants were %v and are %v", before, after)
		}
	})
}

func replaceID(path string, id types.ID) string {
	for i := range path {
		if path[i] == '{' {
			return path[:i] + string(id) + path[i+4:]
		}
	}
	return path
}

// TestTokensDoNotManage: an API token that carries a role which manages does not manage.
func TestTokensDoNotManage(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("boss@example.org", "admin")
		ann := w.person("ann@example.org", "patient")
		b := w.in("boss@example.org")
		r := w.do("POST", "/auth/tokens", b, map[string]any{"name": "ci", "roles": []string{"admin"}, "expires": w.clock.Now().Add(time.Hour)}).want(201)
		program := &browser{bearer: types.NewSecret(r.text("token"))}
		for _, r := range doors {
			if got := w.past(r.method, replaceID(r.path, ann), program, r.body); got.Status != 403 {
				t.Errorf("%s %s with a token answered %d %v", r.method, r.path, got.Status, got.JSON)
			}
		}
	})
}

// TestDesk plays a manager's day over HTTP: invite, look, grant until a time, demand, end, disable, and a role of two persons.
func TestDesk(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		w.bosses()
		one, two := w.in("one@example.org"), w.in("two@example.org")
		id, _ := w.do("POST", "/auth/users", one, map[string]any{"email": "ann@new.example", "roles": []string{"admin", "vault"}}).want(201).JSON["id"].(string)
		at := "/auth/users/" + id
		if w.mails.last(t, "ann@new.example", "invite"); w.holds(types.ID(id), "vault") || !w.holds(types.ID(id), "admin") {
			t.Fatal("an invitation gave a role of two persons")
		}
		waiting := w.do("GET", "/auth/approvals", two, nil).want(200).JSON["items"].([]any)
		if len(waiting) != 1 || waiting[0].(map[string]any)["account"] != id {
			t.Fatalf("what waits: %v", waiting)
		}
		request := waiting[0].(map[string]any)["id"].(string)
		w.do("POST", "/auth/approvals/"+request, one, map[string]any{"approve": true}).want(403)
		w.do("POST", "/auth/approvals/"+request, two, map[string]any{"approve": true}).want(200)
		if !w.holds(types.ID(id), "vault") {
			t.Fatal("an approved role is not held")
		}
		if r := w.do("POST", at+"/roles", one, map[string]any{"role": "vault", "until": w.clock.Now().Add(time.Hour)}).want(200); r.text("status") != "waits" || r.text("request") == "" {
			t.Fatalf("asking again answered %v", r.JSON)
		}
		w.do("POST", "/auth/users/"+string(types.RandomID())+"/roles", one, map[string]any{"role": "admin"}).want(404)
		w.do("POST", "/auth/users/"+string(types.RandomID())+"/sessions/end", one, map[string]any{}).want(404)
		w.do("POST", at+"/roles", one, map[string]any{"role": "patient"}).want(403) // which he lacks
		w.do("POST", at+"/require", one, map[string]any{"requires": "mfa"}).want(200)
		lines := w.do("GET", at+"/explain", one, nil).want(200).JSON["lines"].([]any)
		if !slices.ContainsFunc(lines, func(l any) bool {
			return l == "an operator demands a second factor of it: its roles are dormant without"
		}) {
			t.Fatalf("explained as %v", lines)
		}
		w.do("GET", at+"/sessions", one, nil).want(200)
		w.do("POST", at+"/state", one, map[string]any{"state": "disabled"}).want(200)
		users := w.do("GET", "/auth/users", one, nil).want(200).JSON["items"].([]any)
		if !slices.ContainsFunc(users, func(u any) bool {
			one := u.(map[string]any)
			return one["id"] == id && one["state"] == "disabled" && one["email"] == "ann@new.example"
		}) {
			t.Fatalf("listed are %v", users)
		}
		w.do("POST", at+"/state", one, map[string]any{"state": "active"}).want(200)
		w.do("POST", at+"/roles/revoke", one, map[string]any{"role": "vault"}).want(200)
		w.clock.Advance(6 * time.Minute)
		w.do("POST", at+"/roles/revoke", one, map[string]any{"role": "admin"}).want(403) // not freshly proved
	})
}

// TestDeskDescribesItsRefusals: with what code the desk refuses a manager, at himself and at somebody mightier, stands at the route in
// /openapi.json.
func TestDeskDescribesItsRefusals(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		boss, mighty := w.person("boss@example.org", "admin"), w.person("mighty@example.org", "admin", "auditor")
		codes := map[string]int{}
		for _, r := range doors {
			for _, id := range []types.ID{boss, mighty} {
				path := replaceID(r.path, id)
				got := w.do(r.method, path, w.in("boss@example.org"), r.body)
				if got.Status != 403 && got.Status != 409 {
					continue
				}
				codes[got.Code]++
				if route, _ := w.route(r.method, path); !slices.Contains(route.Errors, got.Code) {
					t.Errorf("%s %s answers %s, which is not described", r.method, r.path, got.Code)
				}
			}
		}
		if codes["own_account"] != 3 || codes["role_not_held"] < 3 {
			t.Errorf("refused were %v, want demands, factors and state of both", codes)
		}
	})
}

// TestExpiredGrantDies: a role until Friday is gone on Saturday, in open sessions and in API tokens, without anybody's hand.
func TestExpiredGrantDies(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		if err := w.Grant(w.ctx(), operator, id, "auditor", w.clock.Now().Add(20*time.Minute)); err != nil {
			t.Fatal(err)
		}
		b := w.in("ann@example.org")
		r := w.do("POST", "/auth/tokens", b, map[string]any{"name": "ci", "roles": []string{"auditor"}, "expires": w.clock.Now().Add(time.Hour)}).want(201)
		program := &browser{bearer: types.NewSecret(r.text("token"))}
		roles := func(b *browser) []any { return w.do("GET", "/auth/session", b, nil).want(200).JSON["roles"].([]any) }
		w.clock.Advance(19 * time.Minute)
		if len(roles(b)) != 2 || len(roles(program)) != 1 {
			t.Fatal("the role ended before its time")
		}
		w.clock.Advance(time.Minute)
		if have := roles(b); len(have) != 1 || have[0] != "patient" {
			t.Fatalf("a session has %v after the grant expired", have)
		}
		if have := roles(program); len(have) != 0 {
			t.Fatalf("a token has %v after the grant expired", have)
		}
	})
}

// TestErased: an erased account is refused at every door and never comes back.
func TestErased(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		r := w.do("POST", "/auth/tokens", b, map[string]any{"name": "ci", "roles": []string{"patient"}, "expires": w.clock.Now().Add(time.Hour)}).want(201)
		program := &browser{bearer: types.NewSecret(r.text("token"))}
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		link := secretOf(t, w.mails.last(t, "ann@example.org", "recover").Link)
		if err := w.DB().Write(w.ctx(), func(tx store.Tx) error { return w.Accounts().Erase(w.ctx(), tx, id) }); err != nil {
			t.Fatal(err)
		}
		if w.alive(b) || w.alive(program) {
			t.Fatal("a session or a token outlived the erasure")
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		if r := w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": "a new password of mine"}); r.Status == 200 {
			t.Fatal("an old link opens an erased account")
		}
		for what, err := range map[string]error{"enable": w.Enable(w.ctx(), operator, id), "disable": w.Disable(w.ctx(), operator, id),
			"reset": w.ResetFactors(w.ctx(), operator, id, "asked for in person")} {
			if types.CodeOf(err) != "account_erased" {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := w.Ask(w.ctx(), operator, id, "auditor", time.Time{}); types.CodeOf(err) != "account_erased" {
			t.Errorf("a role: %v", err)
		}
		for what, change := range map[string]func(tx store.Tx) error{
			"state":    func(tx store.Tx) error { return w.Accounts().SetState(w.ctx(), tx, id, "active") },
			"password": func(tx store.Tx) error { return w.Accounts().SetPassword(w.ctx(), tx, id, types.NewSecret("$x$")) },
			"address":  func(tx store.Tx) error { return w.Accounts().SetEmail(w.ctx(), tx, id, "ann@example.org", true) },
			"factor":   func(tx store.Tx) error { return w.Accounts().SetFactors(w.ctx(), tx, id, types.TOTP, 1) },
		} {
			if err := w.DB().Write(w.ctx(), change); err == nil {
				t.Errorf("an erased account got a %s", what)
			}
		}
		if row := w.rows("SELECT state, email, email_key, password FROM fastness_account WHERE id = ?", types.IDValue(id))[0]; !slices.Equal(row, []string{"erased", "NULL", "NULL", "NULL"}) {
			t.Fatalf("left is %v", row)
		}
		w.person("ann@example.org", "patient") // the address is free, and it is another account
	})
}
