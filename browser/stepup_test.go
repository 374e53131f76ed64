package browser

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// old is an age at which a proof serves no change any more: pages take four minutes, forms five.
const old = 6 * time.Minute

// TestDemandedProof: whoever comes to a change with a proof that is too old is asked for another, by passkey or by authenticator app, and
// lands where he wanted to be, where the change succeeds. Without one it does not happen, also not from a page that was opened in time.
func TestDemandedProof(whole *testing.T) {
	w := openAt(whole, aging)
	w.authenticator()
	vera := invited(whole, w, "vera@clinic.example", "patient")
	vera.signIn(w)
	vera.addApp(w)
	addPasskey(w, "Vera's phone")
	for how, prove := range map[string]func(){
		"passkey": func() { w.press("Use a passkey") },
		"app":     func() { w.fill("code", vera.code(w)); w.press("Continue") },
	} {
		whole.Run(how, func(t *testing.T) {
			w.t = t
			defer func() { w.t = whole }()

			aging.move(t, old) // she comes too late: the page asks
			w.visit("/account/email")
			w.demands("/account/email")
			prove()
			w.at("/account/email")
			mark := aging.mark()
			w.fill("email", how+"@clinic.example")

			aging.move(t, old) // she stays too long: the form asks
			w.press("Send the link")
			w.demands("/account/email")
			if said := aging.since(mark); strings.Contains(said, how+"@clinic.example") {
				t.Errorf("a letter left without a proof: %s", said)
			}
			prove()
			w.at("/account/email")
			w.fill("email", how+"@clinic.example")
			w.press("Send the link")
			w.at("/account/check-mail")
			aging.link(t, how+"@clinic.example", mark)

			aging.move(t, old)
			w.visit("/account/factors/codes")
			w.demands("/account/factors/codes")
			prove()
			w.press("Make ten codes")
			if codes := w.texts(".codes li"); len(codes) != 10 {
				t.Errorf("%d codes: %s", len(codes), w.where())
			}
		})
	}
}

// TestPasskeyIsAddedAfterAProof: the one page whose change begins in script asks as well, and goes on after the detour.
func TestPasskeyIsAddedAfterAProof(t *testing.T) {
	w := openAt(t, aging)
	w.authenticator()
	ida := invited(t, w, "ida@clinic.example", "patient")
	ida.signIn(w)
	ida.addApp(w)
	w.visit("/account/factors/passkeys/add")
	aging.move(t, old)
	w.press("Add a passkey") // the options are refused, and the page comes again
	w.demands("/account/factors/passkeys/add")
	w.visit("/account/factors")
	w.says("No passkey yet")

	w.visit("/account/factors/passkeys/add")
	w.demands("/account/factors/passkeys/add")
	w.fill("code", "000000")
	w.press("Continue")
	w.says("This code is not right")
	w.visit("/account/factors/passkeys/add")
	w.demands("/account/factors/passkeys/add") // a wrong code proves nothing
	w.fill("code", ida.code(w))
	w.press("Continue")
	w.at("/account/factors/passkeys/add")
	w.fill("name", "Ida's phone")
	w.press("Add a passkey")
	w.at("/account/factors")
	w.says("Ida's phone")

	aging.move(t, old) // the window stands open: a form of somebody who found it
	var code string
	w.eval(`fetch(document.querySelector('a[href$="/remove"]').href, {method: "POST"}).then(a => a.json()).then(told => told.code)`, &code)
	if code != "step_up_required" {
		t.Errorf("a form without a proof was answered with %q", code)
	}
	w.visit("/account/factors")
	w.says("Ida's phone")
	w.follow(`//li[contains(., "Ida's phone")]//a[contains(., "Remove")]`)
	w.says("needs a fresh proof")
	w.press("Use a passkey")
	w.says("Remove this passkey?")
	w.press("Remove the passkey")
	w.says("The passkey was removed")
}

// demands expects the page that asks for a proof before a path.
func (w *tab) demands(path string) {
	w.t.Helper()
	w.at("/account/step-up?return=" + url.QueryEscape(path))
	w.says("needs a fresh proof")
}

// since is what the server said from a mark on.
func (s *service) since(mark int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log[mark:], "\n")
}
