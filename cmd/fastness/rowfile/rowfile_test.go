package rowfile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/cmd/fastness/rowfile"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// head begins a declaration of two collections with every type of field, each as a field that may be missing and as one with a default.
const head = `version: 1
service: {name: things, host: things.example}
roles: {staff: {}}
accounts:
  fields: {name: {type: text, max: 40}}
  allow: [{to: read, when: "has_role('staff')"}]
collections:
  places:
    fields: {name: {type: text, max: 40}}
    allow: [{to: [read, create], when: "has_role('staff')"}]
`

// fields follow the name of a collection.
const fields = `    fields:
      text: {type: text, max: 400, optional: true}
      word: {type: text, max: 400, optional: true, default: "none"}
      n: {type: int, optional: true, default: 7}
      price: {type: decimal, digits: 2, optional: true}
      yes: {type: bool, optional: true, default: true}
      day: {type: date, optional: true}
      at: {type: time, optional: true}
      kind: {type: enum, values: [a, b], optional: true}
      mail: {type: email, optional: true}
      link: {type: url, optional: true}
      key: {type: uuid, optional: true}
      doc: {type: json, optional: true, max: 400}
      rich: {type: html, profile: rich, max: 400, optional: true}
      words: {type: list, of: {type: text, max: 100}, max: 5, optional: true}
      prices: {type: list, of: {type: decimal, digits: 3}, max: 5, optional: true, default: "[]"}
      who: {type: account, optional: true}
      where: {type: ref, to: places, optional: true, on_delete: clear}
      stage: {type: state, start: draft, steps: {draft: [done], done: []}}
      secret: {type: text, max: 100, optional: true, encrypted: true, personal: true}
    allow: [{to: [read, create, update], when: "has_role('staff')"}]
`

const things = head + "  old:\n" + fields + "  moved:\n" + fields

// values are what the fields of a row may hold, beside null.
var values = map[string][]string{
	"text": {`""`, `"\\N"`, `"null"`, `"a,b;c\td|e"`, `"a\"b\"\""`, `"one\r\ntwo\nthree\rfour"`, `" blanks "`, `"007"`, `"TRUE"`, `"ü€😀"`, `"\ufeffmark"`, `"=1+1"`, `"\"\""`},
	"word": {`""`, `"none"`, `"\\N"`}, "n": {`0`, `-9007199254740991`, `7`}, "price": {`"0.00"`, `"-12.50"`, `"1234567.89"`}, "yes": {`true`, `false`},
	"day": {`"2026-02-28"`}, "at": {`"2026-02-28T12:00:00Z"`, `"2026-02-28T12:00:00.123456Z"`}, "kind": {`"a"`, `"b"`}, "mail": {`"ada@example.org"`},
	"link": {`"https://example.org/a?b=c,d;e"`}, "key": {`"00112233-4455-6677-8899-aabbccddeeff"`},
	"doc":   {`{}`, `[]`, `""`, `"12"`, `12`, `1.5e-7`, `true`, `"a,\"b\"\n"`, `{"a":[null,"x"]}`, `"\\N"`},
	"rich":  {`"<p>a, b</p>\n<p>c</p>"`, `""`, `"1 &lt; 2"`},
	"words": {`[]`, `[""]`, `["a,b","c\nd"]`, `["1","true"]`}, "prices": {`[]`, `["1.500","0.000"]`},
	"stage": {`"draft"`, `"done"`}, "secret": {`"a;b"`, `""`},
}

// staff are rows without rules: states and all.
var system = &types.Caller{Kind: types.Operator, Name: "test", Reason: "a move"}

// random is a row whose fields are each absent, null or one of their values.
func random(r *rand.Rand, place, person string) string {
	row := map[string]jsontext.Value{}
	for name, list := range values {
		switch n := r.IntN(len(list) + 2); {
		case n < len(list):
			row[name] = jsontext.Value(list[n])
		case n == len(list) && name != "stage":
			row[name] = jsontext.Value("null")
		}
	}
	if r.IntN(2) == 0 {
		row["where"], row["who"] = jsontext.Value(place), jsontext.Value(person)
	}
	out, _ := json.Marshal(row, json.Deterministic(true))
	return string(out)
}

