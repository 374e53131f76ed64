package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const start, ok = `{"Action":"start","Package":"p"}` + "\n", `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
	cases := []struct {
		name, in string
		atLeast  int
		code     int
		want     string
	}{
		{"green", start + ok + `{"Action":"pass","Package":"p","Elapsed":1}`, 1, 0, "\n1 passed, 0 failed\n"},
		{"red", start + `{"Action":"output","Package":"p","Test":"TestA","Output":"why\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"p"}`, 1, 1, "why\n"},
		{"no build", `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: no\n"}` + "\n" + start + `{"Action":"fail","Package":"p","FailedBuild":"p"}`, 0, 1, "0 passed, 1 failed\n"},
		{"nothing ran", start + `{"Action":"skip","Package":"p"}`, 1, 1, "at least 1 were expected"},
		{"cut short", start + ok, 1, 1, "it never ended"},
		{"skipped", start + ok + `{"Action":"output","Package":"p","Test":"TestB","Output":"no database\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestB"}` + "\n" + `{"Action":"pass","Package":"p"}`, 1, 0, "no database\n"},
		{"slow", start + `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":3.5}` + "\n" + `{"Action":"pass","Package":"p"}`, 1, 0, "slow     3.5s  p TestA\n1 passed, 0 failed\n"},
		{"plain text", "go: cannot find main module\n", 1, 1, "cannot find main module"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			s := newSummary(&b)
			if err := s.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			if code := s.close(c.atLeast); code != c.code || !strings.Contains(b.String(), c.want) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, c.code, c.want, b.String())
			}
		})
	}
}

func TestTotal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tally")
	var b strings.Builder
	if addUp(file, &b) == 0 {
		t.Error("a tally that nobody wrote adds up to success")
	}
	for _, s := range []*summary{{passes: 3}, {passes: 4, failures: 1}} {
		if err := s.append(file); err != nil {
			t.Fatal(err)
		}
	}
	b.Reset()
	if code := addUp(file, &b); code != 1 || b.String() != "7 passed, 1 failed\n" {
		t.Errorf("exit %d: %q", code, b.String())
	}
}
