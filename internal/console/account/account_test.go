package account_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLinkGetUsesNothingUp: scanners of mail follow links. However often one is opened, it goes on working until its form was sent, and
// then never again. Its secret leaves the address at once.
func TestLinkGetUsesNothingUp(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.browser()
		ann.post("/account/sign-up", "email", "ann@clinic.example", "password", password).leads("/account/check-mail")
		link := h.letter("ann@clinic.example")
		for range 3 {
			scanner := h.browser()
			scanner.get(link).leads("/account/confirm")
			scanner.get("/account/confirm").says(200, "Confirm the address")
			scanner.ask("HEAD", link, nil)
			scanner.get("/account/").leads("/account/sign-in?return=%2Faccount%2F")
		}
		ann.get(link).leads("/account/confirm")
		secret := link[strings.Index(link, "=")+1:]
		if page := ann.get("/account/confirm"); strings.Contains(page.text, secret) {
			t.Error("the page shows the link's secret")
		}
		ann.post("/account/confirm").leads("/account/")
		other := h.browser()
		other.get(link).leads("/account/confirm")
		other.post("/account/confirm").says(422, "too old")
	})
}

// changes are the pages that change how somebody proves himself, with what their forms send.
var changes = map[string][]string{"/account/factors/app": {}, "/account/factors/codes": {}, "/account/email": {"email", "new@clinic.example"},
	"/account/tokens/new": {"name", "t", "role[]", "patient", "reach", "all", "days", "7"}, "/account/factors/app/remove": {},
	"/account/factors/app/confirm": nil, "/account/factors/passkeys/add": nil, "/account/factors/passkeys/00000000000000000000000000/remove": {}}

// TestChangesDemandAFreshProof: whoever finds an open window can look and not change: each change leads to the page that asks for a
// proof, and after it to where the person was going.
func TestChangesDemandAFreshProof(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		for path, form := range changes {
			h.clock.Advance(6 * time.Minute)
			ask := "/account/step-up?return=" + url.QueryEscape(path)
			ann.get(path).leads(ask)
			if form != nil {
				ann.post(path, form...).leads(ask)
			}
			ann.get("/account/factors").says(200, "Off")
			if text := ann.get("/account/tokens").text; !strings.Contains(text, "No token yet") {
				t.Fatalf("%s made a token for somebody who proved nothing", path)
			}
			ann.post("/account/step-up", "factor", "password", "password", "wrong", "return", path).says(422, "This password is not right")
			ann.get(path).leads(ask)
			ann.post("/account/step-up", "factor", "password", "password", password, "return", path).leads(path)
			if r := ann.get(path); r.status != 200 && r.status != 404 && r.to != "/account/factors/app" { // where nothing waits for its first code
				t.Errorf("%s after a proof: %d to %s", path, r.status, r.to)
			}
		}
	})
}

// TestStaleWindowShowsNoSecret: a wrong first code shows the picture again, but not to whoever finds the window open later.
func TestStaleWindowShowsNoSecret(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		ann.post("/account/factors/app").leads("/account/factors/app/confirm")
		ann.get("/account/factors/app/confirm").says(200, `class="qr"`)
		ann.post("/account/factors/app/confirm", "code", "000000").says(422, `class="qr"`)
		h.clock.Advance(6 * time.Minute)
		ann.post("/account/factors/app/confirm", "code", "000000").leads("/account/factors/app/confirm")
		ann.get("/account/factors/app/confirm").leads("/account/step-up?return=%2Faccount%2Ffactors%2Fapp%2Fconfirm")
	})
}

// TestEveryChangeOfFactorsIsListed: a page that could change factors and does not demand a fresh proof would be missed by the test above.
func TestEveryChangeOfFactorsIsListed(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		lax := map[string]string{"/account/factors/app/confirm": "ends what a fresh proof began, by a code of the new app", "/account/factors/passkeys/add": "ends what a fresh proof began: options are given to fresh sessions only",
			"/account/factors/passkeys/{id}": "a name proves nothing"}
		for _, r := range h.app.Routes() {
			if r.Method != "POST" || !strings.HasPrefix(r.Path, "/account/factors/") || lax[r.Path] != "" {
				continue
			}
			if r.Access.Fresh == 0 || r.Access.Fresh > 5*time.Minute {
				t.Errorf("%s demands no fresh proof", r.Path)
			}
		}
	})
}

// TestWayBack: after signing in a person is where he was going, if that is here.
func TestWayBack(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		h.person("ann@clinic.example", "patient")
		b := h.browser()
		b.get("/account/tokens").leads("/account/sign-in?return=%2Faccount%2Ftokens")
		b.get("/account/sign-in?return=%2Faccount%2Ftokens").says(200, `name="return" value="/account/tokens"`)
		for to, want := range map[string]string{"/account/tokens": "/account/tokens", "https://evil.example/": "/account/", "//evil.example": "/account/", "/\\evil.example": "/account/", "/\t/evil.example": "/account/"} {
			h.browser().post("/account/sign-in", "email", "ann@clinic.example", "password", password, "return", to).leads(want)
		}
	})
}

