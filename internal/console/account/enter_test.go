package account_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	another       = "eleven loud cranes above the weir"
	sessionCookie = "__Host-fastness-riverside-clinic"
)

// signedUp is a browser in which somebody signed up, and the link of the letter.
func (h *house) signedUp(email, password string, more ...string) (*browser, string) {
	h.t.Helper()
	b := h.browser()
	b.post("/account/sign-up", append([]string{"email", email, "password", password}, more...)...).leads("/account/check-mail")
	return b, h.letter(email)
}

// opened is a browser in which a link was opened.
func (h *house) opened(link, page string) *browser {
	h.t.Helper()
	b := h.browser()
	b.get(link).leads(page)
	return b
}

// in demands that a browser is signed in to an account, or to none.
func (b *browser) in(email string) {
	b.h.t.Helper()
	r := b.get("/account/")
	switch {
	case email == "" && r.status != http.StatusSeeOther:
		b.h.t.Fatalf("somebody is signed in: %s", r.text)
	case email != "":
		r.says(200, email)
	}
}

// opens demands that a password opens an account, or that it does not.
func (h *house) opens(email, password string, want bool) {
	h.t.Helper()
	r := h.browser().post("/account/sign-in", "email", email, "password", password)
	if got := r.status == http.StatusSeeOther; got != want {
		h.t.Fatalf("the password opens %s: %v, want %v", email, got, want)
	}
}

// cookie is the value of the session's cookie.
func (b *browser) cookie() string {
	at, err := url.Parse(b.h.base)
	if err != nil {
		b.h.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

// TestLinkSignsInOnce: the browser that signed up is signed in by its link, as often as the form is sent only once, and never with a token that
// was in the browser before. An invitation does the same.
func TestLinkSignsInOnce(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, link := h.signedUp("ann@clinic.example", password)
		old := h.person("old@clinic.example", "patient")
		old.get("/account/").says(200, "old@clinic.example")
		planted := old.cookie()
		old.post("/account/sign-out").leads("/account/sign-in")
		at, err := url.Parse(h.base)
		if err != nil || planted == "" {
			t.Fatalf("no session to plant: %v", err)
		}
		ann.client.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/", Secure: true}})
		ann.get(link).leads("/account/confirm")
		ann.get("/account/confirm").says(200, "ann@clinic.example")
		if text := ann.get("/account/confirm").text; strings.Contains(text, `type="password"`) {
			t.Error("the browser that signed up is asked for a password")
		}
		var all sync.WaitGroup
		led := make([]int, 8)
		for i := range led {
			all.Go(func() { led[i] = ann.ask("POST", "/account/confirm", url.Values{}).status })
		}
		all.Wait()
		once := 0
		for _, status := range led {
			if status == http.StatusSeeOther {
				once++
			}
		}
		if once != 1 {
			t.Errorf("one link was used %d times: %v", once, led)
		}
		ann.in("ann@clinic.example")
		if now := ann.cookie(); now == planted || now == "" {
			t.Error("the session has the token that was in the browser before")
		}
		if n := strings.Count(ann.get("/account/sessions").text, `action="/account/sessions/end"`); n != 1 {
			t.Errorf("there are %d sessions", n)
		}
		h.opens("ann@clinic.example", password, true)

		added, err := h.app.Identity.AddUser(context.Background(), operator, "ida@clinic.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{http.StatusSeeOther, http.StatusUnprocessableEntity} {
			ida := h.opened(h.path(added.Link.Reveal()), "/account/enrol")
			if r := ida.post("/account/enrol", "password", password); r.status != want {
				t.Errorf("use %d of an enrolment link: %d", i+1, r.status)
			}
			ida.in([]string{"ida@clinic.example", ""}[i])
		}
	})
}

