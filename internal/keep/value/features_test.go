package value_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/fastness-dev/fastness/internal/keep/value"
)

// values are harmless values of attributes.
var values = map[string]string{"title": "a title", "lang": "de", "dir": "rtl", "translate": "no", "cite": "https://ok.example/a", "datetime": "2026-01-31", "start": "3",
	"reversed": "", "type": "a", "value": "7", "href": "https://ok.example/a", "hreflang": "de", "download": "", "target": "_blank", "open": "", "src": "https://img.example/a.png",
	"alt": "a picture", "width": "40", "height": "30", "loading": "lazy", "decoding": "async", "align": "center", "valign": "top", "colspan": "2", "rowspan": "2", "scope": "col",
	"abbr": "short", "headers": "x", "span": "2", "border": "1", "summary": "what it tells", "class": "note", "id": "here", "name": "here", "controls": "", "max": "9", "min": "0",
	"color": "red", "role": "note", "aria-label": "a note", "bgcolor": "red", "hidden": "", "srcset": "https://img.example/b.png 2x"}

// around is where an element stands when it cannot stand alone; § is its place.
var around = map[string]string{"li": "<ul>§</ul>", "dt": "<dl>§</dl>", "dd": "<dl>§</dl>", "caption": "<table>§</table>", "colgroup": "<table>§</table>", "thead": "<table>§</table>",
	"tbody": "<table>§</table>", "tfoot": "<table>§</table>", "col": "<table><colgroup>§</colgroup></table>", "tr": "<table><tbody>§</tbody></table>",
	"td": "<table><tbody><tr>§</tr></tbody></table>", "th": "<table><tbody><tr>§</tr></tbody></table>", "summary": "<details>§</details>", "figcaption": "<figure>§</figure>",
	"rt": "<ruby>a§</ruby>", "rp": "<ruby>a§</ruby>", "source": "<picture>§</picture>", "hgroup": "<hgroup>§</hgroup>"}

// features are elements with their attributes that carry no script and take no look of the page: * is the element alone.
const features = `
p * title lang dir align class
br *
hr * width
h1 * title dir align id
h2 * title dir align id
h3 * title dir align
h4 * title align
h5 * title align
h6 * title align
hgroup *
div * title lang dir align class
span * title lang dir class
section * title lang
article * title lang
aside * title lang
header * lang
footer * lang
address *
main *
nav *
center *
blockquote * cite title lang
pre * title dir class
code * title class
kbd *
samp *
var *
b * title
strong * title lang
i * title lang
em * title lang
u * title
s *
strike *
del * cite datetime title
ins * cite datetime title
mark * title
small * title
big *
tt *
sub *
sup *
abbr * title lang
acronym * title
cite * title
q * cite lang
dfn * title
time * datetime
data value
bdi * dir
bdo dir lang
ruby * lang
rt *
rp *
wbr *
a href title hreflang lang target download name
ul * type title lang dir class
ol * start type reversed title dir
li * value type title lang dir
menu *
dl * title lang
dt * title lang
dd * title lang
figure * title lang
figcaption * title lang
img src alt title width height loading decoding align srcset
picture *
source srcset
audio src controls
video src controls
details * open title lang
summary * title
table * title summary border width align class
caption * title align
colgroup * span width
col * span width align valign
thead * align valign
tbody * align valign
tfoot * align valign
tr * align valign title bgcolor
td * colspan rowspan align valign width title lang headers
th * colspan rowspan align valign width scope abbr title lang
font color
meter value min max
progress value max
p role aria-label
div role hidden
`

// TestHTMLKeepsHarmlessFeatures: of what writers and editors write and carries no script, rich keeps most and basic the words.
func TestHTMLKeepsHarmlessFeatures(t *testing.T) {
	kept, all, lost := map[string]int{}, 0, map[string][]string{}
	for line := range strings.Lines(features) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		element := words[0]
		for _, attribute := range words[1:] {
			in, all := feature(element, attribute), &all
			*all++
			for _, profile := range []string{"basic", "rich"} {
				out := value.Sanitise(profile, []string{"img.example"}, in)
				if holds(t, out, element, attribute) {
					kept[profile]++
				} else {
					lost[profile] = append(lost[profile], element+" "+attribute)
				}
				if again := value.Sanitise(profile, []string{"img.example"}, out); again != out {
					t.Errorf("%s: %q becomes %q and then %q", profile, in, out, again)
				}
			}
		}
	}
	t.Logf("of %d features rich keeps %d, basic %d; rich loses %s", all, kept["rich"], kept["basic"], strings.Join(lost["rich"], ", "))
	if all < 220 || kept["rich"]*100 < all*85 || kept["basic"]*100 > all*45 || kept["basic"]*100 < all*30 {
		t.Errorf("of %d features rich keeps %d, basic %d", all, kept["rich"], kept["basic"])
	}
}

