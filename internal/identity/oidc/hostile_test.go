package oidc_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// lie is one thing that a hostile provider, or somebody who may name their own claims at an honest one, makes it say.
type lie struct {
	name string
	tell func(w *town, p *provider)
	want oidc.Code // how it ends; "": not_accepted
}

// TestHostileProvider: eve is a person of the provider, ann has an account that is linked to it. Whatever the provider
// says instead of the plain truth about eve, nobody is signed in, no account is made and none is linked. Once it tells
// the truth again, eve gets in: a refusal of everything would show nothing.
func TestHostileProvider(t *testing.T) {
	groups := map[string][]lie{"names": spelledOtherwise(), "json": malformed(), "types": wrongTypes(),
		"values": wrongValues(), "header": headers(), "forms": forms(),
		"keys": wrongKeys(), "signatures": wrongSignatures(), "token endpoint": tokenAnswers(), "userinfo": userInfos(),
		"discovery": descriptions()}
	count := 0
	for group, lies := range groups {
		count += len(lies)
		t.Run(group, func(t *testing.T) {
			each(t, func(c *identity.Config) { c.Throttle.Network = 1 << 20 }, func(t *testing.T,
				w *town) {
				w.lies(some(w, lies))
			})
		})
	}
	t.Logf("%d lies, each as a sign-in and as a link", count)
	if count < 200 {
		t.Errorf("only %d lies: where have the others gone?", count)
	}
}

// some is which lies of a group are told: all of them on SQLite. The tokens are refused before a database is asked, so
// on PostgreSQL, and under the race detector, it is one lie of the group, another one each time.
func some(w *town, lies []lie) []lie {
	if w.db.Dialect() == store.SQLite && !hosttest.Race {
		return lies
	}
	one := rand.IntN(len(lies))
	return lies[one : one+1]
}

// honest makes the provider tell the truth about eve, and forget what it said before.
func (w *town) honest() {
	w.club.mu.Lock()
	defer w.club.mu.Unlock()
	w.club.claim, w.club.sign, w.club.keys, w.club.describe = nil, nil, nil, nil
	w.club.handle = map[string]http.HandlerFunc{}
	w.club.people["eve"] = map[string]any{"email": "eve@clinic.example", "email_verified": true, "name": "Eve"}
	w.clock.Advance(2 * time.Hour) // descriptions and keys are asked for again
}

func (w *town) lies(lies []lie) {
	t := w.t
	w.enter(browser{}, w.club, "ann")
	_, mine := w.person("mia@clinic.example")
	w.do("POST", "/auth/sign-out", mine, "")
	accounts, links := len(w.rows("SELECT id FROM fastness_account")),
		len(w.rows("SELECT subject FROM fastness_federated"))
	if links != 1 {
		t.Fatalf("%d links", links)
	}
	for _, l := range lies {
		w.honest()
		l.tell(w, w.club)
		if l.want == "" {
			l.want = oidc.Doubtful
		}
		b := browser{}
		if where := w.attempt(b, "/account/sign-in", func() reply {
			return w.do("GET", "/auth/oidc/club", b,
				"")
		}); where != "/account/sign-in?error="+string(l.want) || !b[""].Empty() {
			t.Errorf("%s: a sign-in ends at %s", l.name, where)
		}
		mine = browser{}
		w.do("POST", "/auth/sign-in", mine, `{"email": "mia@clinic.example", "password": "`+password+`"}`)
		if where := w.attempt(mine, "/account/factors", func() reply {
			return w.do("POST", "/auth/oidc/club/link", mine,
				`{"return": "/account/factors"}`)
		}); where != "/account/factors?error="+string(l.want) {
			t.Errorf("%s: a link ends at %s", l.name, where)
		}
		if a, n := len(w.rows("SELECT id FROM fastness_account")),
			len(w.rows("SELECT subject FROM fastness_federated")); a != accounts || n != links {
			t.Fatalf("%s: there are %d accounts and %d links", l.name, a, n)
		}
	}
	w.honest()
	w.club.people["eva"] = map[string]any{"email": "eva@clinic.example", "email_verified": true}
	mine = browser{}
	w.do("POST", "/auth/sign-in", mine, `{"email": "mia@clinic.example", "password": "`+password+`"}`)
	if where := w.back(mine, w.club, w.club.authorise(w.link(mine, w.club), "eva")); where != "/account/factors" {
		t.Errorf("the truth: a link ends at %s", where)
	}
	b := browser{}
	if where := w.enter(b, w.club, "eve"); where != "/account/" || b[""].Empty() {
		t.Errorf("the truth: a sign-in ends at %s", where)
	}
}

