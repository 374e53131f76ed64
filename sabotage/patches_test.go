package main

import (
	"testing"
)

// TestEverySaboteurStands is the quick look at our own saboteurs: each reads, applies to today's source and names a test that
// exists. Whether it turns that test red is for `make sabotage`.
func TestEverySaboteurStands(t *testing.T) {
	names, err := Names(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := Load(".", name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Overlay("..", t.TempDir()); err != nil {
				t.Errorf("does not apply: %v", err)
			}
			if ok, err := s.TestExists(".."); !ok || err != nil {
				t.Errorf("there is no %s in %s (%v)", s.Test, s.Pkg, err)
			}
		})
	}
}