// feature writes an element with one attribute where it may stand.
func feature(element, attribute string) string {
	tag := "<" + element
	if attribute != "*" {
		if element == "img" && attribute != "src" {
			tag += ` src="https://img.example/a.png"`
		}
		v := values[attribute]
		if element == "img" && attribute == "align" {
			v = "left"
		}
		tag += " " + attribute + `="` + v + `"`
	}
	if at, ok := around[element]; ok && element != "hgroup" {
		return strings.Replace(at, "§", tag+">x</"+element+">", 1)
	}
	return tag + ">x</" + element + ">"
}

func holds(t *testing.T, markup, element, attribute string) bool {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(markup), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	var look func(*html.Node)
	look = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == element {
			found = found || attribute == "*"
			for _, a := range n.Attr {
				found = found || a.Key == attribute
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			look(c)
		}
	}
	for _, n := range nodes {
		look(n)
	}
	return found
}

// TestHTMLKeepsWordsApart: where a block is dropped, in either profile or when nothing but text is kept, the words around it stay two.
func TestHTMLKeepsWordsApart(t *testing.T) {
	nested := strings.Repeat("<p><b><i>x", 2000)
	for _, in := range []string{"<div>one</div><div>two</div>", "one<div>two</div>", "<div>one</div>two", "<table><tr><td>one</td><td>two</td></tr></table>", "<h1>one</h1>two", "<section>one</section>two",
		"<dl><dt>one</dt><dd>two</dd></dl>", "<form>one</form>two", "<select><option>one<option>two</select>", "<nav>one</nav>two", "<h6>one</h6><h6>two</h6>",
		"<fieldset><legend>one</legend>two</fieldset>", "one<hr>two", "<article>one<article>two", "<center>one</center>two", "<p>one<p>two" + nested, "one<br>two" + nested} {
		for _, profile := range []string{"basic", "rich"} {
			if out := value.Sanitise(profile, nil, in); strings.Contains(out, "onetwo") || !strings.Contains(out, "one") || !strings.Contains(out, "two") {
				t.Errorf("%s: %q becomes %q", profile, in, out[:min(len(out), 80)])
			}
		}
	}
	for in, want := range map[string]string{"on<span>e</span>": "one", "o<font>n</font>e": "one", "<x-y>on</x-y>e": "one", "on<script>x</script>e": "one", "on<style>x</style>e": "one"} {
		if out := value.Sanitise("basic", nil, in); out != want {
			t.Errorf("%q becomes %q", in, out)
		}
	}
}

// TestHTMLImagesOfDeclaredHosts: pictures come by https from the hosts that the declaration names, and from no other.
func TestHTMLImagesOfDeclaredHosts(t *testing.T) {
	hosts := []string{"img.example", "cdn.example:8443"}
	for _, src := range []string{"https://img.example/a.png?b=c&amp;d", "https://IMG.example/a", "https://cdn.example:8443/a/b@c.png", "https://img.example"} {
		if out := value.Sanitise("rich", hosts, `<img src="`+src+`" alt="x">`); !strings.Contains(out, "<img src=") {
			t.Errorf("%s is dropped: %q", src, out)
		}
	}
	for _, src := range []string{"https://elsewhere.example/a", "http://img.example/a", "https://img.example.evil.example/a", "https://img.example@evil.example/a", "https://evil.example/?https://img.example/a",
		"//img.example/a", "https://imgXexample/a", "https://sub.img.example/a", "https://img.example:8443/a", "https://cdn.example/a", `https://img.example\\@evil.example/a`, "data:image/png;base64,AAAA",
		"javascript:alert(1)", "/a", "https:img.example/a", "https:///img.example/a", "https://img.example:pass@evil.example", "https://evil.example#@img.example/a"} {
		if out := value.Sanitise("rich", hosts, `x<img src="`+src+`" alt="x">`); strings.Contains(out, "src") {
			t.Errorf("%s is kept: %q", src, out)
		}
	}
	for _, profile := range []string{"basic", "rich"} {
		if out := value.Sanitise(profile, nil, `x<img src="https://img.example/a.png">`); out != "x" {
			t.Errorf("%s without hosts keeps %q", profile, out)
		}
	}
}