// attempt goes as eve through what begin begins, and tells where it ends. A description that is refused refuses the
// beginning.
func (w *town) attempt(b browser, page string, begin func() reply) string {
	w.t.Helper()
	r := begin()
	if r.code != "" {
		return page + "?error=" + r.code
	}
	where := r.where
	if to, ok := r.body["location"].(string); ok {
		where = to
	}
	return w.back(b, w.club, w.club.authorise(where, "eve"))
}

// payload changes the text of the claims before it is signed with the provider's own key.
func payload(name string, change func(text string) string) lie {
	return lie{name: name, tell: func(_ *town, p *provider) {
		p.sign = func(c []byte) string { return rs256([]byte(change(string(c)))) }
	}}
}

// added puts members at the end of the claims, or at their beginning.
func added(members string) lie {
	return payload("… "+members, func(text string) string {
		return strings.TrimSuffix(text,
			"}") + "," + members + "}"
	})
}

func before(members string) lie {
	return payload(members+" …", func(text string) string {
		return "{" + members + "," + strings.TrimPrefix(text,
			"{")
	})
}

// claimed gives a claim another value; nil takes it away.
func claimed(name string, v any) lie {
	return lie{name: fmt.Sprintf("%s: %v", name, v), tell: func(_ *town, p *provider) {
		p.claim = func(c map[string]any) {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		}
	}}
}

// spelledOtherwise: claims of ann's beside eve's own, under names that a reader who does not look at case takes for
// ours.
func spelledOtherwise() []lie {
	out := []lie{added(`"\u017fub":"ann"`), added(`"i\u017fs":"https://other.example"`), added(`"a\u0074_HASH":"x"`),
		added(`"\u0053ub":"ann"`)}
	for name, v := range map[string]string{"sub": `"ann"`, "iss": `"https://other.example"`, "aud": `"fastness"`,
		"azp": `"fastness"`, "nonce": `"x"`, "exp": `9999999999`, "iat": `1`,
		"nbf": `1`, "auth_time": `9999999999`, "at_hash": `"x"`, "email": `"ann@clinic.example"`,
		"email_verified": `true`, "name": `"Ann"`} {
		for _, spelled := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:],
			name[:len(name)-1] + strings.ToUpper(name[len(name)-1:])} {
			out = append(out, added(`"`+spelled+`":`+v), before(`"`+spelled+`":`+v))
		}
	}
	return out
}

// malformed: two readers could read it differently, or it is no object at all.
func malformed() []lie {
	out := []lie{added(`"email":"ann@clinic.example"`), before(`"email_verified":true`), added(`"\u0073ub":"ann"`),
		added(`"other":1,"other":2`), added(`"other":{"a":1,"a":2}`),
		added("\"other\":\"\xff\""), added("\"\xc3\x28\":1"), added(`"other":"\ud800"`), added("\"other\":\"\x01\""),
		added(`"other":01`), added(`"other":NaN`), added(`other:1`), added(`'other':1`), added(``)}
	for _, name := range []string{"sub", "iss", "aud", "nonce", "exp", "iat"} {
		out = append(out, payload(name+" twice, changed last", twice(name, true)), payload(name+" twice, changed first",
			twice(name, false)), payload(name+" twice, alike", func(text string) string {
			return twiceAlike(text,
				name)
		}))
	}
	for name, form := range map[string]string{"two objects": "%s{}", "behind": "%s x", "a NUL behind": "%s\x00",
		"a BOM": "\ufeff%s", "a list": "[%s]", "a comment": "%s//", "text": `"%s"`} {
		out = append(out, payload(name, func(text string) string { return fmt.Sprintf(form, text) }))
	}
	for _, whole := range []string{"", "null", "{}", "true", `"ann"`, "{", "\x00"} {
		out = append(out, payload("all of it: "+whole, func(string) string { return whole }))
	}
	wide := func(text string) string { return "\xfe\xff\x00" + strings.Join(strings.Split(text, ""), "\x00") }
	return append(out, payload("in UTF-16", wide),
		payload("a sub of ann behind", func(text string) string { return text + `{"sub":"ann"}` }))
}

// twice adds a second value of a claim: another one, behind or in front of the true one.
func twice(name string, last bool) func(string) string {
	other := map[string]string{"sub": `"ann"`, "iss": `"https://other.example"`, "aud": `"other"`, "nonce": `"x"`,
		"exp": `9999999999`, "iat": `1`}[name]
	return func(text string) string {
		if last {
			return strings.TrimSuffix(text, "}") + `,"` + name + `":` + other + "}"
		}
		return `{"` + name + `":` + other + "," + strings.TrimPrefix(text, "{")
	}
}

