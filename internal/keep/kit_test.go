package keep_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// office is a case with an owner, who shares it with a helper, a boss, and a stranger who has a case of his own.
type office struct {
	*keeptest.Kit
	owner, helper, boss, other *types.Caller
	id, his                    string // the owner's case, which is closed to the stranger, and the stranger's
	absent                     string // no row has this id
}

func each(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		o := &office{Kit: k, owner: k.Person("Olga", "staff"), helper: k.Person("Hans", "staff"), boss: k.Person("Bea", "boss"), other: k.Person("Otto", "staff")}
		o.id = k.Create(o.owner, "cases", `{"title": "Hers", "code": "hers", "begins": "2026-01-01", "helpers": ["`+string(o.helper.Account)+`"]}`)["id"].(string)
		o.his = k.Create(o.other, "cases", `{"title": "His", "code": "his"}`)["id"].(string)
		o.absent = string(types.NewID(k.Clock.Now()))
		fn(t, o)
	})
}

// write sends an update, or a delete when body is empty, and gives its refusal.
func (o *office) write(t *testing.T, c *types.Caller, id, body, ifMatch string) error {
	t.Helper()
	w := keep.Write{Collection: "cases", ID: id, Body: []byte(body), IfMatch: ifMatch}
	var err error
	if body == "" {
		_, err = o.Keep.Delete(t.Context(), c, w)
	} else {
		_, err = o.Keep.Update(t.Context(), c, w)
	}
	return err
}

// system runs a statement that no rule and no evidence knows of.
func (f *forum) system(t *testing.T, text string, args ...string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx store.Tx) error {
		var values []types.Value
		for _, a := range args {
			values = append(values, types.TextValue(a))
		}
		_, err := tx.Exec(t.Context(), store.SQL(text), values...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