func export(t *testing.T, k *keeptest.Kit, by *types.Caller, collection, format string) string {
	t.Helper()
	var out strings.Builder
	write := rowfile.Writer(&out, format, k.Plan.Collection(collection))
	after := ""
	for {
		a, err := k.Keep.List(context.Background(), by, keep.ListQuery{Collection: collection, Limit: 50, After: after})
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Items []jsontext.Value `json:"items"`
			Next  *string          `json:"next"`
		}
		if err := json.Unmarshal(a.Body, &page); err != nil {
			t.Fatal(err)
		}
		if err := write(page.Items); err != nil {
			t.Fatal(err)
		}
		if page.Next == nil {
			return out.String()
		}
		after = *page.Next
	}
}

// rows reads an export as rows without what the system writes.
func rows(t *testing.T, lines string) (out []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		fields := map[string]jsontext.Value{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "created", "updated", "version"} {
			delete(fields, name)
		}
		text, _ := json.Marshal(fields, json.Deterministic(true))
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

// TestExportsComeBack: rows of every type of field leave as CSV and as JSON Lines and come in as the same rows: what is missing, empty,
// null where there is a default, a list, json, a decimal, a time, a state that no new row has.
func TestExportsComeBack(t *testing.T) {
	keeptest.Each(t, things, func(t *testing.T, k *keeptest.Kit) {
		r := rand.New(rand.NewPCG(1, 2))
		staff := k.Person("Sam", "staff")
		place := fmt.Sprintf("%q", k.Create(staff, "places", `{"name": "here"}`)["id"])
		for range 150 {
			k.Create(system, "old", random(r, place, fmt.Sprintf("%q", staff.Account)))
		}
		want := rows(t, export(t, k, system, "old", "jsonl"))
		for _, format := range []string{"csv", "jsonl"} {
			form, err := rowfile.FormatOf(format, "")
			if err != nil {
				t.Fatal(err)
			}
			before := rows(t, export(t, k, system, "moved", "jsonl"))
			file, err := rowfile.Read(strings.NewReader(export(t, k, system, "old", format)), form, k.Plan.Collection("moved"))
			if err != nil {
				t.Fatal(err)
			}
			if file.Noted != "" {
				t.Errorf("our own export is read as: %s", file.Noted)
			}
			take(t, k, file)
			got := rows(t, export(t, k, system, "moved", "jsonl"))
			for _, row := range before {
				got = slices.Delete(got, slices.Index(got, row), slices.Index(got, row)+1)
			}
			for i := range want {
				if len(got) != len(want) || got[i] != want[i] {
					t.Fatalf("%s: %d of %d rows; row %d came back as\n%s\nand was\n%s", format, len(got), len(want), i, got[min(i, len(got)-1)], want[i])
				}
			}
		}
	})
}

// take imports a file.
func take(t *testing.T, k *keeptest.Kit, file *rowfile.Reader) {
	t.Helper()
	i := &rowfile.Importer{At: func(int) {}, Send: func(text string, each int) (string, error) {
		var list []jsontext.Value
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return "", err
		}
		var taken rowfile.Taken
		var err error
		if taken.Made, taken.At, err = k.Keep.Import(context.Background(), system, "moved", list, each); err != nil {
			taken.Refuse(err, 1)
		}
		out, err := json.Marshal(taken)
		return string(out), err
	}}
	if err := i.Import(file); err != nil {
		t.Fatal(err)
	}
}

