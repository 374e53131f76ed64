package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/rowfile"
	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/foreign"
	desk "github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/plan"
)

type usersImportCmd struct {
	Format   string            `arg:"" enum:"django,werkzeug,flask,passlib,bcrypt" help:"Which program made the accounts: django, werkzeug, flask, passlib or bcrypt."`
	File     string            `arg:"" help:"Django: the JSON of dumpdata; the others JSON Lines; or a .csv with a header. - is the standard input."`
	CSV      bool              `name:"csv" help:"The file is a CSV, whatever its name."`
	Encoding string            `name:"encoding" help:"CSV: windows-1252, iso-8859-1 or another; utf-8 when absent."`
	Model    string            `name:"model" help:"Django: the model of the users; auth.user when absent."`
	Role     []string          `name:"role" help:"A role that everybody gets; may be repeated."`
	Map      map[string]string `name:"map" help:"GROUP=ROLE: members of the group get the role; may be repeated." mapsep:"none"`
	Set      map[string]string `name:"set" help:"FIELD=VALUE: a profile field that everybody gets; may be repeated." mapsep:"none"`
	Verified bool              `name:"verified" help:"The old program has proved that mail reaches these people."`
	Yes      bool              `name:"yes" help:"Do it; without it nothing is written."`
	on
}

// Run takes the accounts of another program over, a hundred in one transaction, or says what would be done.
func (c *usersImportCmd) Run(e *env) error {
	p, err := plan.Load(fastness.Declaration(c.Declaration), c.Environment())
	if err != nil {
		return err
	}
	people, err := c.read()
	if err != nil {
		return err
	}
	call, done, err := c.calls(e)
	if err != nil {
		return err
	}
	defer done()
	m := &moving{cmd: c, accounts: p.Accounts, call: call, groups: map[string]int{}}
	m.sort(people)
	for begin := 0; begin < len(m.in); {
		end := m.batch(begin)
		if err := m.send(begin, end); err != nil {
			return fmt.Errorf("%w\n%d people are in; run it again: who is there is left alone", err, m.made)
		}
		begin = end
	}
	return m.report(e.out, len(people), foreign.Columns(people))
}

