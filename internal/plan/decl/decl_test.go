package decl_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

func TestPress(t *testing.T) {
	f, err := decl.ParseFile("../../../examples/press/fastness.yaml", "development")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Collections) != 2 || f.Collections[0].Fields[1].Pattern == nil || len(f.Collections[0].Allow) != 11 {
		t.Errorf("read %+v", f.Collections)
	}
	if f.SignUp.Mode != "open" {
		t.Errorf("development signs up %q", f.SignUp.Mode)
	}
	if f, err = decl.ParseFile("../../../examples/press/fastness.yaml", "production"); err != nil || f.SignUp.Mode != "invite" {
		t.Errorf("production: %v, %v", f.SignUp, err)
	}
}
