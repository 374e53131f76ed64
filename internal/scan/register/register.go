// Package register keeps fastness-findings.yaml: what scans of a project found, who owns it, by when it is due, and which risks were
// accepted until when, why and by whom. A finding is closed by a scan that no longer finds it, and by nothing else.
package register

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Name is the register's file in the project.
const Name = "fastness-findings.yaml"

// Limits of a register.
const (
	maxSize = 16 << 20             // bytes
	maxRisk = 366 * 24 * time.Hour // how long a risk is accepted at most
)

// header begins the file.
const header = "# What scans found. fastness scan writes this file; people set owner and accept risks (fastness scan --accept).\n"

// due are the days until a finding must be closed, by severity.
var due = map[string]int{"critical": 7, "high": 30, "medium": 90, "low": 180}

// Found is what a scan found.
type Found struct{ ID, Severity, Evidence string }

// Finding is one line of the register. Dates are days: 2026-12-31.
type Finding struct {
	ID       string    `yaml:"id" json:"id"`
	Kind     string    `yaml:"kind" json:"kind"`
	Severity string    `yaml:"severity" json:"severity"`
	Evidence string    `yaml:"evidence" json:"evidence"`
	Owner    string    `yaml:"owner,omitempty" json:"owner,omitempty"` // "": the register's
	Found    string    `yaml:"found" json:"found"`
	Due      string    `yaml:"due" json:"due"`
	Accepted *Accepted `yaml:"accepted,omitempty" json:"accepted,omitempty"`
	Closed   string    `yaml:"closed,omitempty" json:"closed,omitempty"` // the day of the scan that no longer found it
}

// Accepted is a risk that somebody took until a day.
type Accepted struct {
	Until   string `yaml:"until" json:"until"`
	Because string `yaml:"because" json:"because"`
	By      string `yaml:"by" json:"by"`
}

// Register is the file.
type Register struct {
	Version  int        `yaml:"version" json:"version"`
	Owner    string     `yaml:"owner,omitempty" json:"owner,omitempty"` // who owns what has no owner of its own
	Findings []*Finding `yaml:"findings" json:"findings"`
	was      []byte
}

// Open reads the register of a project; one without the file has an empty register.
func Open(root *os.Root) (*Register, error) {
	f, err := root.Open(Name)
	if errors.Is(err, fs.ErrNotExist) {
		return &Register{Version: 1}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the register: %w; let this account read it", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the register: %w; let this account read it", err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("read the register: %s is larger than %d MB; take old findings out", Name, maxSize>>20)
	}
	return Parse(text)
}

// Parse reads a register strictly.
func Parse(text []byte) (*Register, error) {
	for n, line := range strings.Split(string(text), "\n") {
		if _, value, _ := strings.Cut(line, ": "); strings.HasPrefix(value, "*") || strings.HasPrefix(value, "&") || strings.Contains(line, "<<:") {
			return nil, fmt.Errorf("%s:%d: anchors and aliases are not taken; write the value out", Name, n+1)
		}
	}
	r := &Register{was: text}
	if err := yaml.UnmarshalWithOptions(text, r, yaml.Strict()); err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil {
			return nil, fmt.Errorf("%s:%d: %s; mend that line", Name, y.GetToken().Position.Line, y.GetMessage())
		}
		return nil, fmt.Errorf("%s: %w; mend it", Name, err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("%s: version is %d, and 1 is known; write version: 1", Name, r.Version)
	}
	seen := map[string]bool{}
	for i, f := range r.Findings {
		if f == nil || f.ID == "" {
			return nil, fmt.Errorf("%s: finding %d has no id; take it out and scan again", Name, i+1)
		}
		if seen[f.ID] {
			return nil, fmt.Errorf("%s: %s stands twice; take one out", Name, f.ID)
		}
		seen[f.ID] = true
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", Name, f.ID, err)
		}
	}
	return r, nil
}

