package value

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// Elements by profile. What is not listed is dropped and its text kept; text of scripts, styles and the like is dropped with them.
var (
	basicWords = strings.Fields(`p br hr h2 h3 h4 blockquote pre ul ol li
		b strong i em u s del ins mark small sub sup code kbd abbr cite q`)
	richWords = strings.Fields(`h1 h5 h6 hgroup div section article aside header footer address menu center
		table caption colgroup col thead tbody tfoot tr th td dl dt dd figure figcaption details summary
		span samp var dfn time data bdi bdo wbr ruby rt rp strike tt big acronym`)
)

// blocks are the elements that begin a line of their own, or a cell: words on either side are not one word.
var blocks = strings.Fields(`address article aside blockquote body caption center col colgroup dd details dialog dir div dl dt fieldset figcaption
	figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol optgroup option p pre search section summary
	table tbody td tfoot th thead title tr ul br iframe object video audio`)

// policy is a profile as the sanitiser takes it.
type policy struct {
	*bluemonday.Policy
	drops map[string]bool // the blocks that the profile does not keep
}

func newPolicy(words []string, allow func(*bluemonday.Policy)) *policy {
	p := &policy{bluemonday.NewPolicy(), map[string]bool{}}
	p.AllowElements(words...)
	for _, b := range blocks {
		if !slices.Contains(words, b) {
			p.drops[b] = true
		}
	}
	allow(p.Policy)
	return p
}

// strict keeps text alone.
var strict = sync.OnceValue(func() *policy { return newPolicy(nil, func(*bluemonday.Policy) {}) })

// basic allows words, lists and links.
var basic = sync.OnceValue(func() *policy {
	return newPolicy(basicWords, func(p *bluemonday.Policy) {
		common(p)
		links(p)
	})
})

// rich adds what articles and papers are made of, and pictures by https. Of which hosts, pictures says.
var rich = sync.OnceValue(func() *policy {
	return newPolicy(slices.Concat(basicWords, richWords), func(p *bluemonday.Policy) {
		common(p)
		links(p)
		tables(p)
		images(p)
		p.AllowAttrs("open").Matching(regexp.MustCompile(`^(open)?$`)).OnElements("details")
		p.AllowAttrs("datetime").Matching(moment).OnElements("time")
		p.AllowAttrs("value").Matching(regexp.MustCompile(`^[0-9A-Za-z_.-]{1,80}$`)).OnElements("data")
		p.AllowNoAttrs().OnElements("bdo", "data", "menu", "big")
	})
})

var (
	number    = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
	pixels    = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	place     = regexp.MustCompile(`^-?[0-9]{1,6}$`)
	moment    = regexp.MustCompile(`^[0-9A-Za-z:.+ -]{1,40}$`)
	direction = regexp.MustCompile(`^(ltr|rtl|auto)$`)
	language  = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}$`)
	sides     = regexp.MustCompile(`^(left|right|center|justify)$`)
	heights   = regexp.MustCompile(`^(top|middle|bottom|baseline)$`)
)

// common are the attributes that say how words are read. What names an element (id, name, class) is not among them: it would meet the
// names of the page around it.
func common(p *bluemonday.Policy) {
	p.AllowAttrs("title").Globally()
	p.AllowAttrs("lang").Matching(language).Globally()
	p.AllowAttrs("dir").Matching(direction).Globally()
	p.AllowAttrs("translate").Matching(regexp.MustCompile(`^(yes|no)$`)).Globally()
	p.AllowAttrs("start").Matching(place).OnElements("ol")
	p.AllowAttrs("value").Matching(place).OnElements("li")
	p.AllowAttrs("reversed").Matching(regexp.MustCompile(`^(reversed)?$`)).OnElements("ol")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^([1aAiI]|disc|circle|square)$`)).OnElements("ol", "ul", "li")
	p.AllowAttrs("datetime").Matching(moment).OnElements("del", "ins")
	p.AllowAttrs("cite").OnElements("blockquote", "q", "del", "ins")
}

func tables(p *bluemonday.Policy) {
	cells := []string{"td", "th"}
	p.AllowAttrs("colspan", "rowspan").Matching(number).OnElements(cells...)
	p.AllowAttrs("scope").Matching(regexp.MustCompile(`^(row|col|rowgroup|colgroup)$`)).OnElements("th")
	p.AllowAttrs("abbr").OnElements("th")
	p.AllowAttrs("span").Matching(number).OnElements("col", "colgroup")
	p.AllowAttrs("align").Matching(sides).OnElements("td", "th", "tr", "thead", "tbody", "tfoot", "table", "caption", "col", "p", "div", "h1", "h2", "h3", "h4", "h5", "h6")
	p.AllowAttrs("valign").Matching(heights).OnElements("td", "th", "tr", "thead", "tbody", "tfoot", "col")
	p.AllowAttrs("width").Matching(regexp.MustCompile(`^[1-9][0-9]{0,3}%?$`)).OnElements("td", "th", "col", "colgroup", "table", "hr")
	p.AllowAttrs("border").Matching(regexp.MustCompile(`^[01]$`)).OnElements("table")
	p.AllowAttrs("summary").OnElements("table")
}

func images(p *bluemonday.Policy) {
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^https://[^\s\\@/?#]+(?:[/?#][^\s\\]*)?$`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(pixels).OnElements("img")
	p.AllowAttrs("loading").Matching(regexp.MustCompile(`^(lazy|eager)$`)).OnElements("img")
	p.AllowAttrs("decoding").Matching(regexp.MustCompile(`^(sync|async|auto)$`)).OnElements("img")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|right|top|middle|bottom)$`)).OnElements("img")
}

// links are absolute, name a host and no user.
func links(p *bluemonday.Policy) {
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("hreflang").Matching(language).OnElements("a")
	host := func(u *url.URL) bool { return u.Host != "" && u.User == nil }
	p.AllowURLSchemeWithCustomPolicy("https", host)
	p.AllowURLSchemeWithCustomPolicy("http", host)
	p.AllowURLSchemes("mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
}

// pictures drops each image of markup that is not from one of the hosts, so that no text tells other servers who reads it. The markup is
// what a policy kept: an image has an address by https, or none.
func pictures(hosts []string, s string) string {
	if !strings.Contains(s, "<img") {
		return s
	}
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		raw := string(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			if t := z.Token(); t.Data == "img" && !declared(hosts, t.Attr) {
				continue
			}
		}
		b.WriteString(raw)
	}
}

// declared reports whether an image has one address, of one of the hosts.
func declared(hosts []string, attributes []html.Attribute) bool {
	found := 0
	for _, a := range attributes {
		if a.Key != "src" {
			continue
		}
		rest, https := strings.CutPrefix(a.Val, "https://")
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		if !https || !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, rest) }) {
			return false
		}
		found++
	}
	return found == 1
}
