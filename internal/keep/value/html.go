package value

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Sanitise keeps what the profile allows and drops the rest, then writes it as a parser understood it: every element is closed, so
// that it cannot close those around it. images are the hosts of pictures, with the profile rich. It is idempotent: sanitising again
// changes nothing. Its time grows with the length of the text; markup for which it would not is kept as text.
func Sanitise(profile string, images []string, s string) string {
	p := basic()
	if profile == "rich" {
		p = rich()
	}
	clean := pictures(images, p.Sanitize(p.parted(s)))
	if !calm(clean) {
		return plain(clean)
	}
	for range 4 { // a nesting that a parser rearranges settles in one round more
		before := clean
		clean = p.Sanitize(balance(clean))
		if clean == before {
			return clean
		}
	}
	return plain(clean) // what does not settle is kept as text
}

// plain keeps the text of markup.
func plain(s string) string {
	p := strict()
	return p.Sanitize(p.parted(s))
}

// parted puts a line break where a block will be dropped, so that the words before and after it do not become one.
func (p *policy) parted(s string) string {
	var b bytes.Buffer
	b.Grow(len(s))
	part := func() {
		if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
			b.WriteByte('\n')
		}
	}
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			b.Write(z.Raw())
			return b.String()
		}
		raw := z.Raw()
		drop := false
		if kind == html.StartTagToken || kind == html.EndTagToken || kind == html.SelfClosingTagToken {
			raw = bytes.Clone(raw) // reading the name changes it
			name, _ := z.TagName()
			drop = p.drops[string(name)]
		}
		if drop && kind != html.EndTagToken {
			part()
		}
		b.Write(raw)
		if drop && kind == html.EndTagToken {
			b.WriteByte('\n')
		}
	}
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
