package decl_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestRoleOfTwoPersons: a role that two persons give is refused where one of them would be missing, or where somebody would come with it.
func TestRoleOfTwoPersons(t *testing.T) {
	for text, want := range map[string]string{
		"roles: {boss: {manages: [roles], approve: two}}":                                                                         "",
		"roles: {boss: {manages: [roles]}, vault: {approve: two}}":                                                                "",
		"roles: {vault: {approve: two}}":                                                                                          "nobody could approve vault",
		"roles: {boss: {manages: [roles], read_only: true}, vault: {approve: two}}":                                               "nobody could approve vault",
		"roles: {boss: {manages: [roles]}, vault: {approve: three}}":                                                              "three",
		"roles: {boss: {manages: [roles]}, vault: {approve: two}}\nsign_up: {mode: invite, roles: [vault]}":                       "newcomers cannot come with it",
		"roles: {boss: {manages: [roles]}, vault: {approve: two}}\norganisations: {sign_up: create, roles: [vault]}":              "newcomers cannot come with it",
		"roles: {boss: {manages: [roles]}, vault: {approve: two}}\nproviders: {x: {issuer: 'https://x.example', roles: [vault]}}": "newcomers cannot come with it",
	} {
		_, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: a, host: a.example}\n"+text+"\n"), "production")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n%v, want %q", text, err, want)
		}
	}
}
