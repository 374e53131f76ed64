package decl_test

import (
	"strings"
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

// TestAccent: pages whose accent cannot be read do not start.
func TestAccent(t *testing.T) {
	for accent, want := range map[string]string{`"#0b5a6f"`: "", `"#ffcc00"`: "contrast of 1.4", `"teal"`: "six hexadecimal digits", `"#fff"`: "six hexadecimal digits"} {
		_, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: a, host: a.example}\npages: {name: A, accent: "+accent+"}\n"), "production")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", accent, err)
		}
	}
}
