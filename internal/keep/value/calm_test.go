package value_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/fastness-dev/fastness/internal/keep/value"
)

// TestHTMLCostsByItsLength: markup that a parser would read in a multiple of its length, since it opens the same formatting again and
// again or looks through hundreds of open elements at each tag, is kept as text; what writers write is not.
func TestHTMLCostsByItsLength(t *testing.T) {
	times := strings.Repeat
	formats := times("<b>", 3) + times("<i>", 3) + times("<code>", 3) + times("<strong>", 3) + times("<em>", 3) + times("<u>", 3) + times("<s>", 3)
	for _, s := range []string{times("<p><b><i>x", 2000), times("<p><b>x", 3000), times("<code><p>x", 2000), formats + times("<p>x", 4000), "<p>" + formats + "</p>" + times("<pre>x</pre>", 1500),
		formats + times("<li>x", 4000), times("<p><s><u><b><i><em><strong><code><a href=https://a.b>x", 400), times("<blockquote>", 400) + times("</p>x", 4000), times("<sub>", 400) + times("<li>x", 4000),
		times("<b>", 400) + times("<p>x</b>", 2000), times("<ul><li>x", 2000), times("<dl><dt>x", 2000), times("<table><tr><td>x", 1000), times("<h2><sub>x", 2000), times("<b><table>x", 2000)} {
		for _, profile := range []string{"basic", "rich"} {
			out := value.Sanitise(profile, nil, s)
			if len(out) > 4*len(s) || depth(t, out) > 130 || !strings.Contains(out, "x") {
				t.Errorf("%s: %q… of %d bytes becomes %d, %d deep", profile, s[:40], len(s), len(out), depth(t, out))
			}
		}
	}
	for _, s := range []string{times("<p>one <b>two</b> <i>three</i></p>", 500), "<b><i>" + times("a<br/>", 1000) + "</i></b>", "<ul>" + times("<li><b>a</b></li>", 500) + "</ul>",
		times("<blockquote>", 30) + "<p>a</p>" + times("</blockquote>", 30), times("<ul><li>a", 20) + times("</li></ul>", 20), "<p><b><i><u><s><code>a</code></s></u></i></b></p>"} {
		if out := value.Sanitise("basic", nil, s); out != s {
			t.Errorf("%q… is changed to %q…", s[:20], out[:min(len(out), 60)])
		}
	}
}

// depth is how deep the elements of markup stand in each other.
func depth(t *testing.T, s string) int {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *html.Node) int
	walk = func(n *html.Node) (deepest int) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			deepest = max(deepest, walk(c))
		}
		return deepest + 1
	}
	deepest := 0
	for _, n := range nodes {
		deepest = max(deepest, walk(n))
	}
	return deepest
}
