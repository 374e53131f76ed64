package plan_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
)

func TestPress(t *testing.T) {
	p, err := plan.Load("../../examples/press/fastness.yaml", "development")
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Load("../../examples/press/fastness.yaml", "development")
	if err != nil || again.Version != p.Version {
		t.Errorf("compiling twice gives %s and %s (%v)", p.Version, again.Version, err)
	}
	if got := len(p.Tables()); got != 4 {
		t.Errorf("%d tables", got)
	}
}