func twiceAlike(text, name string) string {
	var all map[string]json.RawMessage
	json.Unmarshal([]byte(text), &all)
	return strings.TrimSuffix(text, "}") + `,"` + name + `":` + string(all[name]) + "}"
}

// wrongTypes: a claim that is there, but is not what the specification says it is.
func wrongTypes() []lie {
	var out []lie
	for _, v := range []any{7, true, []string{"eve"}, map[string]string{"eve": "eve"}} {
		for _, name := range []string{"sub", "iss", "nonce", "azp", "at_hash", "email", "name"} {
			out = append(out, claimed(name, v))
		}
	}
	for _, v := range []any{7, true, []any{"fastness", 7}, []any{[]string{"fastness"}},
		map[string]string{"fastness": "fastness"}, "fastness,other", []string{}} {
		out = append(out, claimed("aud", v))
	}
	for _, v := range []any{"1796047200", true, []int{1796047200}, map[string]int{"at": 1796047200}, -1796047200, 1e300,
		json.Number("1e999"), json.Number("1796047200000")} {
		for _, name := range []string{"exp", "iat", "nbf", "auth_time"} {
			out = append(out, claimed(name, v))
		}
	}
	for _, v := range []any{1, "yes", "TRUE", []bool{true}, map[string]bool{"true": true}, ""} {
		out = append(out, claimed("email_verified", v))
	}
	return out
}

// wrongValues: of the right type, and not about this sign-in of this person here.
func wrongValues() []lie {
	at := func(name string, d time.Duration) lie {
		return lie{name: name + " " + d.String(), tell: func(w *town, p *provider) {
			p.claim = func(c map[string]any) { c[name] = w.clock.Now().Add(d).Unix() }
		}}
	}
	out := []lie{at("exp", -time.Second), at("exp", 0), at("exp", 400*24*time.Hour), at("iat", 6*time.Minute), at("iat",
		-6*time.Minute), at("iat", 2*time.Hour), at("nbf", time.Hour)}
	for name, values := range map[string][]any{"iss": {"", "https://EXAMPLE.com", "https://example.com",
		"https://example.com/", "null"}, "aud": {"", "Fastness", "fastness ", "other", []string{"other"},
		[]string{"fastness", "other"}},
		"azp": {"", "other", "Fastness"}, "nonce": {"", "x"}, "sub": {"", strings.Repeat("e", 256)}, "at_hash": {"",
			"x", "AAAAAAAAAAAAAAAAAAAAAA"}} {
		for _, v := range values {
			out = append(out, claimed(name, v))
		}
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nonce"} {
		out = append(out, claimed(name, nil))
	}
	return out
}

// through lets the honest endpoint answer and changes its text.
func through(path, name string, change func(text string) string) lie {
	return lie{name: path + ": " + name, tell: func(_ *town, p *provider) {
		p.answers(path, func(rw http.ResponseWriter, r *http.Request) {
			kept := httptest.NewRecorder()
			p.honest(kept, r)
			rw.Write([]byte(change(strings.TrimSpace(kept.Body.String()))))
		})
	}}
}

// member puts a member into an object, behind the others or in front of them.
func member(path, text string) []lie {
	return []lie{through(path, "… "+text, func(s string) string {
		return strings.TrimSuffix(s,
			"}") + "," + text + "}"
	}),
		through(path, text+" …", func(s string) string { return "{" + text + "," + strings.TrimPrefix(s, "{") })}
}

// shapes are answers that are not the one object which they should be.
func shapes(path string) []lie {
	var out []lie
	for name, form := range map[string]string{"two objects": "%s{}", "behind": "%s x", "a list": "[%s]",
		"a BOM": "\ufeff%s", "text": "text %s"} {
		out = append(out, through(path, name, func(s string) string { return fmt.Sprintf(form, s) }))
	}
	return append(append(out, member(path, `"other":1,"other":2`)...), member(path, "\"other\":\"\xff\"")...)
}

func tokenAnswers() []lie {
	const path = "/token"
	out := shapes(path)
	for _, text := range []string{`"ID_TOKEN":"x"`, `"Id_token":"x"`, `"id_token":"x"`, `"access_token":"access-ann"`,
		`"Access_Token":"access-ann"`, `"TOKEN_TYPE":"mac"`} {
		out = append(out, member(path, text)...)
	}
	swap := func(from, to string) lie {
		return through(path, from+" becomes "+to, func(s string) string { return strings.Replace(s, from, to, 1) })
	}
	return append(out, swap(`"id_token":`, `"ID_Token":`), swap(`"id_token":`, `"id_token":7,"was":`),
		swap(`"id_token":`, `"id_token":null,"was":`), swap(`"id_token":"`, `"id_token":" `),
		swap(`"token_type":"Bearer"`, `"token_type":"mac"`),
		swap(`"token_type":"Bearer"`, `"token_type":7`), swap(`"access_token":"access-eve"`, `"access_token":""`),
		swap(`"access_token":"access-eve"`, `"access_token":["access-eve"]`), swap(`{`, `access_token=a&id_token=`))
}

