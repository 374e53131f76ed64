package value_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/fastness-dev/fastness/internal/keep/value"
)

// payloads are markup that acts when a browser reads it, each in a way of its own.
var payloads = []string{
	`<script>alert(1)</script>`, `<ScRiPt>alert(1)</sCrIpT >`, `<script/x>alert(1)</script>`, `<script src=//evil.example></script>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`<img src=x onerror=alert(1)>`, `<img src=x onerror=alert(1)//`, `<img/src=x/onerror=alert(1)>`, "<img\nsrc=x\tonerror\x0c=\x0calert(1)>", "<img src=`x` onerror=alert(1)>", `<img src="x" alt="" onerror="alert(1)">`,
	`<svg onload=alert(1)>`, `<svg/onload=alert(1)//`, `<body onload=alert(1)>`, `<p onclick=alert(1)>x</p>`, `<p ONCLICK=alert(1)>x</p>`, `<p/onclick=alert(1)>x`, `<b autofocus onfocus=alert(1) tabindex=1>x</b>`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="JaVaScRiPt:alert(1)">x</a>`, `<a href=" javascript:alert(1)">x</a>`, "<a href=\"java\nscript:alert(1)\">x</a>", "<a href=\"java\tscript:alert(1)\">x</a>",
	"<a href=\"\x01javascript:alert(1)\">x</a>", `<a href="java&#115;cript:alert(1)">x</a>`, `<a href="&#x6A;avascript&colon;alert(1)">x</a>`, `<a href="javascript&NewLine;:alert(1)">x</a>`,
	`<a href="vbscript:x">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>`, `<a href="blob:x">x</a>`, `<a href="file:///etc/passwd">x</a>`,
	`<a href="//evil.example">x</a>`, `<a href="\\evil.example">x</a>`, `<a href="https:evil">x</a>`, `<a href="https://u:p@evil.example">x</a>`, `<a href="https://ok.example" target=_blank ping=//evil.example>x</a>`,
	`<a href=https://ok.example/"onmouseover="alert(1)>x</a>`, `<a href='https://ok.example/' onmouseover='alert(1)'>x</a>`, `<a id=x name=y class=z style="a:b" href=https://ok.example>x</a>`,
	`<iframe src=javascript:alert(1)></iframe>`, `<iframe srcdoc="<script>alert(1)</script>"></iframe>`, `<object data=javascript:alert(1)></object>`, `<embed src=javascript:alert(1)>`, `<applet code=x>`,
	`<form action=javascript:alert(1)><button>x</button></form>`, `<form><input formaction=javascript:alert(1) type=submit></form>`, `<isindex action=javascript:alert(1)>`, `<button form=x formaction=javascript:alert(1)>x`,
	`<meta http-equiv=refresh content="0;url=javascript:alert(1)">`, `<base href="https://evil.example/">`, `<link rel=stylesheet href=//evil.example>`, `<style>@import '//evil.example'</style>`, `<p style="background:url(javascript:alert(1))">x</p>`,
	`<img src="javascript:alert(1)">`, `<img src="data:image/svg+xml,<svg onload=alert(1)>">`, `<img src=x srcset="y onerror=alert(1)">`, `<img src=http://plain.example/x>`, `<picture><source srcset=x><img src=x></picture>`,
	`<video src=x onerror=alert(1)>`, `<video><source onerror=alert(1)></video>`, `<audio src=x onerror=alert(1)>`, `<details open ontoggle=alert(1)>`, `<marquee onstart=alert(1)>`, `<dialog open onclose=alert(1)>`, `<portal src=x>`,
	`<template><img src=x onerror=alert(1)></template>`, `<template shadowrootmode=open><script>alert(1)</script></template>`, `<slot onslotchange=alert(1)>`, `<x-y onclick=alert(1)>x</x-y>`, `<p is=x-y>x</p>`,
	`<a href="https://ok.example" rel="opener">x</a>`, `<td colspan="javascript:1">x</td>`, `<td colspan=99999999999999999999 rowspan=-1>x</td>`, `<table background=javascript:alert(1)><tr><td>x</table>`,
	`<!--><img src=x onerror=alert(1)>-->`, `<!-- --!><img src=x onerror=alert(1)>`, `<!--[if IE]><script>alert(1)</script><![endif]-->`, `<![CDATA[<img src=x onerror=alert(1)>]]>`, `<?xml version="1.0"?><img src=x onerror=alert(1)>`, `<!doctype html><script>alert(1)</script>`,
	`<<img src=x onerror=alert(1)>`, `<\x00img src=x onerror=alert(1)>`, `</p onclick=alert(1)>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&amp;lt;script&amp;gt;`, `<`, `<a`, `<a href="`, `"><img src=x onerror=alert(1)>`, `'><img src=x onerror=alert(1)>`,
}

