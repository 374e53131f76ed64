package value

import (
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// words are the elements of an article: paragraphs, emphasis, lists, quotations, code.
var words = []string{"p", "br", "b", "strong", "i", "em", "u", "s", "sub", "sup", "ul", "ol", "li", "blockquote", "code", "pre", "h2", "h3", "h4", "hr"}

// basic allows words and links.
var basic = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(words...)
	links(p)
	return p
})

// rich adds tables and pictures by https.
var rich = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(words...)
	p.AllowElements("figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "caption", "dl", "dt", "dd")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[1-9][0-9]{0,2}$`)).OnElements("td", "th")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^https://[^\s\\@]+$`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	links(p)
	return p
})

// links are absolute, name a host and no user.
func links(p *bluemonday.Policy) {
	p.AllowAttrs("href").OnElements("a")
	host := func(u *url.URL) bool { return u.Host != "" && u.User == nil }
	p.AllowURLSchemeWithCustomPolicy("https", host)
	p.AllowURLSchemeWithCustomPolicy("http", host)
	p.AllowURLSchemes("mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
}

// Sanitise keeps what the profile allows and drops the rest, then writes it as a parser understood it: every element is closed, so
// that it cannot close those around it. It is idempotent: sanitising again changes nothing. Its time grows with the length of the text;
// markup for which it would not is kept as text.
func Sanitise(profile, s string) string {
	policy := basic
	if profile == "rich" {
		policy = rich
	}
	clean := policy().Sanitize(s)
	if !calm(clean) {
		return bluemonday.StrictPolicy().Sanitize(clean)
	}
	for range 4 { // a nesting that a parser rearranges settles in one round more
		before := clean
		clean = policy().Sanitize(balance(clean))
		if clean == before {
			return clean
		}
	}
	return bluemonday.StrictPolicy().Sanitize(clean) // what does not settle is kept as text
}

// balance reads markup as the content of a body and writes it again.
func balance(s string) string {
	nodes, err := html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return html.EscapeString(s)
	}
	var b strings.Builder
	for _, n := range nodes {
		if err := html.Render(&b, n); err != nil {
			return html.EscapeString(s)
		}
	}
	return b.String()
}
