package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/types/table"
)

// Formats are the programs whose accounts are read. flask is another word for werkzeug, whose functions Flask's users call.
func Formats() []string { return []string{"django", "werkzeug", "flask", "passlib", "bcrypt"} }

// Bounds of a file: more accounts come in several files. A person has at most so many bytes of what this reader does not understand.
const (
	MaxPeople = 1_000_000
	maxFile   = 1 << 30
	maxRow    = 64 << 10
)

// Person is an account of another program, as the file says it.
type Person struct {
	Where     string // "line 12", or "pk 7" of a Django dump
	Email     string // as written
	Hash      string // of the password; "" when the account has none that could be used
	Name      string
	Inactive  bool
	Superuser bool
	Groups    []string
	Fields    map[string]jsontext.Value // columns that mean nothing to this reader, by name, text of a CSV as a JSON string
	Wrong     string                    // why this person cannot be read; everything else is empty then
}

// Source says what is in a file.
type Source struct {
	Format string     // one of Formats
	CSV    bool       // a table with a header; otherwise JSON Lines, or the JSON of Django's dumpdata
	Table  table.Form // of a CSV
	Model  string     // of a Django dump; "" means auth.user
}

// Read reads a whole file. A person that cannot be read is in the list with Wrong; an error means that the file is not what it
// should be, and nothing of it is to be used.
//
// Django: the output of `manage.py dumpdata auth.user auth.group`, or a CSV with its column names (username, email, password,
// first_name, last_name, is_active, is_superuser, groups). The others: email, password_hash, name, is_active, groups. In a CSV groups
// are separated by semicolons.
func Read(s Source, in io.Reader) ([]Person, error) {
	if !slices.Contains(Formats(), s.Format) {
		return nil, fmt.Errorf("foreign: unknown format %q; use one of %s", s.Format, strings.Join(Formats(), ", "))
	}
	in = &bounded{in, maxFile}
	switch {
	case s.CSV:
		return rows(s, in)
	case s.Format == "django":
		return dump(s, in)
	}
	return lines(s, in)
}

// bounded ends a file that is too large with an error, so that half of it does not pass for the whole.
type bounded struct {
	io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("foreign: the file has more than %d bytes; cut it up", maxFile)
	}
	return n, err
}

func rows(s Source, in io.Reader) ([]Person, error) {
	r, err := table.New(in, s.Table)
	if err != nil {
		return nil, fmt.Errorf("foreign: %w", err)
	}
	if need := wanted(s.Format); !slices.Contains(r.Header, need) {
		return nil, fmt.Errorf("foreign: the header has no column %s", need)
	}
	var out []Person
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("foreign: %w", err)
		}
		row := map[string]jsontext.Value{}
		for i, name := range r.Header {
			if cells[i].Text == "" {
				continue
			}
			if row[name], err = json.Marshal(cells[i].Text); err != nil {
				return nil, fmt.Errorf("foreign: %w", r.Wrong(i, "the text is not UTF-8; save the file as UTF-8"))
			}
		}
		if out = append(out, person(s, fmt.Sprintf("line %d", r.Line()), row, nil)); len(out) > MaxPeople {
			return nil, errMany
		}
	}
}

var errMany = fmt.Errorf("foreign: the file holds more than %d people; cut it up", MaxPeople)

// wanted is the column without which nobody could sign in.
func wanted(format string) string {
	if format == "django" {
		return "password"
	}
	return "password_hash"
}

func lines(s Source, in io.Reader) ([]Person, error) {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 1<<20)
	var out []Person
	for n := 1; scan.Scan(); n++ {
		text := bytes.TrimSpace(bytes.TrimPrefix(scan.Bytes(), []byte("\ufeff")))
		if len(text) == 0 {
			continue
		}
		where, row := fmt.Sprintf("line %d", n), map[string]jsontext.Value{}
		if err := json.Unmarshal(text, &row); err != nil {
			out = append(out, Person{Where: where, Wrong: "this is not a strict JSON object"})
		} else {
			out = append(out, person(s, where, row, nil))
		}
		if len(out) > MaxPeople {
			return nil, errMany
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("foreign: %w", err)
	}
	return out, nil
}

