package value_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/fastness-dev/fastness/internal/keep/value"
)

// hostile is markup to be sanitised: payloads act when a browser reads them, each in a way of its own; wrappers put them where a parser
// reads in another mode than the one that reads next: foreign content, raw text, text that ends elsewhere, comments, tables, forms,
// templates. The mutations of sanitised markup live on these borders. A browser is asked about the same file.
type hostile struct{ Payloads, Wrappers []string }

func readHostile(t *testing.T) hostile {
	t.Helper()
	var out hostile
	text, err := os.ReadFile("testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.Payloads) < 80 || len(out.Wrappers) < 50 {
		t.Fatalf("read %d payloads and %d wrappers: %v", len(out.Payloads), len(out.Wrappers), err)
	}
	return out
}

var elements = map[string][]string{
	"basic": strings.Fields("p br b strong i em u s del ins mark small sub sup code kbd abbr cite q ul ol li blockquote pre h2 h3 h4 hr a"),
	"rich": strings.Fields(`p br b strong i em u s del ins mark small sub sup code kbd abbr cite q ul ol li blockquote pre h2 h3 h4 hr a h1 h5 h6 hgroup div section article
		aside header footer address menu center table caption colgroup col thead tbody tfoot tr th td dl dt dd figure figcaption details summary span samp var dfn time data
		bdi bdo wbr ruby rt rp strike tt big acronym img`),
}

// attributes that elements may have, beside those that all may.
var attributes = map[string][]string{"": {"title", "lang", "dir", "translate"}, "a": {"href", "rel", "hreflang"}, "img": {"src", "alt", "width", "height", "loading", "decoding", "align"},
	"td": {"colspan", "rowspan", "align", "valign", "width"}, "th": {"colspan", "rowspan", "align", "valign", "width", "scope", "abbr"}, "tr": {"align", "valign"},
	"ol": {"start", "type", "reversed"}, "ul": {"type"}, "li": {"type", "value"}, "del": {"cite", "datetime"}, "ins": {"cite", "datetime"}, "blockquote": {"cite"}, "q": {"cite"},
	"table": {"align", "width", "border", "summary"}, "col": {"span", "align", "valign", "width"}, "colgroup": {"span", "width"}, "caption": {"align"}, "thead": {"align", "valign"},
	"tbody": {"align", "valign"}, "tfoot": {"align", "valign"}, "hr": {"width"}, "p": {"align"}, "div": {"align"}, "details": {"open"}, "time": {"datetime"}, "data": {"value"},
	"h1": {"align"}, "h2": {"align"}, "h3": {"align"}, "h4": {"align"}, "h5": {"align"}, "h6": {"align"}}

// pictured are the hosts of images that the tests declare.
var pictured = []string{"ok.example"}

// TestHTMLCannotAct: whatever is written, a browser that reads what is kept finds nothing but the profile's elements and attributes, in
// whatever element it stands, however often it is read and written again; and sanitising again changes nothing.
func TestHTMLCannotAct(t *testing.T) {
	n, bad, corpus := 0, 0, readHostile(t)
	for profile := range elements {
		for _, w := range corpus.Wrappers {
			for _, p := range corpus.Payloads {
				in := strings.Replace(w, "%s", p, 1)
				out := value.Sanitise(profile, pictured, in)
				if again := value.Sanitise(profile, pictured, out); again != out {
					t.Errorf("%s: %q becomes %q and then %q", profile, in, out, again)
				}
				if again := value.Sanitise(profile, pictured, "<p>a</p>"+out+"<p>b</p>"); len(again) < len(out) {
					t.Errorf("%s: %q is cut when it stands among others: %q", profile, out, again)
				}
				for _, context := range []string{"body", "div", "td", "p", "li"} {
					if err := inert(profile, context, out); err != nil {
						t.Errorf("%s in <%s>: %q becomes %q: %v", profile, context, in, out, err)
					}
				}
				if n++; t.Failed() {
					if bad++; bad > 20 {
						t.FailNow()
					}
				}
			}
		}
	}
	if n < 10_000 {
		t.Errorf("only %d texts", n)
	}
}

