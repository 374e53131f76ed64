// Package internal_test holds the laws of the house as tests: which room may know which, what no room may touch, how large a
// thing may grow, and that every exported name is explained. The laws read source files, whatever system they are built for;
// the tables that they read, each line with its reason, are in law_tables_test.go.
package internal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/fastness-dev/fastness"

// report fails the test with every problem, sorted, so that one run shows all.
func report(t *testing.T, problems []string) {
	t.Helper()
	slices.Sort(problems)
	for _, p := range slices.Compact(problems) {
		t.Error(p)
	}
}

func TestImportsPointDown(t *testing.T) {
	report(t, importsPointDown(house(t)))
}

// importsPointDown judges the imports of every product package below internal. The root package, commands and examples wire
// the rooms together and may import them all; no room may import those.
func importsPointDown(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		from, inside := strings.CutPrefix(p.dir, "internal/")
		if !inside {
			continue
		}
		if !slices.Contains(rooms, room(from)) {
			out = append(out, fmt.Sprintf("%s: no such room in the house; add it to the table `rooms` and to the design", p.dir))
			continue
		}
		for _, path := range p.imports() {
			to, ours := strings.CutPrefix(path, modulePath)
			if !ours {
				continue
			}
			to, below := strings.CutPrefix(to, "/internal/")
			if !below {
				out = append(out, fmt.Sprintf("%s imports %s: a room never imports what wires it", p.dir, path))
				continue
			}
			if why := refuse(from, to); why != "" {
				out = append(out, fmt.Sprintf("%s imports internal/%s: %s", p.dir, to, why))
			}
		}
	}
	return out
}

// refuse says why from may not import to (both below internal), or "".
func refuse(from, to string) string {
	if law, closed := only[room(from)]; closed && !slices.ContainsFunc(law.may, func(m string) bool { return m == to || strings.HasPrefix(to, m+"/") }) {
		return law.because
	}
	f, t := slices.Index(rooms, room(from)), slices.Index(rooms, room(to))
	switch {
	case t < 0:
		return "no such room"
	case f < t:
		return ""
	case f > t:
		return "imports point down: " + room(to) + " stands before " + room(from)
	}
	for _, s := range siblings {
		if s.from == from && (s.to == to || under(to, s.to)) {
			return ""
		}
	}
	return "siblings are named with a reason in internal/law_tables_test.go"
}

// under tells whether path matches a pattern that ends in "/...".
func under(path, pattern string) bool {
	prefix, wild := strings.CutSuffix(pattern, "...")
	return wild && strings.HasPrefix(path, prefix)
}

func room(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func TestSiblingsHaveReasons(t *testing.T) {
	for _, s := range siblings {
		if s.because == "" || room(s.from) != room(s.to) {
			t.Errorf("sibling %s → %s: needs a reason, and both in one room", s.from, s.to)
		}
	}
}

func TestNothingBannedIsImported(t *testing.T) {
	report(t, bannedImports(house(t)))
}

func bannedImports(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		for _, path := range p.imports() {
			for _, b := range banned {
				if (b.path == path || under(path, b.path)) && !slices.Contains(b.except, p.dir) {
					out = append(out, fmt.Sprintf("%s imports %s: %s", p.dir, path, b.because))
				}
			}
		}
	}
	return out
}

func TestCryptographyStaysInItsRooms(t *testing.T) {
	report(t, cryptographyStays(house(t)))
}

func cryptographyStays(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		from, inside := strings.CutPrefix(p.dir, "internal/")
		if !inside {
			continue
		}
		for _, path := range p.imports() {
			primitive := strings.HasPrefix(path, "crypto/") || strings.HasPrefix(path, "golang.org/x/crypto/") || strings.HasPrefix(path, "filippo.io/")
			if primitive && path != "crypto/rand" && path != "crypto/subtle" && !mayHold(from, path) {
				out = append(out, fmt.Sprintf("%s imports %s: primitives live in the rooms of the table `cryptography`; ask seal for what you need", p.dir, path))
			}
		}
	}
	return out
}

func mayHold(from, path string) bool {
	for _, c := range cryptography {
		if from == c.in || strings.HasPrefix(from, c.in+"/") {
			if slices.Contains(c.may, path) || slices.Contains(c.may, "...") {
				return true
			}
		}
	}
	return false
}
