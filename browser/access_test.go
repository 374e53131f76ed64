package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// outside are the pages of people who are not signed in.
var outside = []string{"/account/sign-in", "/account/sign-in?error=account_exists", "/account/sign-up", "/account/recover", "/account/recover/confirm",
	"/account/enrol", "/account/confirm", "/account/email/confirm", "/account/check-mail", "/account/sign-in/factor", "/account/lock/confirm", "/account/organisation/invitation"}

// inside are those of people who are.
var inside = []string{"/account/", "/account/profile", "/account/factors", "/account/factors/app", "/account/factors/app/confirm", "/account/factors/app/remove",
	"/account/factors/codes", "/account/factors/passkeys/add", "/account/sessions", "/account/organisations", "/account/organisations/rename", "/account/organisations/leave",
	"/account/tokens", "/account/tokens/new", "/account/password", "/account/email", "/account/lock", "/account/step-up", "/account/nothing"}

// TestAccessibility: axe-core finds nothing on any page, by day and by night, in both languages, wide and narrow.
func TestAccessibility(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("axe-core is missing: npm ci in browser/")
	}
	visitor, member := open(t), open(t)
	member.authenticator()
	mia := invited(t, member, "mia@clinic.example", "patient", "keeper")
	mia.signIn(member)
	mia.addApp(member)
	member.do(language("de"))
	member.visit("/account/factors/codes")
	member.follow(`//main//form//button`)
	member.judge(string(axe), "recovery codes")
	member.do(language("en"))
	addPasskey(member, "Mia's phone")
	member.visit("/account/tokens/new")
	member.fill("name", "nightly import")
	member.do(click("#reach-all"))
	member.press("Make the token")
	member.visit("/account/organisations")
	member.fill("name", "Herons")
	member.press("Make the organisation")
	other := open(t)
	nick := invited(t, other, "nick@clinic.example", "patient")
	nick.signIn(other)
	other.join(member, nick)
	member.visit("/account/organisations")
	member.fill("email", "otto@clinic.example")
	member.press("Send the invitation")
	member.follow(member.row("nick@clinic.example", "Change role"))
	at := strings.TrimPrefix(member.url(), app.base)
	inside := append(slices.Clone(inside), at, at+"/remove")
	member.visit("/account/factors/app")
	member.press("Continue")
	seen := 0
	for _, tag := range []string{"en", "de"} {
		member.visit("/account/step-up") // so that no page is a detour, however slow the machine
		member.follow(`//form[@data-passkey]//button`)
		for _, colours := range []string{"light", "dark"} {
			// Every pair of language, colours and width: what is wrong with three at once, and not with two, is not looked for.
			width := map[string]int64{"en light": 1280, "en dark": 360, "de light": 360, "de dark": 1280}[tag+" "+colours]
			for w, paths := range map[*tab][]string{visitor: outside, member: inside} {
				w.do(language(tag), scheme(colours), w.size(width, 800))
				for _, path := range paths {
					w.visit(path)
					seen += w.judge(string(axe), fmt.Sprintf("%s %s %d %s", tag, colours, width, path))
				}
			}
		}
	}
	if seen < 4000 {
		t.Errorf("axe-core passed only %d rules: it did not look", seen)
	}
	mia.signIn(visitor)
	visitor.at("/account/sign-in/factor")
	visitor.judge(string(axe), "second factor")
	visitor.fill("code", "000000")
	visitor.follow(`//form[.//input[@id="code"]]//button`)
	visitor.judge(string(axe), "second factor with an error")
}

// judge lets axe-core look at the page, and returns how many of its rules passed.
func (w *tab) judge(axe, what string) int {
	w.t.Helper()
	var raw string
	w.do(chromedp.Evaluate(axe, nil))
	w.eval(`axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify({
		lang: document.documentElement.lang, wide: document.documentElement.scrollWidth > innerWidth, passed: r.passes.length,
		violations: r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 160) + " " + n.failureSummary).join("; "))}))`, &raw)
	var got struct {
		Lang       string
		Wide       bool
		Passed     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		w.t.Fatal(err)
	}
	for _, v := range got.Violations {
		w.t.Errorf("%s: %s", what, v)
	}
	if got.Wide {
		w.t.Errorf("%s: the page is wider than its window", what)
	}
	if tag, _, ok := strings.Cut(what, " "); ok && len(tag) == 2 && got.Lang != tag {
		w.t.Errorf("%s: lang is %q", what, got.Lang)
	}
	return got.Passed
}

// TestFallbackLanguage: who prefers a language that there is not reads English.
func TestFallbackLanguage(t *testing.T) {
	w := open(t)
	for tag, want := range map[string]string{"fr-FR,fr;q=0.9": "en", "de-CH,fr;q=0.8": "de", "fr,de;q=0.5,en;q=0.4": "de", "*": "en", ";;;": "en"} {
		w.do(language(tag))
		w.visit("/account/sign-in")
		if got := w.attribute("html", "lang"); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
	w.do(language("en"))
	w.visit(fmt.Sprintf("/account/sign-in?return=%s", "%2Faccount%2Ftokens"))
	w.follow(`//footer//button`)
	w.at("/account/sign-in?return=%2Faccount%2Ftokens")
	if got := w.attribute("html", "lang"); got != "de" {
		t.Errorf("the switch left %s", got)
	}
}
