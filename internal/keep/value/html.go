package value

import (
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// basic allows the words of an article: paragraphs, emphasis, lists, quotations, code and links.
var basic = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "b", "strong", "i", "em", "u", "s", "sub", "sup", "ul", "ol", "li", "blockquote", "code", "pre", "h2", "h3", "h4", "hr")
	links(p)
	return p
})

// rich adds tables and pictures by https.
var rich = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "b", "strong", "i", "em", "u", "s", "sub", "sup", "ul", "ol", "li", "blockquote", "code", "pre", "h2", "h3", "h4", "hr",
		"figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "caption", "dl", "dt", "dd")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("td", "th")
	p.AllowAttrs("src").OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	links(p)
	return p
})

func links(p *bluemonday.Policy) {
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("https", "http", "mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
}

// Sanitise keeps what the profile allows and drops the rest. It is idempotent: sanitising again changes nothing.
func Sanitise(profile, s string) string {
	policy := basic
	if profile == "rich" {
		policy = rich
	}
	return policy().Sanitize(s)
}