// TestLinkOverSignsNobodyIn: a link that is too old, or whose account was closed meanwhile, makes no session.
func TestLinkOverSignsNobodyIn(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, link := h.signedUp("ann@clinic.example", password)
		h.clock.Advance(25 * time.Hour)
		ann.get(link).leads("/account/confirm")
		ann.get("/account/confirm").says(200, "too old")
		ann.post("/account/confirm", "password", password).says(422, "too old")
		ann.in("")
		h.opens("ann@clinic.example", password, false)

		ctx := context.Background()
		added, err := h.app.Identity.AddUser(ctx, operator, "bob@clinic.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		b := h.opened(h.path(added.Link.Reveal()), "/account/enrol")
		b.get("/account/enrol").says(200, "bob@clinic.example")
		if err := h.app.Identity.Disable(ctx, operator, added.ID); err != nil {
			t.Fatal(err)
		}
		b.post("/account/enrol", "password", password).says(422, "too old")
		b.in("")
	})
}

// TestStrangersSignUpLeavesNothing: a stranger signs up with the address of a victim, and a password and a name of the stranger's. The victim
// confirms: whatever the victim types is the password, and nothing of the stranger's is left.
func TestStrangersSignUpLeavesNothing(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		stranger, link := h.signedUp("victim@clinic.example", password)
		victim := h.opened(link, "/account/confirm")
		victim.get("/account/confirm").says(200, "victim@clinic.example").says(200, `type="password"`)
		victim.post("/account/confirm").says(422, "Fill this in")
		victim.post("/account/confirm", "password", "short").says(422, "Use at least 15 characters")
		victim.in("")
		victim.post("/account/confirm", "password", another).leads("/account/profile")
		victim.in("victim@clinic.example")
		h.opens("victim@clinic.example", password, false)
		h.opens("victim@clinic.example", another, true)
		stranger.in("")
		stranger.get(link).leads("/account/confirm")
		stranger.post("/account/confirm").says(422, "too old")
		stranger.in("")
	})
}

// TestConfirmedElsewhereWithItsPassword: who signed up on one device and types the same password on another keeps what was said at sign-up.
func TestConfirmedElsewhereWithItsPassword(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		_, link := h.signedUp("ann@clinic.example", password)
		phone := h.opened(link, "/account/confirm")
		phone.post("/account/confirm", "password", password).leads("/account/")
		phone.in("ann@clinic.example")
		h.opens("ann@clinic.example", password, true)
	})
}

// TestCookieOfAnotherSignUp: the mark of a browser is good for one link. With the mark of another sign-up, or one that was made up, the page asks
// for a password and names the address, so that a link that a stranger sent is seen to be one.
func TestCookieOfAnotherSignUp(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		_, link := h.signedUp("mallory@evil.example", password)
		victim, own := h.signedUp("ann@clinic.example", another)
		victim.get(link).leads("/account/confirm")
		victim.get("/account/confirm").says(200, "mallory@evil.example").says(200, `type="password"`)
		victim.post("/account/confirm").says(422, "Fill this in")
		victim.in("")
		victim.post("/account/confirm", "token", own[strings.Index(own, "=")+1:]).leads("/account/confirm")
		victim.post("/account/confirm").leads("/account/")
		victim.in("ann@clinic.example")

		forger := h.opened(link, "/account/confirm")
		at, err := url.Parse(h.base)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range h.marks(t) {
			for _, made := range []string{"", "AAAA", strings.Repeat("A", 91), c.Value} {
				forger.client.Jar.SetCookies(at, []*http.Cookie{{Name: c.Name, Value: made, Path: "/", Secure: true}})
				forger.post("/account/confirm").says(422, "Fill this in")
				forger.in("")
			}
		}
	})
}

// marks are the cookies of a browser that signed up.
func (h *house) marks(t *testing.T) []*http.Cookie {
	t.Helper()
	b, _ := h.signedUp("mark@clinic.example", password)
	at, err := url.Parse(h.base)
	if err != nil {
		t.Fatal(err)
	}
	found := b.client.Jar.Cookies(at)
	if len(found) != 1 || !strings.HasSuffix(found[0].Name, "sign-up") {
		t.Fatalf("cookies of a sign-up: %v", found)
	}
	return found
}