// cells reads the values of one person and remembers the first that is not what it should be.
type cells struct {
	row map[string]jsontext.Value
	err string
}

func (c *cells) value(name string, into any) {
	raw, ok := c.row[name]
	delete(c.row, name)
	if !ok || raw.Kind() == 'n' {
		return
	}
	if err := json.Unmarshal(raw, into); err != nil && c.err == "" {
		c.err = name + " is not what it should be"
	}
}

func (c *cells) text(name string) string {
	var s string
	c.value(name, &s)
	return strings.TrimSpace(s)
}

// flag reads a boolean, also as the text that a CSV has for it.
func (c *cells) flag(name string, absent bool) bool {
	raw, ok := c.row[name]
	if !ok || raw.Kind() != '"' {
		b := absent
		c.value(name, &b)
		return b
	}
	switch s := c.text(name); strings.ToLower(s) {
	case "true", "t", "1", "yes":
		return true
	case "false", "f", "0", "no":
		return false
	}
	if c.err == "" {
		c.err = name + " is neither true nor false"
	}
	return false
}

// groups reads names: a list of them, numbers or natural keys ([["editors"]]) of a dump, or text with semicolons.
func (c *cells) groups(names map[string]string) []string {
	raw := c.row["groups"]
	if raw.Kind() == '"' {
		var out []string
		for _, g := range strings.Split(c.text("groups"), ";") {
			if g = strings.TrimSpace(g); g != "" {
				out = append(out, g)
			}
		}
		return out
	}
	var all []jsontext.Value
	c.value("groups", &all)
	var out []string
	for _, g := range all {
		name, natural := "", []string(nil)
		switch {
		case g.Kind() == '"' && json.Unmarshal(g, &name) == nil:
		case g.Kind() == '[' && json.Unmarshal(g, &natural) == nil && len(natural) == 1:
			name = natural[0]
		case names[string(g)] != "":
			name = names[string(g)]
		default:
			name = "#" + string(g) // a number whose name was not dumped
		}
		out = append(out, name)
	}
	return out
}

// person makes a person of a row. names are the groups of a dump by their number.
func person(s Source, where string, row map[string]jsontext.Value, names map[string]string) Person {
	c := &cells{row: row}
	p, size := Person{Where: where}, 0
	if s.Format == "django" {
		name := c.text("username")
		if p.Email = c.text("email"); p.Email == "" && strings.Contains(name, "@") {
			p.Email = name
		}
		if p.Name = strings.TrimSpace(c.text("first_name") + " " + c.text("last_name")); p.Name == "" && !strings.Contains(name, "@") {
			p.Name = name
		}
		if p.Hash = c.text("password"); strings.HasPrefix(p.Hash, "!") { // Django's mark of an unusable password
			p.Hash = ""
		}
		p.Superuser = c.flag("is_superuser", false)
	} else {
		p.Email, p.Hash, p.Name = c.text("email"), c.text("password_hash"), c.text("name")
	}
	p.Inactive = !c.flag("is_active", true)
	p.Groups = c.groups(names)
	p.Fields = c.row
	for _, v := range c.row {
		if size += len(v); size > maxRow {
			return Person{Where: where, Wrong: "there is more than 64 KiB about one person"}
		}
	}
	switch {
	case c.err != "":
		return Person{Where: where, Wrong: c.err}
	case p.Email == "":
		return Person{Where: where, Wrong: "there is no e-mail address"}
	case p.Hash != "":
		if err := CheckFormat(s.Format, p.Hash); err != nil {
			return Person{Where: where, Wrong: strings.TrimPrefix(err.Error(), "foreign: ")}
		}
	}
	return p
}

// Columns lists the names of all columns that were not understood, in order.
func Columns(people []Person) []string {
	seen := map[string]bool{}
	for _, p := range people {
		for name := range p.Fields {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