func (c *usersImportCmd) read() ([]foreign.Person, error) {
	form, err := rowfile.TableOf(c.Encoding, "")
	if err != nil {
		return nil, ended(exitUsage, err)
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	table := c.CSV || strings.EqualFold(filepath.Ext(c.File), ".csv")
	return foreign.Read(foreign.Source{Format: c.Format, CSV: table, Table: form, Model: c.Model}, in)
}

// batchBytes bounds what goes into one transaction.
const batchBytes = 256 << 10

// moving is an import under way.
type moving struct {
	cmd      *usersImportCmd
	accounts *plan.Collection
	call     caller
	in       []desk.Newcomer
	where    []string // of each of in
	refused  []string
	groups   map[string]int // without a role, and how many are in them
	supers   int
	made     int // new people
	waiting  int // of them, without a password
	there    int
}

// sort makes newcomers of the people that can be taken. Several people with one address (another program may tell Ann@ from
// ann@) are all refused: nobody can say which of them the address belongs to.
func (m *moving) sort(people []foreign.Person) {
	first, shared := map[string]string{}, map[string]bool{}
	address := make([]string, len(people))
	for i, p := range people {
		canonical, err := account.Canonical(p.Email)
		if err != nil {
			continue
		}
		if address[i] = canonical; first[canonical] == "" {
			first[canonical] = p.Where
		} else {
			shared[canonical] = true
		}
	}
	for i, p := range people {
		switch {
		case p.Wrong != "":
			m.refuse(p.Where, p.Wrong)
		case address[i] == "":
			m.refuse(p.Where, "this is not an address that mail can be sent to")
		case shared[address[i]]:
			m.refuse(p.Where, "the address stands in the file more than once, first at "+first[address[i]]+"; keep the one that it belongs to")
		default:
			n, err := m.newcomer(p)
			if err != nil {
				m.refuse(p.Where, err.Error())
				continue
			}
			m.in, m.where = append(m.in, n), append(m.where, p.Where)
		}
	}
}

func (m *moving) refuse(where, why string) { m.refused = append(m.refused, where+": "+why) }

func (m *moving) newcomer(p foreign.Person) (desk.Newcomer, error) {
	n := desk.Newcomer{Email: p.Email, Hash: p.Hash, Disabled: p.Inactive, Roles: slices.Clone(m.cmd.Role)}
	if p.Superuser {
		m.supers++
	}
	for _, g := range p.Groups {
		if role := m.cmd.Map[g]; role != "" {
			n.Roles = append(n.Roles, role)
		} else {
			m.groups[g]++
		}
	}
	profile := map[string]json.RawMessage{}
	var wrong error
	put := func(name string, raw json.RawMessage) {
		var text string
		if f := m.accounts.Field(name); f != nil && !f.System {
			if json.Unmarshal(raw, &text) == nil {
				value, err := rowfile.ValueOf(f, text)
				if err != nil && wrong == nil {
					wrong = fmt.Errorf("%s: %w", name, err)
				}
				raw = json.RawMessage(value)
			}
			profile[name] = raw
		}
	}
	for name, value := range m.cmd.Set {
		quoted, _ := json.Marshal(value)
		put(name, quoted)
	}
	if p.Name != "" {
		quoted, _ := json.Marshal(p.Name)
		put("name", quoted)
	}
	for name, raw := range p.Fields {
		put(name, json.RawMessage(raw))
	}
	if len(profile) > 0 && wrong == nil {
		n.Profile, _ = json.Marshal(profile)
	}
	return n, wrong
}

// batch is the end of what goes into one transaction: at most so many people, and so many bytes, of which each has a bounded part.
func (m *moving) batch(begin int) int {
	end, size := begin, 0
	for end < len(m.in) && end-begin < desk.MaxImport {
		n := m.in[end]
		if size += len(n.Email) + len(n.Hash) + len(n.Profile); end > begin && size > batchBytes {
			break
		}
		end++
	}
	return end
}

// send has some of the newcomers taken, where the data are.
func (m *moving) send(from, to int) error {
	body, err := json.Marshal(desk.Import{People: m.in[from:to], Verified: m.cmd.Verified, Write: m.cmd.Yes})
	if err != nil {
		return err
	}
	text, err := m.call("users", "take", string(body))
	if err != nil {
		return err
	}
	var fates []desk.Fate
	if err := json.Unmarshal([]byte(text), &fates); err != nil || len(fates) != to-from {
		return errors.New("the server answers something else; is it another version?")
	}
	for i, f := range fates {
		switch {
		case f.Refused != "":
			m.refuse(m.where[from+i], f.Refused)
		case f.New:
			m.made++
			if f.Waits {
				m.waiting++
			}
		default:
			m.there++
		}
	}
	return nil
}

// report says what was done, or would be. Refused people make the command fail when the rest has been taken.
func (m *moving) report(out io.Writer, all int, columns []string) error {
	fmt.Fprintf(out, "%d people: %d new, %d already there and left as they are, %d refused\n", all, m.made, m.there, len(m.refused))
	for _, r := range m.refused {
		fmt.Fprintln(out, "  refused", r)
	}
	if m.waiting > 0 {
		fmt.Fprintf(out, "%d of the new ones have no password and cannot sign in; invite them: fastness users invite EMAIL\n", m.waiting)
	}
	if m.supers > 0 {
		fmt.Fprintf(out, "%d were superusers there, which is no role here; grant one by hand: fastness users grant EMAIL ROLE\n", m.supers)
	}
	for _, g := range slices.Sorted(maps.Keys(m.groups)) {
		fmt.Fprintf(out, "group %q (%d people) gives no role; give it one with --map %q\n", g, m.groups[g], g+"=ROLE")
	}
	var left []string
	for _, name := range columns {
		if f := m.accounts.Field(name); f == nil || f.System {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(out, "not taken, since accounts declares no such fields: %s\n", strings.Join(left, ", "))
	}
	if !m.cmd.Yes {
		fmt.Fprintln(out, "nothing was written; do it with --yes")
	}
	if len(m.refused) > 0 {
		return fmt.Errorf("%d of %d people were refused; correct the file and run it again: who is there is left alone", len(m.refused), all)
	}
	return nil
}

type usersTakeCmd struct {
	JSON string `arg:""`
	on
}

// Run takes a part of an import where the data are. It is no command for people: what it is given holds hashes, which do not belong
// into a list of processes.
func (c *usersTakeCmd) Run(e *env) error {
	if e.remote == nil {
		return errors.New("this is a part of: fastness users import")
	}
	return c.work(e, nil, func(app *fastness.App) error {
		var in desk.Import
		if err := json.Unmarshal([]byte(c.JSON), &in); err != nil {
			return err
		}
		fates, err := app.Identity.Import(e.ctx, operator("users import"), in)
		if err != nil {
			return err
		}
		return json.NewEncoder(e.out).Encode(fates)
	})
}