// check judges what people may have written.
func (f *Finding) check() error {
	for name, day := range map[string]string{"found": f.Found, "due": f.Due} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return fmt.Errorf("%s is %q; write a day as in 2026-12-31", name, day)
		}
	}
	if due[f.Severity] == 0 {
		return fmt.Errorf("severity is %q; write critical, high, medium or low", f.Severity)
	}
	if a := f.Accepted; a != nil {
		if _, err := time.Parse(time.DateOnly, a.Until); err != nil {
			return fmt.Errorf("accepted until %q; write a day as in 2026-12-31", a.Until)
		}
		if strings.TrimSpace(a.Because) == "" || strings.TrimSpace(a.By) == "" {
			return errors.New("an accepted risk needs because and by; write both")
		}
	}
	return nil
}

// Update enters what a scan found. What is there no longer is closed, but not by a scan that could not tell everything; what came back is
// open again, with a new due day. People's owners and accepted risks stay.
func (r *Register) Update(found []Found, complete bool, now time.Time) {
	today := now.Format(time.DateOnly)
	there, known := map[string]bool{}, map[string]*Finding{}
	for _, f := range r.Findings {
		known[f.ID] = f
	}
	for _, x := range found {
		there[x.ID] = true
		f := known[x.ID]
		if f == nil {
			f = &Finding{ID: x.ID, Kind: "finding", Severity: x.Severity, Evidence: x.Evidence, Found: today, Due: dueDay(x.Severity, now)}
			r.Findings, known[x.ID] = append(r.Findings, f), f
			continue
		}
		f.Evidence = x.Evidence
		if f.Closed != "" {
			f.Closed, f.Accepted, f.Found, f.Due = "", nil, today, dueDay(x.Severity, now)
		}
		if f.Severity != x.Severity {
			f.Severity = x.Severity
			f.Due = min(f.Due, dueDay(x.Severity, now))
		}
	}
	for _, f := range r.Findings {
		if !there[f.ID] && f.Closed == "" && complete {
			f.Closed = today
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b *Finding) int { return cmp.Compare(a.ID, b.ID) })
}

// dueDay is the day by which a finding of a severity must be closed.
func dueDay(severity string, now time.Time) string {
	return now.AddDate(0, 0, due[severity]).Format(time.DateOnly)
}

// Accept takes the risk of a finding until a day, at most a year ahead.
func (r *Register) Accept(id string, until time.Time, because, by string, now time.Time) error {
	if strings.TrimSpace(because) == "" || strings.TrimSpace(by) == "" {
		return errors.New("accept a risk: it needs a reason and a name; give --because and --by")
	}
	if !until.After(now) || until.Sub(now) > maxRisk {
		return errors.New("accept a risk: the day must lie ahead, within a year; choose another --until")
	}
	for _, f := range r.Findings {
		if f.ID == id && f.Closed == "" {
			f.Accepted = &Accepted{until.Format(time.DateOnly), because, by}
			return nil
		}
	}
	return fmt.Errorf("accept a risk: the register has no open finding %q; take an id that fastness scan shows", id)
}

// State says where a finding stands today: open, overdue, accepted or closed. A risk is accepted through its last day.
func (f *Finding) State(now time.Time) string {
	today := now.Format(time.DateOnly)
	switch {
	case f.Closed != "":
		return "closed"
	case f.Accepted != nil && today <= f.Accepted.Until:
		return "accepted"
	case f.Due < today:
		return "overdue"
	}
	return "open"
}

// Save writes the register, unless nothing changed. A project without findings gets no file.
func (r *Register) Save(root *os.Root) error {
	if r.was == nil && len(r.Findings) == 0 {
		return nil
	}
	body, err := yaml.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the register: %w", err)
	}
	text := append([]byte(header), body...)
	if bytes.Equal(text, r.was) {
		return nil
	}
	part := Name + ".part"
	if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the register: %w; remove %s", err, part)
	}
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write the register: %w; let this account write there, or scan with --read-only", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the register: %w; make room there", err)
	}
	if err := root.Rename(part, Name); err != nil {
		return fmt.Errorf("write the register: %w; let this account write there", err)
	}
	r.was = text
	return nil
}