// TestRefusalsArePages: a person gets a page or a detour, a program the problem it knows.
func TestRefusalsArePages(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		ann.get("/account/nothing").says(404, "Not found")
		ann.header.Set("Sec-Fetch-Site", "cross-site")
		ann.post("/account/sign-out").says(403, "did not come from our own pages")
		ann.header.Set("Sec-Fetch-Site", "same-origin")
		ann.get("/account/").says(200, "ann@clinic.example")
		h.clock.Advance(24 * time.Hour)
		over := ann.get("/account/profile").leads("/account/sign-in?return=%2Faccount%2Fprofile")
		if !strings.Contains(strings.Join(over.header.Values("Set-Cookie"), ";"), "Max-Age=0") {
			t.Error("the session that is over stays in the browser")
		}
		ann.get("/account/sign-in").says(200, "Your session has ended")
		if text := ann.get("/account/sign-in").text; strings.Contains(text, "Your session has ended") {
			t.Error("the notice is said twice")
		}
		program := h.browser()
		program.header.Set("Accept", "application/json")
		program.get("/account/profile").says(401, "sign_in_required")
		program.header.Set("Content-Type", "application/json")
		program.ask("POST", "/account/sign-in", url.Values{}).says(400, "bad_json")
	})
}

// TestProgramsHaveNoPages: a bearer token does not open pages, whose answers would lose the token that replaces it.
func TestProgramsHaveNoPages(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		acc, err := h.app.Identity.Find(context.Background(), operator, "ann@clinic.example")
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.app.Identity.DevSession(context.Background(), operator, acc.ID)
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser()
		b.header.Set("Authorization", "Bearer "+s.Token.Reveal())
		b.get("/account/").says(403, "Not allowed")
		b.post("/account/factors/codes").says(403, "Not allowed")
		ann.get("/account/").says(200, "")
	})
}

// TestPagesTellNothing: signing up and recovering answer alike whether or not the address has an account, and so does signing in.
func TestPagesTellNothing(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		h.person("ann@clinic.example", "patient")
		for _, path := range []string{"/account/sign-up", "/account/recover"} {
			var seen []string
			for _, email := range []string{"ann@clinic.example", "nobody@clinic.example"} {
				r := h.browser().post(path, "email", email, "password", password).leads("/account/check-mail")
				r.header.Del("X-Request-Id")
				r.header.Del("Date")
				sealed := regexp.MustCompile(`sign-up=[\w-]+`) // random, and of one length
				seen = append(seen, r.text+sealed.ReplaceAllStringFunc(strings.Join(r.header.Values("Set-Cookie"), ";"), func(s string) string { return fmt.Sprint("sign-up, ", len(s)) }))
			}
			if seen[0] != seen[1] {
				t.Errorf("%s tells: %q", path, seen)
			}
		}
		known := h.browser().post("/account/sign-in", "email", "ann@clinic.example", "password", "wrong").says(422, "The address or the password is not right")
		unknown := h.browser().post("/account/sign-in", "email", "abc@clinic.example", "password", "wrong").says(422, "The address or the password is not right")
		if strings.ReplaceAll(known.text, "ann@", "abc@") != unknown.text {
			t.Error("the page of a refused sign-in tells whether the address has an account")
		}
	})
}

// TestProfile: only what the rules let an owner change is offered, only what changed is named, and what changed meanwhile is not lost.
func TestProfile(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		text := ann.get("/account/profile").says(200, "profile-name").text
		if strings.Contains(text, "profile-ward") || strings.Contains(text, "profile-beds") {
			t.Errorf("a field that no rule lets her change is offered: %s", text)
		}
		ann.post("/account/profile", "profile-name", "Ann <b>", "profile-ward", "West", "profile-beds", "3").leads("/account/profile")
		ann.get("/account/profile").says(200, `value="Ann &lt;b&gt;"`)
		if text := ann.get("/account/profile").text; strings.Contains(text, "West") {
			t.Error("a field outside the rules was written")
		}
		ann.post("/account/profile", "profile-name", strings.Repeat("x", 121)).says(422, "Use at most 120 characters")
		ann.post("/account/profile", "profile-name", "Late", "etag", `"older"`).says(422, "changed meanwhile")
		nurse := h.person("nina@clinic.example", "nurse")
		nurse.get("/account/profile").says(200, "profile-beds")
		nurse.post("/account/profile", "profile-name", "", "profile-beds", "7").leads("/account/profile") // one rule grants beds, another the name
		nurse.post("/account/profile", "profile-name", "", "profile-beds", "12").says(422, "profile-beds")
		nurse.post("/account/profile", "profile-name", "", "profile-beds", "many").says(422, "wrong form")
	})
}