// TestFilesFromPeople: what programs of people write is read as they meant it, or refused with row and column. Nothing is guessed: what was
// found out about the form is said.
func TestFilesFromPeople(t *testing.T) {
	col := keeptest.Compile(t, things).Collection("old")
	for _, c := range []struct {
		name, encoding, separator, text string
		missing                         bool
		want                            string // rows, one a line
		noted, wrong                    string
	}{
		{name: "plain", text: "text,n\na,7\n", want: `{"n":7,"text":"a"}`},
		{name: "no last line end", text: "text,n\na,7", want: `{"n":7,"text":"a"}`},
		{name: "mark of UTF-8", text: "\ufefftext,n\na,7\n", want: `{"n":7,"text":"a"}`},
		{name: "mark and quotes", text: "\ufeff\"text\",n\na,7\n", want: `{"n":7,"text":"a"}`},
		{name: "CRLF", text: "text,n\r\na,7\r\n\"b\r\nc\",8\r\n", want: `{"n":7,"text":"a"}` + "\n" + `{"n":8,"text":"b\r\nc"}`},
		{name: "CR", text: "text,n\ra,7\rb,8", want: `{"n":7,"text":"a"}` + "\n" + `{"n":8,"text":"b"}`, noted: "lines end with CR alone"},
		{name: "semicolons", text: "text;n\na,b;7\n", want: `{"n":7,"text":"a,b"}`, noted: "cells are separated by semicolons"},
		{name: "tabs", text: "text\tn\na\t7\n", want: `{"n":7,"text":"a"}`, noted: "cells are separated by tabs"},
		{name: "named", separator: ":", text: "text:n\na:7\n", want: `{"n":7,"text":"a"}`, noted: `cells are separated by ':'`},
		{name: "sep line", text: "sep=;\ntext;n\na;7\n", want: `{"n":7,"text":"a"}`, noted: "cells are separated by semicolons"},
		{name: "one column", text: "text\na;b\n", want: `{"text":"a;b"}`},
		{name: "windows-1252", encoding: "windows-1252", text: "text,n\nM\xfcller \x80,7\n", want: `{"n":7,"text":"Müller €"}`},
		{name: "missing, empty, null", text: "text,word,n\n,\"\",\\N\n", want: `{"n":null,"word":""}`},
		{name: "quoted null is text", text: "text\n\"\\N\"\n", want: `{"text":"\\N"}`},
		{name: "all in quotes", text: "\"text\",\"n\"\n\"\",\"\"\n", missing: true, want: `{}`},
		{name: "zeros in text", text: "text\n007\n", want: `{"text":"007"}`},
		{name: "spreadsheet booleans", text: "yes\nTRUE\nFalse\n", want: `{"yes":true}` + "\n" + `{"yes":false}`},
		{name: "json", text: "doc\n\"\"\"12\"\"\"\n12\n", want: `{"doc":"12"}` + "\n" + `{"doc":12}`},
		{name: "blank lines", text: "text,n\n\na,7\n\n", want: `{"n":7,"text":"a"}`},
		{name: "system fields", text: "id,text\nx,a\n", want: `{"text":"a"}`},

		{name: "windows-1252 unnamed", text: "text,n\na,1\nM\xfcller,7\n", wrong: "row 2, column 1 (text), line 3: the byte 0xFC is not UTF-8"},
		{name: "unnamed in the header", text: "pr\xe9nom,n\n", wrong: "header, line 1: the byte 0xE9 is not UTF-8"},
		{name: "no such byte", encoding: "windows-1252", text: "text\na\n\x81\n", wrong: "row 2, column 1 (text), line 3: the byte 0x81 is no character of windows-1252"},
		{name: "not latin", encoding: "iso-8859-1", text: "text\n\x80\n", wrong: "the byte 0x80 is no character of iso-8859-1"},
		{name: "UTF-8 called something else", encoding: "windows-1252", text: "\ufefftext\na\n", wrong: "name no encoding"},
		{name: "UTF-16", text: "\xff\xfet\x00", wrong: "UTF-16; save it as UTF-8"},
		{name: "UTF-16 without a mark", text: "t\x00e\x00", wrong: "NUL"},
		{name: "empty", text: "", wrong: "there is no header"},
		{name: "zeros", text: "text,n\na,007\n", wrong: "row 1, column 2 (n), line 2: a whole number is written like 7"},
		{name: "plus", text: "n\n+7\n", wrong: "a whole number"},
		{name: "blank before", text: "n\n 7\n", wrong: "a whole number"},
		{name: "word for yes", text: "yes\nWAHR\n", wrong: "row 1, column 1 (yes), line 2: write true or false"},
		{name: "number for yes", text: "yes\n1\n", wrong: "write true or false"},
		{name: "list", text: "words\na;b\n", wrong: "row 1, column 1 (words), line 2: a list is written as JSON"},
		{name: "text for json", text: "doc\nabc\n", wrong: "row 1, column 1 (doc), line 2: json is written as JSON"},
		{name: "empty number", text: "text,n\na,\"\"\n", wrong: "row 1, column 2 (n), line 2: an empty text is no value of this field"},
		{name: "too many cells", text: "text,n\na,b,7\n", wrong: "row 1, line 2: it has 3 cells and the header 2"},
		{name: "too few cells", text: "text,n\na\n", wrong: "row 1, line 2: it has 1 cells and the header 2"},
		{name: "unknown column", text: "text,nope\na,7\n", wrong: "header, column 2 (nope), line 1: old has no field of this name"},
		{name: "unknown separator", text: "text:n\na:7\n", wrong: "header, column 1 (text:n), line 1: old has no field of this name; cells are separated by commas"},
		{name: "twice", text: "text,text\na,b\n", wrong: `header, column 2 (text), line 1: the header names "text" twice`},
		{name: "nameless", text: "text,\na,\n", wrong: "header, column 2, line 1: the column has no name"},
		{name: "quote inside", text: "text,n\na\"b,7\n", wrong: "row 1, column 1 (text), line 2: there is a quote inside the cell"},
		{name: "behind the quote", text: "text,n\n\"a\"b,7\n", wrong: "row 1, column 1 (text), line 2: there is text behind the quote"},
		{name: "open quote", text: "text,n\na,1\n\"b,7\n", wrong: "row 2, column 1 (text), line 3: the quote that begins the cell is not closed"},
		{name: "mixed ends", text: "text,n\na\rb,7\n", wrong: "row 1, column 1 (text), line 2: its line ends otherwise"},
		{name: "empty line of one column", text: "text\n\na\n", wrong: "row 1, column 1 (text), line 2: the line is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := rowfile.Format{CSV: true, EmptyMissing: c.missing}
			var err error
			if form.Table, err = rowfile.TableOf(c.encoding, c.separator); err != nil {
				t.Fatal(err)
			}
			got, noted, err := all(c.text, form, func(in io.Reader, f rowfile.Format) (*rowfile.Reader, error) { return rowfile.Read(in, f, col) })
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%q is %q, %v; want %q", c.text, got, err, c.wrong)
				}
			} else if err != nil || strings.Join(got, "\n") != c.want || noted != c.noted {
				t.Errorf("%q is %q, %q, %v; want %q, %q", c.text, got, noted, err, c.want, c.noted)
			}
		})
	}
}

