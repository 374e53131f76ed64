package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// organised compiles a declaration with organisations and the collections of the text, and gives the error's.
func organised(t *testing.T, text string) (*plan.Plan, string) {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\norganisations: {sign_up: create, roles: [owner, member], invite: [owner]}\n"+text), "development")
	if err != nil {
		return nil, err.Error()
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		return nil, err.Error()
	}
	return p, ""
}

// TestNothingPointsIntoAnOrganisation: a field outside, alone or in a list, of a collection or of accounts, that refers to rows of organisations is
// refused; inside it may, and out it may.
func TestNothingPointsIntoAnOrganisation(t *testing.T) {
	const rows = "collections:\n  boards:\n    per: organisation\n    fields: {name: {type: text, max: 9}}\n    allow: [{to: read}]\n"
	for _, field := range []string{"{type: ref, to: boards, optional: true}", "{type: list, of: {type: ref, to: boards}, max: 3}", "{type: ref, to: memberships, optional: true}"} {
		if _, err := organised(t, rows+"  notes:\n    fields: {board: "+field+"}\n    allow: [{to: read}]\n"); !strings.Contains(err, "belong to organisations") {
			t.Errorf("notes with %s: %q", field, err)
		}
		if _, err := organised(t, "accounts: {fields: {board: "+field+"}}\n"+rows); !strings.Contains(err, "belong to organisations") {
			t.Errorf("accounts with %s: %q", field, err)
		}
		if _, err := organised(t, rows+"  notes:\n    per: organisation\n    fields: {board: "+field+"}\n    allow: [{to: read}]\n"); err != "" {
			t.Errorf("notes of organisations with %s: %q", field, err)
		}
	}
	if _, err := organised(t, "collections:\n  words:\n    fields: {text: {type: text, max: 9}}\n    allow: [{to: read}]\n  notes:\n    per: organisation\n    fields: {word: {type: ref, to: words}, of: {type: ref, to: organisations}}\n    allow: [{to: read}]\n"); err != "" {
		t.Error(err)
	}
}

// TestRowsOfOrganisationsAreNotPublic: whoever is not signed in is in no organisation.
func TestRowsOfOrganisationsAreNotPublic(t *testing.T) {
	if _, err := organised(t, "collections:\n  boards:\n    per: organisation\n    fields: {name: {type: text, max: 9}}\n    allow: [{to: read, public: \"because\"}]\n"); !strings.Contains(err, "remove public") {
		t.Errorf("%q", err)
	}
}

// TestIndexesBeginWithTheOrganisation: every index of rows of organisations does, so that no order, filter or unique value goes across.
func TestIndexesBeginWithTheOrganisation(t *testing.T) {
	p, err := organised(t, "collections:\n  boards:\n    per: organisation\n    fields: {name: {type: text, max: 9, unique: true}, n: {type: int, indexed: true}}\n    index: [[n, -created]]\n    unique: [[n, name]]\n    allow: [{to: read}]\n")
	if err != "" {
		t.Fatal(err)
	}
	seen := 0
	for _, table := range p.Tables() {
		for _, i := range table.Indexes {
			if table.Name == "boards" || table.Name == "memberships" {
				if seen++; i.Columns[0] != "org" {
					t.Errorf("%s is on %v", i.Name, i.Columns)
				}
			}
		}
	}
	if seen < 9 {
		t.Errorf("%d indexes", seen)
	}
}

// TestBlockOrganisations: what is wrong with it is said.
func TestBlockOrganisations(t *testing.T) {
	for block, want := range map[string]string{
		"organisations: {sign_up: create}":                                                               "has roles, the highest first",
		"organisations: {sign_up: maybe, roles: [a]}":                                                    "unknown sign_up",
		"organisations: {roles: [owner, owner]}":                                                         "named twice",
		"organisations: {roles: [owner], invite: [ower]}":                                                "did you mean",
		"organisations: {roles: [Owner]}":                                                                "lower_snake",
		"roles: {owner: {manages: [accounts]}}\norganisations: {roles: [owner]}":                         "remove manages",
		"organisations: {roles: [a]}\ncollections: {memberships: {fields: {x: {type: int}}}}":            "built in",
		"collections: {x: {per: organisation, fields: {y: {type: int}}}}":                                "needs the block organisations",
		"organisations: {roles: [a]}\naccounts: {fields: {home: {type: ref, to: organisations}}}":        "by membership",
		"organisations: {roles: [a]}\ncollections: {x: {per: organisation, fields: {org: {type: int}}}}": "has a meaning already",
	} {
		if _, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\n"+block+"\n"), "development"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", block, err, want)
		}
	}
}

// TestRolesAreOfAccountsOrOfOrganisations: a newcomer does not get a role within organisations, from sign-up or a provider.
func TestRolesAreOfAccountsOrOfOrganisations(t *testing.T) {
	for _, block := range []string{"sign_up: {mode: invite, roles: [owner]}", "providers: {corp: {issuer: \"https://id.example\", client_id: x, client_secret: \"${env:X}\", roles: [owner]}}"} {
		if _, err := organised(t, "roles: {owner: {requires: mfa}}\n"+block+"\n"); !strings.Contains(err, "a role within organisations") {
			t.Errorf("%s: %q", block, err)
		}
	}
	p, err := organised(t, "roles: {clerk: {}, owner: {requires: mfa}}\n")
	if err != "" || len(p.Roles) != 3 || p.Roles[1].Name != "owner" || !p.Roles[1].Org || p.Roles[1].Requires != plan.AnyMFA || p.Roles[0].Org || p.Roles[2].Name != "member" {
		t.Errorf("%+v, %q", p, err)
	}
}
