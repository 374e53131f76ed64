// Package project is the commands that read a project of any language; they need neither server nor declaration.
package project

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	account "os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/internal/scan"
	"github.com/fastness-dev/fastness/internal/scan/osv"
	"github.com/fastness-dev/fastness/internal/scan/register"
	"github.com/fastness-dev/fastness/internal/types"
)

// Scan is fastness scan.
type Scan struct {
	Dir      string   `arg:"" optional:"" default:"." help:"The project."`
	DB       string   `name:"db" help:"A database of holes to read in place: a folder or zip in the OSV format." placeholder:"FILE|DIR"`
	UpdateDB string   `name:"update-db" help:"Copy a database of holes into this user's cache, and end." placeholder:"FILE|DIR"`
	DBAge    int      `name:"db-age" default:"30" help:"How many days old its newest entry may be." placeholder:"DAYS"`
	Accept   string   `name:"accept" help:"Accept the risk of a finding." placeholder:"ID"`
	Until    string   `name:"until" help:"… until this day, at most a year ahead." placeholder:"DATE"`
	Because  string   `name:"because" help:"… for this reason." placeholder:"WHY"`
	By       string   `name:"by" help:"… on behalf of whom; else the account of this machine." placeholder:"WHO"`
	CoolDown int      `name:"cool-down" help:"How many days old each version must be; what has no time is untold. Else 7, where the lock has a time." placeholder:"DAYS"`
	ReadOnly bool     `name:"read-only" help:"Leave the register as it is."`
	Report   []string `name:"report" sep:"none" help:"A report of a tool to read in, by its content; may be given again." placeholder:"FILE"`
	JSON     bool     `name:"json" help:"For machines."`
}

// scanned is a scan for machines.
type scanned struct {
	Verdict string `json:"verdict"`
	*scan.Report
	Register []stated `json:"register"`
}

// stated is a finding, and where it stands today.
type stated struct {
	*register.Finding
	State string `json:"state"`
}

// Run scans a project, or brings its register or the database of holes up to date.
func (c *Scan) Run(h command.Host) error {
	now := types.SystemClock{}.Now().UTC()
	if c.DBAge < 1 || c.DBAge > 36500 {
		return command.Misused("--db-age is %d; give 1 to 36500 days", c.DBAge)
	}
	if c.CoolDown < 0 || c.CoolDown > 3650 {
		return command.Misused("--cool-down is %d; give 1 to 3650 days", c.CoolDown)
	}
	if c.UpdateDB != "" {
		return c.update(h)
	}
	info, err := os.Stat(c.Dir)
	if err != nil || !info.IsDir() {
		return command.Misused("there is no folder %s; name the project to scan", c.Dir)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return command.Untold("open the project: %w; let this account read it", err)
	}
	defer root.Close()
	reg, err := register.Open(root)
	if err != nil {
		return command.Untold("%w", err)
	}
	if c.Accept != "" {
		return c.accept(h, root, reg, now)
	}
	if c.Until != "" || c.Because != "" || c.By != "" {
		return command.Misused("--until, --because and --by belong to --accept; name the finding")
	}
	at := c.DB
	if at == "" {
		if at, err = databaseHome(); err != nil {
			return err
		}
	}
	rep, err := scan.Run(h.Context(), scan.Config{Dir: c.Dir, Database: at, Age: time.Duration(c.DBAge) * 24 * time.Hour, Now: now, History: versioned(c.Dir), Declared: declared(c.Dir), Reports: c.Report,
		CoolDown: time.Duration(c.CoolDown) * 24 * time.Hour})
	if err != nil {
		return command.Untold("%w", err)
	}
	reg.Update(rep.Found(), len(rep.Untold) == 0, now)
	if !c.ReadOnly {
		if err := reg.Save(root); err != nil {
			return command.Untold("%w", err)
		}
	}
	return c.say(h, rep, reg, now)
}

// versioned tells whether a folder lies in a Git repository. In one of its folders the history is not searched, and the scan says so.
func versioned(dir string) bool {
	dir, err := filepath.Abs(dir)
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
	return true
}

// databaseHome is where --update-db keeps the database.
func databaseHome() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", command.Untold("find the cache of this user: %w; set XDG_CACHE_HOME or give --db", err)
	}
	return filepath.Join(cache, "fastness", "osv"), nil
}

// update brings the database of holes up to date.
func (c *Scan) update(h command.Host) error {
	home, err := databaseHome()
	if err != nil {
		return err
	}
	db, err := osv.Update(h.Context(), c.UpdateDB, home)
	if err != nil {
		return command.Untold("%w", err)
	}
	for _, name := range []string{"PyPI", "npm", "Go"} {
		if cover := db.Coverage(name); cover.Entries > 0 {
			fmt.Fprintf(h.Out(), "%s: %d entries, the newest of %s\n", name, cover.Entries, cover.Newest.UTC().Format(time.DateOnly))
		} else {
			fmt.Fprintf(h.Out(), "%s: no entries\n", name)
		}
	}
	return nil
}

