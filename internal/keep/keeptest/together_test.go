package keeptest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
)

// TestManyCreateTogether: those who make rows at the same moment are no obstacle to each other, on either database: nobody is told
// to come back, and everybody gets his own row to see.
func TestManyCreateTogether(t *testing.T) {
	const people, each = 24, 10
	keeptest.Each(t, purses, func(t *testing.T, k *keeptest.Kit) {
		clerk := k.Person("Clara", "clerk")
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
