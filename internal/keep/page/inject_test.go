package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/types"
)

// hostile are texts that mean something to one of the languages on the way: SQL of both engines, CEL, JSON, paths, patterns.
var hostile = []string{
	`'`, `"`, `''`, `\`, `\'`, `"; --`, `'; DROP TABLE cases; --`, `" ; DROP TABLE "cases" ; --`, `' OR '1'='1`, `' OR 1=1 --`, `') OR ('1'='1`, `1; SELECT 1`,
	`x' UNION SELECT "id","id","id","id" FROM "accounts" --`, `' AND (SELECT pg_sleep(1)) IS NULL --`, `'||(SELECT 'a')||'`, `$1`, `?`, `?1`, `:a`, `@a`, `$$x$$`, `/* */`, `--`,
	`%`, `_`, `%%`, `\%`, `*`, `[a-z]`, `row.title`, `me.id`, `true`, `null`, `NaN`, `0x41`, `1e309`, `-0`, `{"$gt": ""}`, `[]`, `{}`, `../../etc/passwd`, `${env:HOME}`, `{{7*7}}`,
	"a\tb", "a\nb", "a\r\nb", "\u202e", "\ufeff", "\u0301", "é", "e\u0301", "😀", "\U0010ffff", "\x1b[31m", "\x7f", strings.Repeat("'", 60), strings.Repeat("(", 60),
}

// TestHostileTextIsAValue: stored, filtered by and sorted by, a hostile text is the text that it is, finds its own row and no other.
func TestHostileTextIsAValue(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ids := map[string]string{}
		for i, text := range hostile {
			m, err := o.TryCreate(o.owner, "cases", fmt.Sprintf(`{"title": %s, "code": "c-%d"}`, quoted(text), i))
			if err != nil {
				t.Errorf("%q: %v", text, err)
				continue
			}
			if prior := ids[m["title"].(string)]; prior == "" { // e + accent is é
				ids[m["title"].(string)] = m["id"].(string)
			}
		}
		for title, id := range ids {
			for _, q := range []keep.ListQuery{{Filters: []page.Filter{{Field: "title", Value: title}}}, {Filter: "row.title == " + celQuoted(title)},
				{Filter: "row.title in [" + celQuoted(title) + "]"}, {Filter: "row.title.startsWith(" + celQuoted(title) + ") && row.title <= " + celQuoted(title)}} {
				q.Collection, q.Sort = "cases", "created"
				p, err := o.List(o.owner, q)
				if err != nil || len(p.Items) == 0 || p.Items[0]["id"] != id || p.Items[0]["title"] != title {
					t.Errorf("%v finds %v, %v", q, p.Items, err)
				}
				for _, m := range p.Items {
					if m["title"] != title {
						t.Errorf("%v also finds %q", q, m["title"])
					}
				}
			}
		}
		p, err := o.List(o.owner, keep.ListQuery{Collection: "cases", Sort: "title", Limit: 200, Count: true})
		if err != nil || *p.Count != len(hostile) {
			t.Errorf("%d rows of %d are left, %v", *p.Count, len(hostile), err)
		}
	})
}

// TestHostileNamesAreRefused: the same texts where a collection, an id, a field, an operator, a sort, a selection, an include, a
// cursor, a filter or a limit is expected are refused by kind, and nothing breaks.
func TestHostileNamesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 3)
		check := func(where, text string, err error) {
			t.Helper()
			switch types.KindOf(err) {
			case types.Malformed, types.NotFound, types.Invalid:
			default:
				t.Errorf("%s %q: %v", where, text, err)
			}
		}
		for _, text := range hostile {
			list := func(where string, q keep.ListQuery) {
				t.Helper()
				if q.Collection == "" {
					q.Collection = "cases"
				}
				_, err := o.List(o.owner, q)
				check(where, text, err)
			}
			list("collection", keep.ListQuery{Collection: text})
			list("sort", keep.ListQuery{Sort: text})
			list("sort", keep.ListQuery{Sort: "-" + text})
			list("after", keep.ListQuery{After: text})
			list("fields", keep.ListQuery{Fields: []string{"title", text}})
			list("include", keep.ListQuery{Include: []string{text}})
			list("field", keep.ListQuery{Filters: []page.Filter{{Field: text, Value: "x"}}})
			list("operator", keep.ListQuery{Filters: []page.Filter{{Field: "title", Op: text, Value: "x"}}})
			list("time", keep.ListQuery{Filters: []page.Filter{{Field: "created", Value: text}}})
			list("number", keep.ListQuery{Filters: []page.Filter{{Field: "pay", Value: text + "x"}}})
			list("filter", keep.ListQuery{Filter: "row." + text + " == 'x'"})
			list("filter", keep.ListQuery{Filter: "row.title == 'x' && " + text + "("})
			_, err := o.Get(o.owner, "cases", text)
			check("id", text, err)
			_, err = o.Get(o.owner, text, text)
			check("collection", text, err)
			_, err = o.TryCreate(o.owner, "cases", fmt.Sprintf(`{"title": "x", "code": "x", %s: 1}`, quoted(text)))
			check("name", text, err)
			_, err = o.TryCreate(o.owner, "cases", fmt.Sprintf(`{"title": "x", "code": "x", "parent": %s}`, quoted(text)))
			check("reference", text, err)
			_, err = o.TryCreate(o.owner, "cases", fmt.Sprintf(`{"title": "x", "code": "x", "kind": %s}`, quoted(text)))
			check("enum", text, err)
			for _, body := range []string{`{"do": [{"create": %s, "new": {}}]}`, `{"do": [{"update": "cases", "id": %s, "new": {"title": "x"}}]}`, `{"do": [{"create": "cases", "new": {"title": "x", "code": "x", "parent": %s}}]}`,
				`{"do": [{%s: "cases"}]}`} {
				_, err = o.Keep.Batch(t.Context(), o.owner, fmt.Appendf(nil, body, quoted(text)), keep.Write{})
				check("batch", text, err)
			}
		}
		if p, err := o.List(o.owner, keep.ListQuery{Collection: "cases", Count: true}); err != nil || *p.Count != 3 {
			t.Errorf("3 rows became %v, %v", p, err)
		}
		if _, err := page.ParseList("cases", map[string][]string{"'": {"x"}, "title": {"a", "b"}}); types.KindOf(err) != types.Malformed {
			t.Errorf("a parameter given twice: %v", err)
		}
		keeptest.Want(t, func() error { _, err := page.ParseSearch("cases", []byte(`{"filter": {"$gt": ""}}`)); return err }(), types.Malformed, "bad_search")
	})
}

// quoted writes a JSON string.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// celQuoted writes a CEL string.
func celQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if r < ' ' || r == '\'' || r == '\\' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `'`
}