// userInfos: the ID token leaves the address out, and what is asked for is not the truth about eve.
func userInfos() []lie {
	var out []lie
	say := func(code oidc.Code, token map[string]any, text string) {
		out = append(out, lie{text, func(_ *town, p *provider) {
			p.people["eve"] = token
			p.answers("/userinfo", func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte(text)) })
		}, code})
	}
	const rest = `"email":"eve@clinic.example","email_verified":true}`
	for _, text := range []string{`{"sub":"ann",` + rest, `{"Sub":"eve",` + rest, `{` + rest, `{"sub":7,` + rest,
		`{"sub":["eve"],` + rest, `{"sub":"eve","Sub":"ann",` + rest, `{"SUB":"ann","sub":"eve",` + rest,
		`{"sub":"ann","sub":"eve",` + rest, `{"sub":"eve","Email":"ann@clinic.example",` + rest,
		`{"sub":"eve","EMAIL_VERIFIED":true,` + rest, `{"sub":"eve","email":"ann@clinic.example",` + rest,
		`{"sub":"eve",` + rest + `{}`,
		`{"sub":"eve","other":"` + "\xff" + `",` + rest, `eyJhbGciOiJub25lIn0.e30.`, `[{"sub":"eve",` + rest + `]`,
		`{"sub":"eve","email":"eve@clinic.example","email_verified":1}`,
		`{"sub":"eve","email":["eve@clinic.example"],"email_verified":true}`, `null`, ``} {
		say(oidc.Doubtful, nil, text)
	}
	said := func(v any) map[string]any { return map[string]any{"email": "eve@clinic.example", "email_verified": v} }
	say(oidc.Unverified, nil, `{"sub":"eve"}`)
	say(oidc.Unverified, nil, `{"sub":"eve","email":"eve@clinic.example"}`)
	say(oidc.Unverified, nil, `{"sub":"eve","email_verified":true}`)
	say(oidc.Unverified, nil, `{"sub":"eve","email":"","email_verified":true}`)
	say(oidc.Unverified, nil, `{"sub":"eve","email":"eve@clinic.example","email_verified":false}`)
	say(oidc.Unverified, map[string]any{"email": "ann@clinic.example"}, `{"sub":"eve","email_verified":true}`)
	say(oidc.Unverified, said(nil), `{"sub":"eve","email":"eve@clinic.example","email_verified":"false"}`)
	say(oidc.Unverified, said(false), `{"sub":"eve",`+rest)
	say(oidc.Unverified, map[string]any{"email_verified": false}, `{"sub":"eve",`+rest)
	say(oidc.Doubtful, map[string]any{"email": "ann@clinic.example"}, `{"sub":"eve",`+rest)
	say(oidc.Doubtful, said(nil), `{"sub":"ann",`+rest)
	return out
}

// descriptions: what the provider says of itself can be read in two ways, or leads elsewhere.
func descriptions() []lie {
	const path = "/.well-known/openid-configuration"
	out := shapes(path)
	for _, text := range []string{`"issuer":"https://other.example"`, `"Issuer":"https://other.example"`,
		`"JWKS_URI":"https://other.example/keys"`, `"Token_Endpoint":"https://other.example/token"`,
		`"jwks_uri":"https://other.example/keys"`,
		`"Userinfo_endpoint":"https://other.example/"`, `"code_challenge_methods_SUPPORTED":["S256"]`} {
		out = append(out, member(path, text)...)
	}
	for name, values := range map[string][]any{"issuer": {7, nil, "", "https://other.example",
		[]string{"https://example.com"}}, "jwks_uri": {7, nil, "", []string{"https://example.com"},
		"http://example.com/keys"},
		"token_endpoint": {nil, "http://example.com/token", map[string]string{}}, "userinfo_endpoint": {7,
			"http://example.com/userinfo"}, "authorization_response_iss_parameter_supported": {"true"},
		"code_challenge_methods_supported": {"S256"}} {
		for _, v := range values {
			out = append(out, lie{name: fmt.Sprintf("%s: %v", name, v), tell: func(_ *town,
				p *provider) {
				p.describe = func(d map[string]any) { d[name] = v }
			}})
		}
	}
	for i := range out {
		out[i].want = "provider_away"
	}
	return out
}
