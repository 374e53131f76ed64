package keeptest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

const purses = `version: 1
service: {name: bank, host: bank.example}
roles: {clerk: {}}
accounts:
  fields: {name: {type: text, max: 40}}
  allow: [{to: read, when: "has_role('clerk')"}]
collections:
  purses:
    if_match: required
    fields:
      amount: {type: decimal, digits: 2, min: "0", max: "1000000"}
    allow: [{to: [read, create, update], when: "has_role('clerk')"}]
`

// purse is one row as a clerk saw it.
type purse struct {
	id, tag string
	cents   int64
}

func (p purse) debit(cents int64) string {
	left := p.cents - cents
	return fmt.Sprintf(`{"update": "purses", "id": %q, "if_match": %s, "new": {"amount": "%d.%02d"}}`, p.id, strconv.Quote(p.tag), left/100, left%100)
}

// TestTransfersKeepTheirSum: clerks move money between a few purses at the same time, as clients do who read both, compute, and write
// both in one batch with what they read as the condition. Nothing is made and nothing is lost. FASTNESS_ROUNDS transfers (400), on each database.
func TestTransfersKeepTheirSum(t *testing.T) {
	const clerks, many, each = 8, 24, 10000 // purses, cents in each
	rounds := 400
	if n, err := strconv.Atoi(os.Getenv("FASTNESS_ROUNDS")); err == nil && n > rounds {
		rounds = min(n, 10000)
	}
	keeptest.Each(t, purses, func(t *testing.T, k *keeptest.Kit) {
		clerk := k.Person("Clara", "clerk")
		var ids []string
		for range many {
			ids = append(ids, k.Create(clerk, "purses", `{"amount": "100.00"}`)["id"].(string))
		}
		read := func(id string) purse {
			row, tag, err := k.GetTagged(clerk, "purses", id)
			if err != nil {
				t.Fatal(err)
			}
			cents, err := strconv.ParseInt(strings.ReplaceAll(row["amount"].(string), ".", ""), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return purse{id, tag, cents}
		}
		var wait sync.WaitGroup
		var done, lost sync.Map
		for n := range clerks {
			wait.Go(func() {
				for i := 0; i < rounds/clerks; {
					a := rand.IntN(many)
					from, to := read(ids[a]), read(ids[(a+1+rand.IntN(many-1))%many])
					cents := min(1+rand.Int64N(500), from.cents)
					body := fmt.Sprintf(`{"do": [%s, %s]}`, from.debit(cents), to.debit(-cents))
					_, err := k.Keep.Batch(context.Background(), clerk, []byte(body), keep.Write{})
					switch types.KindOf(err) {
					case types.Precondition, types.Unavailable: // somebody was faster: look again
						lost.Store([2]int{n, i}, true)
						continue
					}
					if err != nil {
						t.Errorf("transfer: %v", err)
						return
					}
					done.Store([2]int{n, i}, true)
					i++
				}
			})
		}
		wait.Wait()
		var sum int64
		for _, id := range ids {
			sum += read(id).cents
		}
		if sum != many*each {
			t.Errorf("%d cents of %d are left", sum, many*each)
		}
		if size(&done) != rounds/clerks*clerks || size(&lost) == 0 {
			t.Errorf("%d transfers were made and %d had to look again: there was no contest", size(&done), size(&lost))
		}
	})
}

func size(m *sync.Map) int {
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	return n
}