// all reads a whole file.
func all(text string, form rowfile.Format, read func(io.Reader, rowfile.Format) (*rowfile.Reader, error)) (out []string, noted string, err error) {
	file, err := read(strings.NewReader(text), form)
	if err != nil {
		return nil, "", err
	}
	for {
		row, err := file.Next()
		if errors.Is(err, io.EOF) {
			return out, file.Noted, nil
		}
		if err != nil {
			return out, file.Noted, err
		}
		out = append(out, string(row.JSON))
	}
}

// TestLinesFromPeople: JSON Lines are strict: what is broken, twice there or not UTF-8 is refused with its row.
func TestLinesFromPeople(t *testing.T) {
	col := keeptest.Compile(t, things).Collection("old")
	read := func(in io.Reader, f rowfile.Format) (*rowfile.Reader, error) { return rowfile.Read(in, f, col) }
	for text, want := range map[string]string{
		"\ufeff{\"n\":1}\n\r\n {\"n\":2}\r\n": "", "{\"n\":1}\n{\"n\":1,\"n\":2}\n": "row 2, column 8, line 2", "{\"text\":\"M\xfcller\"}\n": "row 1, column 11, line 1",
		"[{\"n\":1}]\n": "row 1", "{\n\"n\":1}\n": "row 1", "{\"n\":1}\r{\"n\":2}\r": "row 1", "null\n": "row 1", "{\"text\":\"\\ud800\"}\n": "row 1",
		"{\"n\":007}\n": "row 1", "{\"yes\":TRUE}\n": "row 1", strings.Repeat("x", 1<<20) + "\n": "line 1: it is longer",
	} {
		got, _, err := all(text, rowfile.Format{}, read)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q is %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := rowfile.TableOf("utf-7", ""); err == nil || !strings.Contains(err.Error(), "windows-1252") {
		t.Errorf("an unknown encoding is told as: %v", err)
	}
	for _, sep := range []string{"\"", "ab", "\n"} {
		if _, err := rowfile.TableOf("", sep); err == nil {
			t.Errorf("%q is a separator", sep)
		}
	}
	latin, _ := rowfile.TableOf("iso-8859-1", "")
	if _, err := read(strings.NewReader("{}"), rowfile.Format{Table: latin}); err == nil {
		t.Error("JSON Lines may have an encoding")
	}
	for name, csv := range map[string]bool{"a.csv": true, "A.CSV": true, "a.jsonl": false, "a.JSON": false, "-": false} {
		if form, err := rowfile.FormatOf("", name); err != nil || form.CSV != csv {
			t.Errorf("%s is %v, %v", name, form.CSV, err)
		}
	}
	if _, err := rowfile.FormatOf("", "a.xlsx"); err == nil {
		t.Error("a spreadsheet is taken for rows")
	}
}

// TestSlowImportsShrink: a transaction that takes too long is sent again in smaller ones, and every row is made once, in order; a single
// row that takes too long is refused with its place.
func TestSlowImportsShrink(t *testing.T) {
	col := keeptest.Compile(t, things).Collection("old")
	var text strings.Builder
	for n := range 2500 {
		fmt.Fprintf(&text, "{\"n\":%d}\n", n)
	}
	for most, refused := range map[int]string{2500: "", 300: "", 7: "", 1: "", 0: "row 1, line 1: too_slow"} {
		var made []string
		at := 0
		i := &rowfile.Importer{At: func(n int) { at = n }, Send: func(text string, each int) (string, error) {
			var list []jsontext.Value
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				return "", err
			}
			taken := rowfile.Taken{At: -1}
			for part := range slices.Chunk(list, each) {
				if len(part) > most {
					taken.At = taken.Made
					taken.Refuse(types.Refuse(types.Unavailable, "too_slow", ""), 3)
					break
				}
				for _, row := range part {
					made = append(made, string(row))
				}
				taken.Made += len(part)
			}
			out, err := json.Marshal(taken)
			return string(out), err
		}}
		file, err := rowfile.Read(strings.NewReader(text.String()), rowfile.Format{}, col)
		if err != nil {
			t.Fatal(err)
		}
		err = i.Import(file)
		if refused != "" {
			var refusal *rowfile.Refusal
			if !errors.As(err, &refusal) || refusal.Code != 3 || !strings.Contains(refusal.Text, refused) || len(made) != 0 {
				t.Errorf("%d rows at once: %v", most, err)
			}
			continue
		}
		if err != nil || i.Done != 2500 || at != 2500 || strings.Join(made, "\n")+"\n" != text.String() {
			t.Errorf("%d rows at once: %d of 2500 are in, %d were made: %v", most, i.Done, len(made), err)
		}
	}
}
