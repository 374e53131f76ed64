package keeptest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/store"
)

// TestManyCreateTogether: those who make rows at the same moment are no obstacle to each other, on either database: nobody is told to come
// back, and each of them gets their own row to see. On PostgreSQL the transaction that makes a row does not read its collection: that
// reading is what makes the others start again, on a page of the index that all of them have touched.
func TestManyCreateTogether(t *testing.T) {
	const people, each = 24, 10
	keeptest.Each(t, purses, func(t *testing.T, k *keeptest.Kit) {
		clerk := k.Person("Clara", "clerk")
		k.DB.Reset()
		k.Create(clerk, "purses", `{"amount": "1.00"}`)
		inside := k.DB.Reset().Inside
		if len(inside) == 0 {
			t.Fatal("nothing ran in a transaction")
		}
		for _, s := range inside {
			if k.DB.Dialect() == store.Postgres && strings.HasPrefix(strings.TrimSpace(s), "SELECT") && strings.Contains(s, `"purses"`) {
				t.Errorf("in the transaction: %s", s)
			}
		}
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() {
				for j := range each {
					amount := fmt.Sprintf("%d.%02d", i, j)
					row, err := k.TryCreate(clerk, "purses", `{"amount": "`+amount+`"}`)
					if err != nil || row["amount"] != amount {
						t.Errorf("%v: %v", row, err)
					}
				}
			})
		}
		wg.Wait()
	})
}
