package keeptest

import (
	"context"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	newOrganisation = store.SQL(`INSERT INTO organisations (id, created, updated, version, name) VALUES (?, ?, ?, 1, ?)`)
	newMembership   = store.SQL(`INSERT INTO memberships (id, created, updated, version, org, account, role) VALUES (?, ?, ?, 1, ?, ?, ?)`)
)

// Organisation makes an organisation.
func (k *Kit) Organisation(name string) types.ID {
	k.Helper()
	id, us := types.NewID(k.Clock.Now()), types.IntValue(types.Micros(k.Clock.Now()))
	k.write(newOrganisation, types.IDValue(id), us, us, types.TextValue(name))
	return id
}

// Member makes an account that belongs to an organisation and returns its caller in a session in which that is active.
func (k *Kit) Member(name string, org types.ID, role string) *types.Caller {
	k.Helper()
	return k.Join(k.Person(name), org, role)
}

// Join makes an account a member of one more organisation and returns its caller in a session in which that is active.
func (k *Kit) Join(c *types.Caller, org types.ID, role string) *types.Caller {
	k.Helper()
	k.Membership(c.Account, org, role)
	within := *c
	within.Org, within.Roles = org, k.Plan.RoleSet(role)
	return &within
}

// Membership makes an account a member and returns the id of the row.
func (k *Kit) Membership(account, org types.ID, role string) types.ID {
	k.Helper()
	id := types.NewID(k.Clock.Now())
	us := types.IntValue(types.Micros(k.Clock.Now()))
	k.write(newMembership, types.IDValue(id), us, us, types.IDValue(org), types.IDValue(account), types.TextValue(role))
	return id
}

func (k *Kit) write(s *store.Stmt, args ...types.Value) {
	k.Helper()
	err := k.DB.Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), s, args...)
		return err
	})
	if err != nil {
		k.Fatal(err)
	}
}
