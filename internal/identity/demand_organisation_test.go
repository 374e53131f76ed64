package identity_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
)

// TestDemandReachesIntoOrganisations: a factor that is demanded of an account makes its role in the active organisation dormant too.
func TestDemandReachesIntoOrganisations(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		org := w.found(b, "Harbour")
		w.stands(b, "patient owner", org)
		if err := w.Require(w.ctx(), operator, id, plan.AnyMFA); err != nil {
			t.Fatal(err)
		}
		w.stands(b, "", org)
		if err := w.Require(w.ctx(), operator, id, plan.NoFactor); err != nil {
			t.Fatal(err)
		}
		w.stands(b, "patient owner", org)
	})
}
