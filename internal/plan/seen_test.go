package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestUnseenPort: production that listens elsewhere than on 443 without saying what the world sees is warned of.
func TestUnseenPort(t *testing.T) {
	for _, c := range []struct {
		env, origin, listen, want string
	}{
		{"production", "", "", "port 8443"},
		{"production", "", "127.0.0.1:9443", "port 9443"},
		{"production", "", ":443", ""},
		{"production", "https://x.example", "", ""},
		{"production", "https://x.example:8443", "", ""},
		{"development", "", "", ""},
	} {
		text := "version: 1\nservice: {name: x, host: x.example"
		if c.origin != "" {
			text += `, origin: "` + c.origin + `"`
		}
		text += "}\n"
		if c.listen != "" {
			text += `listen: {https: "` + c.listen + "\"}\n"
		}
		f, err := decl.Parse("fastness.yaml", []byte(text), c.env)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, c.env)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(p.Warnings, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%+v: warned %q", c, got)
		}
	}
}

// TestAddressesToListenAt: what no server could listen at is refused by the declaration.
func TestAddressesToListenAt(t *testing.T) {
	for address, good := range map[string]bool{":443": true, "127.0.0.1:0": true, "[::1]:8443": true, "app.example:8443": true, "8443": false, "127.0.0.1": false,
		":https": false, ":99999": false, ":-1": false, ":": false, "::1:8443": false} {
		for _, word := range []string{"https", "http", "operations"} {
			_, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\nlisten: {"+word+`: "`+address+"\"}\n"), "production")
			if (err == nil) != good {
				t.Errorf("%s: %q: %v", word, address, err)
			}
		}
	}
}