// TestHTMLIsBalanced: what is kept closes what it opens and nothing else, so that it cannot close the page around it.
func TestHTMLIsBalanced(t *testing.T) {
	for in, want := range map[string]string{`a</p></li></ul>b`: `a<p></p>b`, `<ul><li>a`: `<ul><li>a</li></ul>`, `<b><i>a</b>b</i>`: `<b><i>a</i></b><i>b</i>`, `</td></tr></table>x`: `x`,
		`<blockquote><p>a</blockquote>b`: `<blockquote><p>a</p></blockquote>b`, `<p><table><tr><td>a`: `<p></p><table><tbody><tr><td>a</td></tr></tbody></table>`} {
		if got := value.Sanitise("rich", pictured, in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestHTMLKeepsWords: what a writer may use stays as it was written.
func TestHTMLKeepsWords(t *testing.T) {
	for _, s := range []string{`<p>Plain <b>words</b> &amp; <em>more</em></p>`, `<ul><li>one</li><li>two</li></ul>`, `<blockquote><p>x</p></blockquote>`, `<h2>x</h2><pre><code>a &lt; b</code></pre>`,
		`<p>a<br/>b</p><hr/>`, `naïve 😀 text`, `<a href="https://ok.example/a?b=c&amp;d=e#f" rel="nofollow noreferrer">x</a>`, `<a href="mailto:ada@example.org" rel="nofollow noreferrer">x</a>`} {
		if got := value.Sanitise("basic", pictured, s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	for _, s := range []string{`<table><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>b</td><td>c</td></tr></tbody></table>`, `<figure><img src="https://ok.example/x.png" alt="x"/><figcaption>x</figcaption></figure>`} {
		if got := value.Sanitise("rich", pictured, s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

// inert reads markup as the content of an element, three times over, and names the first thing that is not of the profile.
func inert(profile, context, markup string) error {
	for range 3 {
		parent := &html.Node{Type: html.ElementNode, Data: context, DataAtom: atom.Lookup([]byte(context))}
		nodes, err := html.ParseFragment(strings.NewReader(markup), parent)
		if err != nil {
			return err
		}
		var b strings.Builder
		for _, n := range nodes {
			if err := walk(profile, n); err != nil {
				return err
			}
			if err := html.Render(&b, n); err != nil {
				return err
			}
		}
		markup = b.String()
	}
	return nil
}

func walk(profile string, n *html.Node) error {
	switch n.Type {
	case html.TextNode:
	case html.ElementNode:
		if n.Namespace != "" || !slices.Contains(elements[profile], n.Data) {
			return fmt.Errorf("the element %s:%s", n.Namespace, n.Data)
		}
		for _, a := range n.Attr {
			if a.Namespace != "" || !slices.Contains(attributes[n.Data], a.Key) && !slices.Contains(attributes[""], a.Key) {
				return fmt.Errorf("the attribute %s of %s", a.Key, n.Data)
			}
			if err := attribute(a); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("a node of type %d: %q", n.Type, n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if err := walk(profile, c); err != nil {
			return err
		}
	}
	return nil
}

func attribute(a html.Attribute) error {
	switch a.Key {
	case "href", "src", "cite":
		u, err := url.Parse(a.Val)
		if err != nil || strings.ContainsFunc(a.Val, func(r rune) bool { return r <= ' ' || r == '\\' }) {
			return fmt.Errorf("the address %q", a.Val)
		}
		if u.Scheme != "https" && (a.Key == "src" || u.Scheme != "http" && u.Scheme != "mailto") || u.Scheme != "mailto" && u.Host == "" {
			return fmt.Errorf("the address %q", a.Val)
		}
	case "rel":
		if a.Val != "nofollow noreferrer" {
			return fmt.Errorf("rel=%q", a.Val)
		}
	}
	return nil
}
