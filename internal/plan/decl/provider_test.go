package decl_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestProviders: a provider says where it is, who we are to it, and what of it lies inside; whatever would make it reachable without TLS,
// by two names or under a path of ours is refused, and so is a secret.
func TestProviders(t *testing.T) {
	const whole = `club: {label: The Club, issuer: "https://club.example/realm", client_id: us, client_secret: "${env:CLUB}", roles: [member], scopes: [groups],
    hosts: [keys.club.example, "token.club.example:8443"], ca: club.pem, private: [10.0.0.0/8, "fd00::/8"]}`
	read := func(providers string) (*decl.File, error) {
		return decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: a, host: a.example}\nroles: {member: {}}\nproviders:\n  "+providers+"\n"), "production")
	}
	f, err := read(whole)
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Providers[0]; p.Name != "club" || p.Label != "The Club" || p.ClientID.Value != "us" || p.CA != "club.pem" || len(p.Hosts) != 2 || len(p.Private) != 2 || len(p.Scopes) != 1 {
		t.Errorf("%+v", p)
	}
	for from, to := range map[string]string{
		"https://club.example/realm": "http://club.example", `"https://club.example/realm"`: "club.example", "/realm": "/realm?x=y", "club.example/realm": "u:p@club.example",
		"client_id: us": `client_id: ""`, "client_id: us, ": "", "issuer: \"https://club.example/realm\", ": "", "\"${env:CLUB}\"": "hunter2", "[member]": "[wizard]",
		"[groups]": `["a b"]`, "keys.club.example": "https://keys.club.example", "10.0.0.0/8": "10.0.0.1", "club: {": "links: {", "label:": "secret:",
	} {
		if _, err := read(strings.Replace(whole, from, to, 1)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s instead of %s: %v", to, from, err)
		}
	}
	if _, err := read(whole + "\n  den: {issuer: \"https://club.example/realm\", client_id: us}"); err == nil || !strings.Contains(err.Error(), "another provider") {
		t.Errorf("one issuer twice: %v", err)
	}
}