// TestSessionsArePersonal: ids of others end nothing.
func TestSessionsArePersonal(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient")
		page := bob.get("/account/sessions").text
		id := page[strings.Index(page, `name="id" value="`)+len(`name="id" value="`):][:26]
		ann.post("/account/sessions/end", "id", id).leads("/account/sessions")
		ann.post("/account/sessions/end-others").leads("/account/sessions")
		bob.get("/account/").says(200, "bob@clinic.example")
		bob.post("/account/sessions/end", "id", id).leads("/account/sign-in")
		bob.get("/account/").leads("/account/sign-in?return=%2Faccount%2F")
	})
}

// TestRoot: the bare address leads to the pages; every page and asset carries the policy of pages.
func TestRoot(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.get("/").leads("/account/")
		b.get("/account").leads("/account/")
		text := b.get("/account/sign-in").says(200, `<html lang="en">`).text
		style := text[strings.Index(text, "/account/assets/style-"):]
		style = style[:strings.Index(style, `"`)]
		r := b.get(style).says(200, "--accent:#0b5a6f")
		if r.header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(r.header.Get("Cache-Control"), "immutable") {
			t.Errorf("the style comes as %v", r.header)
		}
		b.get("/account/assets/nothing.css").says(http.StatusNotFound, "")
	})
}

// TestEveryPageAsksWho: of all pages, those for signed-in people lead everybody else to sign-in, and none takes a form from elsewhere.
func TestEveryPageAsksWho(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, stranger, elsewhere := h.person("ann@clinic.example", "patient"), h.browser(), h.browser()
		elsewhere.client = ann.client
		elsewhere.header = http.Header{"Accept": {"text/html"}, "Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
		pages, forms := 0, 0
		for _, r := range h.app.Routes() {
			if !r.Page || !strings.HasPrefix(r.Path, "/account") || r.Problem == nil {
				continue
			}
			path := strings.NewReplacer("{$}", "", "{rest...}", "x/y", "{id}", "00000000000000000000000000", "{name}", "x").Replace(r.Path)
			if r.Access.SignedIn {
				pages++
				var form url.Values
				if r.Method == "POST" {
					form = url.Values{"id": {"x"}}
				}
				back := stranger.ask(r.Method, path, form)
				if back.status != http.StatusSeeOther || !strings.HasPrefix(back.to, "/account/sign-in?return=") {
					t.Errorf("%s %s: %d to %s", r.Method, path, back.status, back.to)
				}
				if to, _ := url.QueryUnescape(strings.TrimPrefix(back.to, "/account/sign-in?return=")); ann.get(to).status == http.StatusNotFound && !strings.Contains(path, "/x") && !strings.Contains(path, "/0000") {
					t.Errorf("%s %s comes back to %s, which is no page", r.Method, path, to)
				}
			}
			if r.Method == "POST" {
				forms++
				elsewhere.ask("POST", path, url.Values{"id": {"x"}}).says(403, "did not come from our own pages")
			}
		}
		if pages < 30 || forms < 25 {
			t.Errorf("asked %d pages and %d forms only", pages, forms)
		}
		ann.get("/account/").says(200, "You are signed in here only")
	})
}

// TestPasswordHint: what the declaration demands of a password stands beside the field, before anybody has tried, in words of the reader.
func TestPasswordHint(t *testing.T) {
	housesWith(t, "password: {compose: [digit, upper], because: \"an insurer asks for it\"}\n", func(t *testing.T, h *house) {
		ann := h.browser()
		ann.get("/account/sign-up").says(200, "It must contain: digit, capital letter.")
		ann.post("/account/sign-up", "email", "ann@clinic.example", "password", "violet harbour 7 lanterns").says(422, "Use at least one capital letter.")
		ann.header.Set("Accept-Language", "de")
		ann.get("/account/sign-up").says(200, "Es muss enthalten: Ziffer, Großbuchstabe.")
	})
}

// TestSummaryNamesTheFields: what is wrong is told above the form too, where nobody sees yet which field is meant.
func TestSummaryNamesTheFields(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.browser()
		ann.post("/account/sign-up", "email", "nobody", "password", "").says(422, `<a href="#email">E-mail address: `)
		ann.header.Set("Accept-Language", "de")
		ann.post("/account/sign-up", "email", "nobody", "password", "").says(422, `<a href="#email">E-Mail-Adresse: `)
	})
}

// TestTokensCarryWhatWasChosen: of several roles none is ticked beforehand, so that no program gets more than somebody thought of; the only
// one is.
func TestTokensCarryWhatWasChosen(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		const ticked = `name="role[]" value="patient" checked`
		h.person("ann@clinic.example", "patient").get("/account/tokens/new").says(200, ticked)
		bob := h.person("bob@clinic.example", "patient", "nurse")
		if text := bob.get("/account/tokens/new").says(200, `name="role[]" value="nurse"`).text; strings.Contains(text, ticked) {
			t.Error("a new token carries every role unless somebody looks")
		}
		bob.post("/account/tokens/new", "name", "t", "reach", "all", "days", "7").says(422, "Choose at least one of your roles.")
	})
}

// TestSamePasswordIsNoNewOne: whoever changes it out of fear is told that nothing would change.
func TestSamePasswordIsNoNewOne(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		ann.post("/account/password", "password", password, "new_password", password).says(422, "This is your present password.")
	})
}
