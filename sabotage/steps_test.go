package main

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
)

// owed are the steps of the pipeline that have no saboteur yet. The list may only become shorter: a step that is in it and has one fails
// the test, and so does a step that is in neither.
var owed = map[string]bool{
	"accept": true, "tls": true, "headers": true, "address": true, "host": true, "prefix_limit": true, "route": true,
	"origin": true, "credential": true, "account_limit": true, "access": true, "body": true, "slow_work": true,
	"answer": true, "log": true,
}

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
		switch {
		case by[s.Name] == "" && !owed[s.Name]:
			t.Errorf("step %d %s has no saboteur: write sabotage/NAME.patch with the line `# step: %s`", s.Number, s.Name, s.Name)
		case by[s.Name] != "" && owed[s.Name]:
			t.Errorf("step %s has the saboteur %s: take it off the list of what is owed", s.Name, by[s.Name])
		case owed[s.Name]:
			t.Logf("OWED: step %d %s has no saboteur yet", s.Number, s.Name)
		}
	}
	for name, patch := range by {
		if !steps[name] {
			t.Errorf("%s.patch names the step %q, which the pipeline does not have", patch, name)
		}
	}
	for name := range owed {
		if !steps[name] {
			t.Errorf("owed names the step %q, which the pipeline does not have", name)
		}
	}
}