// TestLinkLeavesAnotherSessionAlone: where somebody is signed in, a link makes its account and leaves the session that is there.
func TestLinkLeavesAnotherSessionAlone(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		victim := h.person("ann@clinic.example", "patient")
		_, link := h.signedUp("mallory@evil.example", password)
		before := victim.cookie()
		victim.get(link).leads("/account/confirm")
		victim.post("/account/confirm", "password", password).leads("/account/sign-in")
		victim.in("ann@clinic.example")
		if victim.cookie() != before {
			t.Error("the session has another token")
		}
		added, err := h.app.Identity.AddUser(context.Background(), operator, "ida@clinic.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		victim.get(h.path(added.Link.Reveal())).leads("/account/enrol")
		victim.post("/account/enrol", "password", password).leads("/account/sign-in")
		victim.in("ann@clinic.example")
		h.opens("ida@clinic.example", password, true)

		victim.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		victim.post("/account/organisations/invite", "email", "new@clinic.example", "role", "member").leads("/account/organisations")
		victim.get(h.letter("new@clinic.example")).leads("/account/organisation/invitation")
		victim.post("/account/organisation/invitation", "password", password).leads("/account/sign-in")
		victim.in("ann@clinic.example")
	})
}

// TestLinkFormFromElsewhere: the form of a link is taken from our own pages alone.
func TestLinkFormFromElsewhere(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, link := h.signedUp("ann@clinic.example", password)
		ann.get(link).leads("/account/confirm")
		for _, site := range []string{"cross-site", "same-site"} {
			ann.header.Set("Sec-Fetch-Site", site)
			ann.post("/account/confirm").says(403, "did not come from our own pages")
		}
		ann.header.Set("Sec-Fetch-Site", "same-origin")
		ann.in("")
		h.opens("ann@clinic.example", password, false)
		ann.post("/account/confirm").leads("/account/")
	})
}

// TestLinkIsAsFreshAsItsPassword: the password of a sign-up was typed when it was typed. Who finds the window open later, with the letter, changes
// no factor without another proof. A password that is typed with the link is fresh.
func TestLinkIsAsFreshAsItsPassword(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, link := h.signedUp("ann@clinic.example", password)
		bob, other := h.signedUp("bob@clinic.example", password)
		bob.get(other).leads("/account/confirm")
		bob.post("/account/confirm").leads("/account/")
		bob.get("/account/factors/app").says(200, "authenticator app")
		h.clock.Advance(6 * time.Minute)
		ann.get(link).leads("/account/confirm")
		ann.post("/account/confirm").leads("/account/")
		ann.in("ann@clinic.example")
		ann.get("/account/factors/app").leads("/account/step-up?return=%2Faccount%2Ffactors%2Fapp")
		_, third := h.signedUp("cid@clinic.example", password)
		h.clock.Advance(6 * time.Minute)
		cid := h.opened(third, "/account/confirm")
		cid.post("/account/confirm", "password", password).leads("/account/")
		cid.get("/account/factors/app").says(200, "authenticator app")
	})
}

// TestFirstSignInByLinkIsNoNews: the first sign-in sends no letter, and the browser is known at the next.
func TestFirstSignInByLinkIsNoNews(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, link := h.signedUp("ann@clinic.example", password)
		ann.get(link).leads("/account/confirm")
		ann.post("/account/confirm").leads("/account/")
		ann.get("/account/").says(200, "you are signed in")
		ann.post("/account/sign-out").leads("/account/sign-in")
		ann.post("/account/sign-in", "email", "ann@clinic.example", "password", password).leads("/account/")
		h.browser().post("/account/sign-in", "email", "ann@clinic.example", "password", password).leads("/account/")
		h.letter("ann@clinic.example") // of the strange browser
		time.Sleep(100 * time.Millisecond)
		letters := regexp.MustCompile(`ann@clinic\.example: (\S+) https`).FindAllStringSubmatch(h.said.all(), -1)
		news := 0
		for _, l := range letters {
			if l[1] == "sign_in" {
				news++
			}
		}
		if news > 1 {
			t.Errorf("%d letters about sign-ins: %v", news, letters)
		}
	})
}
