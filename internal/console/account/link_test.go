package account_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestAnotherSiteReplacesNoLink: a link that is open stays the one that its form uses, wherever another site leads the browser. Its person may go on with
// the other one; another site may not.
func TestAnotherSiteReplacesNoLink(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		for _, c := range []struct{ from, to string }{{"/account/confirm", ""}, {"/account/enrol", ""}, {"/account/recover/confirm", ""}, {"/account/email/confirm", ""},
			{"/account/lock/confirm", ""}, {"/account/organisation", "/account/organisation/invitation"}} {
			if c.to == "" {
				c.to = c.from
			}
			for _, site := range []string{"cross-site", "same-site", ""} {
				b := h.browser()
				open := func(site, token string) *reply {
					t.Helper()
					b.header.Set("Sec-Fetch-Site", site)
					if site == "" {
						b.header.Del("Sec-Fetch-Site")
					}
					return b.get(c.from + "?token=" + token)
				}
				holds := func(want string) {
					t.Helper()
					at, _ := url.Parse(h.base + c.to)
					for _, cookie := range b.client.Jar.Cookies(at) {
						if strings.Contains(cookie.Name, "link-") && cookie.Value != want {
							t.Errorf("%s, from %q: the link is %q, want %q", c.from, site, cookie.Value, want)
						}
					}
					if n := len(b.client.Jar.Cookies(at)); n != 1 {
						t.Errorf("%d cookies", n)
					}
				}
				open(site, "mine").leads(c.to) // from webmail
				open(site, "mine").leads(c.to) // and once more
				open(site, "theirs").says(200, `name="token" value="theirs"`)
				holds("mine")
				b.header.Set("Sec-Fetch-Site", "cross-site")
				if r := b.post(c.to, "token", "theirs"); r.status != 403 {
					t.Errorf("%s: another site sends the form: %d", c.to, r.status)
				}
				holds("mine")
				b.header.Set("Sec-Fetch-Site", "same-origin")
				b.post(c.to, "token", "theirs").leads(c.to)
				holds("theirs")
				open("none", "typed").leads(c.to)
				holds("typed")
			}
		}
	})
}