// accept takes the risk of a finding.
func (c *Scan) accept(h command.Host, root *os.Root, reg *register.Register, now time.Time) error {
	until, err := time.Parse(time.DateOnly, c.Until)
	if err != nil {
		return command.Misused("--until is %q; give a day as in 2026-12-31", c.Until)
	}
	by := c.By
	if by == "" {
		if u, err := account.Current(); err == nil {
			by = u.Username
		}
	}
	if err := reg.Accept(c.Accept, until, c.Because, by, now); err != nil {
		return command.Misused("%w", err)
	}
	if err := reg.Save(root); err != nil {
		return command.Untold("%w", err)
	}
	fmt.Fprintf(h.Out(), "accepted %s until %s (%s, by %s)\n", c.Accept, c.Until, c.Because, by)
	return nil
}

// say prints a scan. What is open decides before what could not be told.
func (c *Scan) say(h command.Host, rep *scan.Report, reg *register.Register, now time.Time) error {
	all := []stated{}
	states := map[string]int{}
	for _, f := range reg.Findings {
		s := f.State(now)
		states[s]++
		all = append(all, stated{f, s})
	}
	verdict, code, err := "held", 0, error(nil)
	switch open := states["open"] + states["overdue"]; {
	case open > 0:
		verdict, code, err = "broken", 1, fmt.Errorf("broken: %d findings are open; close them or accept their risk with --accept ID", open)
	case len(rep.Untold) > 0:
		verdict, code, err = "could_not_tell", 3, command.Untold("could not tell: %d things, named above; mend them and scan again", len(rep.Untold))
	}
	if c.JSON {
		enc := json.NewEncoder(h.Out())
		enc.SetEscapeHTML(false)
		if e := enc.Encode(scanned{verdict, rep, all}); e != nil || err == nil {
			return e
		}
		return &command.Ended{Code: code}
	}
	c.print(h, rep, all, states)
	return err
}

// print says what was found in sections.
func (c *Scan) print(h command.Host, rep *scan.Report, all []stated, states map[string]int) {
	var files []string
	for _, f := range rep.Files {
		files = append(files, fmt.Sprintf("%s (%d)", f.Path, f.Count))
	}
	fmt.Fprintf(h.Out(), "%-10s %s\n", "inventory", plain(cmp.Or(strings.Join(files, " · "), "no file that names components")))
	for _, x := range rep.Holes {
		step := "no version without it is known"
		if x.Fix != "" {
			step = "→ " + x.Fix
		}
		if x.Safe != "" && x.Safe != x.Fix {
			step += ", " + x.Safe + " closes all"
		}
		fmt.Fprintf(h.Out(), "%-10s %-8s %s\n", "holes", x.Severity, plain(fmt.Sprintf("%s %s %s  %s  (%s)", x.Name, x.Version, step, x.Key(), strings.Join(x.Places, ", "))))
	}
	for _, x := range rep.Secrets {
		fmt.Fprintf(h.Out(), "%-10s %s\n", "secrets", plain(fmt.Sprintf("%s: %s", scan.SecretPlace(x), x.Rotate)))
	}
	for _, x := range rep.Settings {
		fmt.Fprintf(h.Out(), "%-10s %-8s %s\n", "settings", x.Severity, plain(fmt.Sprintf("%s: %s  %s  (%s:%d)", x.Title, x.Do, x.Rule, x.File, x.Line)))
	}
	for _, x := range rep.Tools() {
		fmt.Fprintf(h.Out(), "%-10s %-8s %s  %s\n", "reported", x.Severity, plain(x.ID), plain(x.Evidence))
	}
	for _, x := range rep.Supply {
		section, _, _ := strings.Cut(x.Rule, ":")
		fmt.Fprintf(h.Out(), "%-10s %-8s %s\n", section, x.Severity, plain(fmt.Sprintf("%s: %s  %s  (%s)", x.Text, x.Do, x.ID(), x.Place())))
	}
	for _, text := range rep.Untold {
		fmt.Fprintf(h.Out(), "%-10s %s\n", "untold", plain(text))
	}
	var parts []string
	for _, s := range []string{"open", "overdue", "accepted", "closed"} {
		parts = append(parts, fmt.Sprintf("%d %s", states[s], s))
	}
	fmt.Fprintf(h.Out(), "%-10s %s\n", "register", strings.Join(parts, ", "))
	for _, f := range all {
		if f.State == "accepted" {
			fmt.Fprintf(h.Out(), "%-10s %s\n", "accepted", plain(fmt.Sprintf("%s until %s (%s, by %s)", f.ID, f.Accepted.Until, f.Accepted.Because, f.Accepted.By)))
		}
	}
}

// plain takes out what a scanned file could do to a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || slices.Contains([]rune{0x202a, 0x202b, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068}, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
