package main

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
)

// TestEveryStepHasASaboteur: each step of the request pipeline is named by the header `# step:` of a saboteur.
func TestEveryStepHasASaboteur(t *testing.T) {
	names, err := Names(".")
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]string{}
	for _, name := range names {
		s, err := Load(".", name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Step != "" {
			by[s.Step] = name
		}
	}
	steps := map[string]bool{}
	for _, s := range edge.Steps() {
		steps[s.Name] = true
		if by[s.Name] == "" {
			t.Errorf("step %d %s has no saboteur: write sabotage/NAME.patch with the line `# step: %s`", s.Number, s.Name, s.Name)
		}
	}
	for name, patch := range by {
		if !steps[name] {
			t.Errorf("%s.patch names the step %q, which the pipeline does not have", patch, name)
		}
	}
}
