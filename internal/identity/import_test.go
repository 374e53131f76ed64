package identity_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/account"
	desk "github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

const oldHash = "pbkdf2_sha256$260000$80p7MW7HwyT3cMMBJpA9cf$qqhhsa3VJDObE60ZBL8alomdkJX+hCbp3T8FLynszBQ="

func (w *town) take(in desk.Import) []desk.Fate {
	w.t.Helper()
	fates, err := w.Import(w.ctx(), operator, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return fates
}

func (w *town) account(email string) *account.Account {
	w.t.Helper()
	var acc *account.Account
	if err := w.db.View(w.ctx(), func(r store.Reader) error {
		var err error
		acc, err = w.Accounts().Find(w.ctx(), r, email)
		return err
	}); err != nil {
		w.t.Fatalf("%s: %v", email, err)
	}
	return acc
}

// TestImport: people come with their hash, state and roles; doing it again changes nothing.
func TestImport(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		in := desk.Import{Write: true, People: []desk.Newcomer{{Email: "Ann@Clinic.Example", Hash: oldHash, Roles: []string{"patient", "admin", "patient"}},
			{Email: "bob@clinic.example", Hash: oldHash, Disabled: true}, {Email: "cy@clinic.example"}, {Email: "no address", Hash: oldHash}}}
		fates := w.take(in)
		if !fates[0].New || fates[0].Waits || !fates[1].New || !fates[2].New || !fates[2].Waits || fates[3].New || fates[3].Refused == "" {
			t.Fatalf("%+v", fates)
		}
		ann, bob, cy := w.account("ann@clinic.example"), w.account("bob@clinic.example"), w.account("cy@clinic.example")
		if ann.State != account.Active || ann.Verified || ann.PHC.Reveal() != oldHash || bob.State != account.Disabled || cy.State != account.Invited {
			t.Errorf("%+v %+v %+v", ann, bob, cy)
		}
		if n := len(w.rows("SELECT role FROM fastness_grant WHERE account = ?", types.IDValue(ann.ID))); n != 2 {
			t.Errorf("%d roles", n)
		}
		if n := w.evidence(types.AccountState, types.Done); n != 3 {
			t.Errorf("%d entries for three accounts", n)
		}
		for i, f := range w.take(in) {
			if f.New || (f.Refused != "") != (i == 3) {
				t.Errorf("again: %d %+v", i, f)
			}
		}
		in.Verified, in.People = true, []desk.Newcomer{{Email: "dee@clinic.example", Hash: oldHash}}
		if w.take(in); !w.account("dee@clinic.example").Verified {
			t.Error("verified is not kept")
		}
	})
}

// TestImportTakesNobodysAccount: a file names the address of somebody who is here, with a hash whose password its author knows.
func TestImportTakesNobodysAccount(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@clinic.example", "patient")
		before := w.account("ann@clinic.example")
		if f := w.take(desk.Import{Write: true, People: []desk.Newcomer{{Email: "ANN@clinic.example", Hash: oldHash, Roles: []string{"admin"}}}}); f[0] != (desk.Fate{}) {
			t.Errorf("%+v", f)
		}
		if now := w.account("ann@clinic.example"); now.PHC != before.PHC || now.Epoch != before.Epoch {
			t.Error("the account was changed")
		}
		w.in("ann@clinic.example")
	})
}

// TestDryImport: what would be done is said, and nothing of it is there afterwards, evidence included.
func TestDryImport(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		fates := w.take(desk.Import{People: []desk.Newcomer{{Email: "ann@clinic.example", Hash: oldHash, Roles: []string{"patient"}}, {Email: "x"}}})
		if !fates[0].New || fates[1].Refused == "" {
			t.Errorf("%+v", fates)
		}
		for _, table := range []string{"fastness_account", "accounts", "fastness_grant", "evidence"} {
			if n := len(w.rows("SELECT 1 FROM " + table)); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// TestImportChecksHashes: forms and costs that the first sign-in would choke on do not come in.
func TestImportChecksHashes(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for _, h := range []string{"plain", "$2b$31$" + strings.Repeat("a", 53), strings.Replace(oldHash, "260000", "4000000000", 1)} {
			if f := w.take(desk.Import{Write: true, People: []desk.Newcomer{{Email: "ann@clinic.example", Hash: h}}}); f[0].Refused == "" {
				t.Errorf("%s: %+v", h, f)
			}
		}
	})
}

// TestOnlyTheOperatorImports: whoever may manage accounts may not bring any with passwords of his choice.
func TestOnlyTheOperatorImports(t *testing.T) {
	each(t, func(c *identity.Config) {
		c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "vault", Set: 1 << 40, Approve: true})
	}, func(t *testing.T, w *town) {
		id := w.person("root@clinic.example", "admin")
		admin := &types.Caller{Kind: types.Signed, Account: id, Session: "s", Roles: 8, Factors: types.Password}
		in := desk.Import{Write: true, People: []desk.Newcomer{{Email: "ann@clinic.example", Hash: oldHash}}}
		if _, err := w.Import(w.ctx(), admin, in); types.KindOf(err) != types.Forbidden {
			t.Errorf("an administrator: %v", err)
		}
		in.People[0].Roles = []string{"wizard"}
		if _, err := w.Import(w.ctx(), operator, in); types.CodeOf(err) != "unknown_role" {
			t.Errorf("an unknown role: %v", err)
		}
		in.People[0].Roles = []string{"patient", "vault"}
		if _, err := w.Import(w.ctx(), operator, in); types.CodeOf(err) != "approval_required" {
			t.Errorf("a role of two persons: %v", err)
		}
		if n := len(w.rows("SELECT id FROM fastness_account")); n != 1 {
			t.Errorf("%d accounts", n)
		}
		in.People = make([]desk.Newcomer, desk.MaxImport+1)
		if _, err := w.Import(w.ctx(), operator, in); types.KindOf(err) != types.TooLarge {
			t.Errorf("too many: %v", err)
		}
	})
}
