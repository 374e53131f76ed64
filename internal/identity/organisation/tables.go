package organisation

import (
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
)

// Tables returns the tables of a service with organisations. They reference organisations and memberships, which are the plan's.
func Tables() []store.Table {
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	bytes := func(name string) store.Column {
		return store.Column{Name: name, Type: store.BytesColumn, NotNull: true}
	}
	of := func(name, column, table string) store.ForeignKey {
		return store.ForeignKey{Name: name, Columns: []string{column}, RefTable: table, RefColumn: "id", OnDelete: store.Cascade}
	}
	return []store.Table{
		{Name: "fastness_organisation_choice", Primary: []string{"account"}, Columns: []store.Column{text("account"), text("org")},
			Indexes: []store.Index{{Name: "fastness_organisation_choice_org", Columns: []string{"org"}}},
			Foreign: []store.ForeignKey{of("fastness_organisation_choice_account", "account", "accounts"),
				of("fastness_organisation_choice_of", "org", "organisations")}},
		{Name: "fastness_organisation_invitation", Primary: []string{"hash"},
			Columns: append([]store.Column{bytes("hash"), text("id"), text("org"), bytes("email"), bytes("email_key"), text("role"),
				{Name: "invited_by", Type: store.TextColumn}, number("created"), number("expires")}, session.Columns()...),
			Indexes: []store.Index{{Name: "fastness_organisation_invitation_address", Columns: []string{"org", "email_key"}, Unique: true},
				{Name: "fastness_organisation_invitation_id", Columns: []string{"id"}, Unique: true},
				{Name: "fastness_organisation_invitation_expires", Columns: []string{"expires"}}},
			Foreign: []store.ForeignKey{of("fastness_organisation_invitation_of", "org", "organisations")}},
	}
}
