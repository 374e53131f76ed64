package register

import (
	"os"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// TestLife follows a finding from its first day to its return.
func TestLife(t *testing.T) {
	r := &Register{Version: 1}
	hole := []Found{{"H", "high", "x 1 in lock:1"}}
	state := func(at time.Time, want string) {
		t.Helper()
		if got := r.Findings[0].State(at); got != want {
			t.Fatalf("%s: %s, want %s", at.Format(time.DateOnly), got, want)
		}
	}
	r.Update(hole, true, day)
	if f := r.Findings[0]; f.Due != "2026-12-31" || f.Found != "2026-12-01" {
		t.Fatalf("%+v", f)
	}
	state(day, "open")
	state(day.AddDate(0, 0, 30), "open")
	state(day.AddDate(0, 0, 31), "overdue")
	if err := r.Accept("H", day.AddDate(0, 1, 0), "not reachable", "kim", day); err != nil {
		t.Fatal(err)
	}
	state(day.AddDate(0, 1, 0), "accepted")
	state(day.AddDate(0, 1, 1), "overdue")
	r.Update(nil, false, day)
	state(day, "accepted")
	r.Update(nil, true, day.AddDate(0, 0, 2))
	state(day, "closed")
	r.Update(hole, true, day.AddDate(0, 0, 3))
	state(day.AddDate(0, 0, 3), "open")
	if f := r.Findings[0]; f.Accepted != nil || f.Due != "2027-01-03" {
		t.Fatalf("what came back: %+v", f)
	}
	r.Update([]Found{{"H", "critical", "x"}}, true, day.AddDate(0, 0, 3))
	if r.Findings[0].Due != "2026-12-11" {
		t.Fatalf("more severe: due %s", r.Findings[0].Due)
	}
}

// TestAcceptRefuses: a risk needs a finding, a reason, a name and a day within a year.
func TestAcceptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id, because, by string
		days            int
	}{
		"no finding": {"other", "w", "kim", 10}, "no reason": {"H", " ", "kim", 10}, "nobody": {"H", "w", "", 10},
		"past": {"H", "w", "kim", -1}, "too long": {"H", "w", "kim", 400},
	} {
		r := &Register{Version: 1}
		r.Update([]Found{{"H", "high", "x"}}, true, day)
		if err := r.Accept(c.id, day.AddDate(0, 0, c.days), c.because, c.by, day); err == nil || r.Findings[0].Accepted != nil {
			t.Errorf("%s: %v, %+v", name, err, r.Findings[0].Accepted)
		}
	}
}

// TestFile: what is saved is read again; nothing found leaves no file; a link out of the project is not written through.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(root); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Lstat(Name); err == nil {
		t.Fatal("a project without findings got a register")
	}
	r.Update([]Found{{"H: #odd", "low", "a: b\n- c"}}, true, day)
	if err := r.Save(root); err != nil {
		t.Fatal(err)
	}
	again, err := Open(root)
	if err != nil || len(again.Findings) != 1 || *again.Findings[0] != *r.Findings[0] {
		t.Fatalf("%v %+v", err, again)
	}
	outside := t.TempDir() + "/victim"
	if err := os.Remove(dir + "/" + Name); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, dir+"/"+Name); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(root); err == nil {
		t.Fatal("a register outside of the project was read")
	}
	again.Update(nil, true, day)
	if err := again.Save(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Fatal("written through a link")
	}
}

var broken = map[string]string{
	"unknown key": "version: 1\nsurprise: 2\n", "version": "version: 2\n", "twice": one + strings.TrimPrefix(one, head),
	"alias": "version: 1\nowner: &a x\n", "bomb": "a: &a [x,x]\nb: &b [*a,*a]\n", "severity": strings.Replace(one, "high", "huge", 1),
	"day": strings.Replace(one, "2026-12-31", "soon", 1), "no reason": one + "    accepted: {until: 2026-12-31, because: '', by: kim}\n", "no id": strings.Replace(one, "id: H", "id: ''", 1),
}

const (
	head = "version: 1\nfindings:\n"
	one  = head + "  - id: H\n    kind: finding\n    severity: high\n    evidence: x\n    found: 2026-12-01\n    due: 2026-12-31\n"
)

func TestParse(t *testing.T) {
	if r, err := Parse([]byte(one)); err != nil || len(r.Findings) != 1 {
		t.Fatal(err)
	}
	for name, text := range broken {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// FuzzParse: any file is read or refused.
func FuzzParse(f *testing.F) {
	for _, text := range broken {
		f.Add([]byte(text))
	}
	f.Add([]byte(one))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := Parse(text); (r == nil) == (err == nil) {
			t.Errorf("%v %v", r, err)
		}
	})
}