// wrappers put markup where a parser reads it in another mode than the one that reads it next: foreign content, raw text, text that
// ends elsewhere, comments, tables, forms, templates. The mutations of sanitised markup live on these borders.
var wrappers = []string{
	`%s`, `<p>%s</p>`, `<svg>%s</svg>`, `<math>%s</math>`, `<math><mtext>%s</mtext></math>`, `<math><mtext><table><mglyph><style><!--</style>%s--></style></mglyph></table></mtext></math>`,
	`<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style>%s">`, `<math><mtext><table><mglyph><style><math>%s</math></style></mglyph></table></mtext></math>`,
	`<svg></p><style><a id="</style>%s">`, `<svg><style>%s</style></svg>`, `<svg><style>&lt;/style&gt;%s</style>`, `<svg><title>%s</title></svg>`, `<svg><desc><style><a title="</style>%s">x</a></style></desc></svg>`,
	`<svg><foreignObject>%s</foreignObject></svg>`, `<math><annotation-xml encoding="text/html">%s</annotation-xml></math>`, `<math><annotation-xml encoding="application/xhtml+xml"><style>%s</style></annotation-xml></math>`,
	`<svg><![CDATA[%s]]></svg>`, `<svg><script>%s</script></svg>`, `<svg><a xlink:href="javascript:alert(1)">%s</a></svg>`, `<svg><use href="data:x">%s</use></svg>`, `<svg><animate attributeName=href values=javascript:alert(1)>%s</animate></svg>`,
	`<noscript>%s</noscript>`, `<noscript><p title="</noscript>%s">`, `<noscript><style></noscript>%s</style>`, `<noembed>%s</noembed>`, `<noframes>%s</noframes>`, `<xmp>%s</xmp>`, `<xmp><p title="</xmp>%s">`,
	`<plaintext>%s`, `<listing>%s</listing>`, `<textarea>%s</textarea>`, `<textarea><p title="</textarea>%s">`, `<title>%s</title>`, `<title><p title="</title>%s">`, `<style>%s</style>`, `<style><p title="</style>%s">`, `<iframe>%s</iframe>`,
	`<select>%s</select>`, `<select><option><style></option></select>%s</style>`, `<table>%s</table>`, `<table><tr><td>%s</table>`, `<table><caption><svg>%s</svg></caption></table>`, `<template>%s</template>`, `<template><style></template>%s</style>`,
	`<!--%s-->`, `<!-- -- %s -->`, `<!--><p>%s`, `<!--->%s-->`, `<b><p></b>%s</p>`, `<a href=https://ok.example><a href=https://ok.example>%s</a></a>`, `<ul><li><table><li>%s`, `<h2><h3>%s</h2>`, `<p><p>%s`, `<pre>` + "\n\n" + `%s</pre>`,
	`<p title="%s">`, `<p title='%s'>`, `<p title=%s>`, `<a href="%s">x</a>`, `<a href='%s'>x</a>`, `<a href=%s>x</a>`, `<img alt="%s" src="https://ok.example/x">`, `<img alt='%s' src='https://ok.example/x'>`, `<code>%s</code>`, `&lt;%s&gt;`,
}

var elements = map[string][]string{
	"basic": strings.Fields("p br b strong i em u s sub sup ul ol li blockquote code pre h2 h3 h4 hr a"),
	"rich":  strings.Fields("p br b strong i em u s sub sup ul ol li blockquote code pre h2 h3 h4 hr a figure figcaption table thead tbody tr th td caption dl dt dd img colgroup"),
}

var attributes = map[string][]string{"a": {"href", "rel"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}

// TestHTMLCannotAct: whatever is written, a browser that reads what is kept finds nothing but the profile's elements and attributes, in
// whatever element it stands, however often it is read and written again; and sanitising again changes nothing.
func TestHTMLCannotAct(t *testing.T) {
	n, bad := 0, 0
	for profile := range elements {
		for _, w := range wrappers {
			for _, p := range payloads {
				in := strings.Replace(w, "%s", p, 1)
				out := value.Sanitise(profile, in)
				if again := value.Sanitise(profile, out); again != out {
					t.Errorf("%s: %q becomes %q and then %q", profile, in, out, again)
				}
				if again := value.Sanitise(profile, "<p>a</p>"+out+"<p>b</p>"); len(again) < len(out) {
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
		if got := value.Sanitise("rich", in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestHTMLKeepsWords: what a writer may use stays as it was written.
func TestHTMLKeepsWords(t *testing.T) {
	for _, s := range []string{`<p>Plain <b>words</b> &amp; <em>more</em></p>`, `<ul><li>one</li><li>two</li></ul>`, `<blockquote><p>x</p></blockquote>`, `<h2>x</h2><pre><code>a &lt; b</code></pre>`,
		`<p>a<br/>b</p><hr/>`, `naïve 😀 text`, `<a href="https://ok.example/a?b=c&amp;d=e#f" rel="nofollow noreferrer">x</a>`, `<a href="mailto:ada@example.org" rel="nofollow noreferrer">x</a>`} {
		if got := value.Sanitise("basic", s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	for _, s := range []string{`<table><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>b</td><td>c</td></tr></tbody></table>`, `<figure><img src="https://ok.example/x.png" alt="x"/><figcaption>x</figcaption></figure>`} {
		if got := value.Sanitise("rich", s); got != s {
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
			if a.Namespace != "" || !slices.Contains(attributes[n.Data], a.Key) {
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
	case "href", "src":
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
