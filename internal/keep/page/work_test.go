package page_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// shelf is row number i of the table, as the database holds it.
type shelf struct {
	i                int
	owner            types.ID
	team             bool // the mate is in it
	rare, skew, live int
	name, kind, day  string
}

// shelves is the table with those who ask.
type shelves struct {
	*keeptest.Kit
	spy                    *storetest.Spy
	rows                   []shelf
	orders                 map[string][]*shelf
	counts                 map[string]int
	staff, few, most, mate *types.Caller
}

var fillShelves = store.SQL(`WITH RECURSIVE n(i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
	INSERT INTO "shelves" ("id", "created", "updated", "version", "owner", "team", "one", "none", "rare", "skew", "name", "live", "kind", "day")
	SELECT '00000000000000' || CAST(10000000000 + i AS TEXT) || '0', 1700000000000000 + i, 1700000000000000 + (i * 7919) % 999983, 1,
	CASE WHEN i <= 40 THEN ? ELSE ? END, '[]', 'a', NULL, CASE WHEN i % 100000 = 77 THEN 1 ELSE 0 END,
	CASE WHEN i % 100 < 90 THEN 0 WHEN i % 100 < 99 THEN 1 ELSE 2 + (i / 100) % 50 END, 'n' || CAST((i * 7919) % 99991 AS TEXT), i % 2,
	CASE WHEN i % 100 = 50 THEN 'shown' WHEN i % 2000 < 1000 THEN 'old' ELSE 'new' END,
	CASE WHEN i % 3 = 0 THEN NULL ELSE '2026-01-' || CAST(10 + i % 4 AS TEXT) END FROM n`)

var joinTeams = store.SQL(`INSERT INTO "shelves__team" ("row_id", "position", "value") SELECT "id", 0, ? FROM "shelves" WHERE "id" >= ? AND "id" < ? AND "created" % 500 = 7`)

func shelfID(i int) types.ID { return types.ID(fmt.Sprintf("00000000000000%d0", 10000000000+i)) }

func newShelves(t *testing.T, k *keeptest.Kit, n int) *shelves {
	s := &shelves{Kit: k, orders: map[string][]*shelf{}, counts: map[string]int{}, staff: k.Person("Sue", "staff"), few: k.Person("Fay", "member"), most: k.Person("Max", "member"), mate: k.Person("Mia", "member")}
	for first := 1; first <= n; first += 2000 {
		last := min(first+1999, n)
		err := k.DB.DB.Write(context.Background(), func(tx store.Tx) error {
			_, err := tx.Exec(context.Background(), fillShelves, types.IntValue(int64(first)), types.IntValue(int64(last)), types.IDValue(s.few.Account), types.IDValue(s.most.Account))
			if err == nil {
				_, err = tx.Exec(context.Background(), joinTeams, types.IDValue(s.mate.Account), types.IDValue(shelfID(first)), types.IDValue(shelfID(last+1)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	storetest.Analyse(t, k.DB.DB)
	for i := 1; i <= n; i++ {
		r := shelf{i: i, owner: s.most.Account, team: (1700000000000000+i)%500 == 7, live: i % 2, name: "n" + strconv.Itoa(i*7919%99991), kind: "new"}
		if i <= 40 {
			r.owner = s.few.Account
		}
		if i%100000 == 77 {
			r.rare = 1
		}
		switch {
		case i%100 == 99:
			r.skew = 2 + i/100%50
		case i%100 >= 90:
			r.skew = 1
		}
		switch {
		case i%100 == 50:
			r.kind = "shown"
		case i%2000 < 1000:
			r.kind = "old"
		}
		if i%3 != 0 {
			r.day = "2026-01-" + strconv.Itoa(10+i%4)
		}
		s.rows = append(s.rows, r)
	}
	s.spy = storetest.NewSpy(t, k.DB.DB)
	k.DB = &keeptest.Counter{DB: s.spy}
	k.Keep = k.Again(k.Plan)
	return s
}

// asking is a filter with what each of its conditions means; an index may find the rows of each.
type asking struct {
	filter string
	conds  []func(*shelf) bool
}

var askings = []asking{
	{"", nil},
	{"row.one == 'a'", all(func(r *shelf) bool { return true })},
	{"row.one != 'a'", all(never)}, {"row.one == 'z'", all(never)}, {"row.one < 'a'", all(never)},
	{"row.none == 1", all(never)}, {"has(row.none)", all(never)}, {"!has(row.none)", all(always)}, {"row.none != 1", all(never)},
	{"row.rare == 1", all(func(r *shelf) bool { return r.rare == 1 })}, {"row.rare != 0", all(func(r *shelf) bool { return r.rare != 0 })},
	{"row.rare > 0", all(func(r *shelf) bool { return r.rare > 0 })}, {"row.rare < 1", all(func(r *shelf) bool { return r.rare < 1 })},
	{"row.skew == 0", all(func(r *shelf) bool { return r.skew == 0 })}, {"row.skew == 7", all(func(r *shelf) bool { return r.skew == 7 })},
	{"row.skew in [5, 7]", all(func(r *shelf) bool { return r.skew == 5 || r.skew == 7 })},
	{"!(row.skew in [1, 0])", all(func(r *shelf) bool { return r.skew > 1 })},
	{"row.name.startsWith('n12')", all(func(r *shelf) bool { return strings.HasPrefix(r.name, "n12") })},
	{"!row.name.startsWith('n')", all(never)},
	{"row.live", all(func(r *shelf) bool { return r.live == 1 })}, {"!row.live", all(func(r *shelf) bool { return r.live == 0 })},
	{"row.kind == 'shown'", all(func(r *shelf) bool { return r.kind == "shown" })}, {"row.kind == 'old'", all(func(r *shelf) bool { return r.kind == "old" })},
	{"row.day == '2026-01-13'", all(func(r *shelf) bool { return r.day == "2026-01-13" })}, {"!has(row.day)", all(func(r *shelf) bool { return r.day == "" })},
	{"row.day > '2026-01-12' && row.rare == 0", all(func(r *shelf) bool { return r.day > "2026-01-12" }, func(r *shelf) bool { return r.rare == 0 })},
	{"row.rare == 1 || row.skew == 7", all(func(r *shelf) bool { return r.rare == 1 || r.skew == 7 })},
	{"row.one == 'a' && row.rare == 1", all(always, func(r *shelf) bool { return r.rare == 1 })},
	{"row.skew == 0 && row.kind == 'shown'", all(func(r *shelf) bool { return r.skew == 0 }, func(r *shelf) bool { return r.kind == "shown" })},
	{"row.skew == 1 && row.live", all(func(r *shelf) bool { return r.skew == 1 && r.live == 1 })}, // an index holds both
}

func all(conds ...func(*shelf) bool) []func(*shelf) bool { return conds }
func always(*shelf) bool                                 { return true }
func never(*shelf) bool                                  { return false }

// by compares two rows by a field, a missing value first.
var by = map[string]func(a, b *shelf) int{
	"created": func(a, b *shelf) int { return a.i - b.i }, "id": func(a, b *shelf) int { return a.i - b.i },
	"updated": func(a, b *shelf) int { return a.i*7919%999983 - b.i*7919%999983 },
	"one":     func(a, b *shelf) int { return 0 }, "none": func(a, b *shelf) int { return 0 },
	"rare": func(a, b *shelf) int { return a.rare - b.rare }, "skew": func(a, b *shelf) int { return a.skew - b.skew },
	"name": func(a, b *shelf) int { return strings.Compare(a.name, b.name) }, "live": func(a, b *shelf) int { return a.live - b.live },
	"kind": func(a, b *shelf) int { return strings.Compare(a.kind, b.kind) }, "day": func(a, b *shelf) int { return strings.Compare(a.day, b.day) },
	"owner": func(a, b *shelf) int { return strings.Compare(string(a.owner), string(b.owner)) },
}

func (s *shelves) order(sort string) []*shelf {
	if s.orders[sort] == nil {
		name, down := strings.CutPrefix(sort, "-")
		var out []*shelf
		for i := range s.rows {
			out = append(out, &s.rows[i])
		}
		slices.SortFunc(out, func(a, b *shelf) int {
			n := cmp.Or(by[name](a, b), a.i-b.i)
			if down {
				return -n
			}
			return n
		})
		s.orders[sort] = out
	}
	return s.orders[sort]
}

// readable are the alternatives of the rules under which a caller reads a row; nil: all are.
func (s *shelves) readable(c *types.Caller) []func(*shelf) bool {
	if c == s.staff {
		return nil
	}
	return []func(*shelf) bool{func(r *shelf) bool { return r.owner == c.Account }, func(r *shelf) bool { return r.team && c == s.mate },
		func(r *shelf) bool { return r.kind == "shown" }}
}

// expected is what a page holds, and the least that one has to look at: the rows of one condition, of the rules, or those up to the end of the page in its order, behind the
// cursor.
func (s *shelves) expected(c *types.Caller, a asking, sort string, behind types.ID) (ids []types.ID, least int) {
	rules := s.readable(c)
	least = len(s.rows)
	for i, cond := range a.conds {
		least = min(least, s.count(fmt.Sprint(a.filter, i), cond))
	}
	if rules != nil {
		sum := 0
		for i, rule := range rules {
			sum += s.count(fmt.Sprint(c.Account, i), rule)
		}
		least = min(least, sum)
	}
	order, from := s.order(sort), 0
	if behind != "" {
		from = slices.IndexFunc(order, func(r *shelf) bool { return shelfID(r.i) == behind }) + 1
	}
	for n, r := range order[from:] {
		if !holds(r, rules, a.conds) {
			continue
		}
		if ids = append(ids, shelfID(r.i)); len(ids) == 31 {
			least = min(least, n+1)
			break
		}
	}
	return ids, least
}

func (s *shelves) count(name string, cond func(*shelf) bool) int {
	n, known := s.counts[name]
	if !known {
		for i := range s.rows {
			if cond(&s.rows[i]) {
				n++
			}
		}
		s.counts[name] = n
	}
	return n
}

func holds(r *shelf, rules, conds []func(*shelf) bool) bool {
	return (rules == nil || slices.ContainsFunc(rules, func(f func(*shelf) bool) bool { return f(r) })) &&
		!slices.ContainsFunc(conds, func(f func(*shelf) bool) bool { return !f(r) })
}

// TestListsTouchLittle: whatever is filtered, sorted and granted, and however values are spread, a page touches a small multiple of the
// rows that the best single condition has, or that the order has up to its end. The work does not grow from a thousand rows to ten
// thousand; FASTNESS_LIST_ROWS=1000000 asks more. A bound may be nearly four times what is least, the rounds before it add a third, and each
// way is counted that far: some five rows for each way, and a million rows have lists of four ways and the walk just behind a bound.
func TestListsTouchLittle(t *testing.T) {
	sizes := []int{1_000, 10_000}
	if many := os.Getenv("FASTNESS_LIST_ROWS"); many != "" {
		n, err := strconv.Atoi(many)
		if err != nil {
			t.Fatal(err)
		}
		sizes = []int{n}
	}
	p := keeptest.Compile(t, keeptest.Declaration(t, "shelves"))
	for _, n := range sizes {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			storetest.Each(t, storetest.Options{Tables: keeptest.Tables(p), Recorder: ledger.Evidence{}}, func(t *testing.T, db store.DB) {
				s := newShelves(t, keeptest.New(t, p, db), n)
				s.askAll(t)
			})
		})
	}
}

// askAll asks a share of all lists, all of them with FASTNESS_LIST_SHARE=1, and prints of each filter the list that touched most.
func (s *shelves) askAll(t *testing.T) {
	asked, n, share := 0, 0, 13
	if n, err := strconv.Atoi(os.Getenv("FASTNESS_LIST_SHARE")); err == nil {
		share = n
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "filter\tcaller\tsort\tpage\tleast rows\ttouched\tstatements\n")
	names := map[*types.Caller]string{s.staff: "staff", s.few: "few", s.most: "most", s.mate: "mate"}
	for _, a := range askings {
		var worst cost
		for _, c := range []*types.Caller{s.staff, s.few, s.most, s.mate} {
			for _, sort := range slices.Sorted(maps.Keys(by)) {
				for _, sort := range []string{sort, "-" + sort} {
					if n++; n%share != 0 {
						continue
					}
					asked++
					if one := s.ask(t, names[c], c, a, sort); one.touched > worst.touched {
						worst = one
					}
				}
			}
		}
		fmt.Fprintf(w, "%s\t%s\n", a.filter, worst)
	}
	w.Flush()
	t.Logf("%d lists; SQLite's steps, some ten a row; PostgreSQL's rows\n%s", asked, out.String())
}

// cost is what one page cost.
type cost struct {
	caller, sort                     string
	page, least, touched, statements int
}

func (a cost) String() string {
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d", a.caller, a.sort, a.page, a.least, a.touched, a.statements)
}

// ask asks two pages, compares them with what they ought to be, and gives the one that touched more.
func (s *shelves) ask(t *testing.T, name string, c *types.Caller, a asking, sort string) (worst cost) {
	var cursor string
	var behind types.ID
	for page := range 2 {
		s.spy.Touched(t)
		got, err := s.List(c, keep.ListQuery{Collection: "shelves", Filter: a.filter, Sort: sort, After: cursor})
		if err != nil {
			t.Fatalf("%s %s by %s: %v", name, a.filter, sort, err)
		}
		touched, statements := s.spy.Touched(t)
		want, least := s.expected(c, a, sort, behind)
		var ids []types.ID
		for _, i := range got.Items {
			ids = append(ids, types.ID(i["id"].(string)))
		}
		if !slices.Equal(ids, want[:min(len(want), 30)]) || (got.Next != "") != (len(want) > 30) {
			t.Errorf("%s: %q by %s, page %d gives %v, want %v", name, a.filter, sort, page+1, ids, want)
		}
		rows := 16
		if len(s.rows) > 100_000 {
			rows = 27
		}
		allowed := 9000 + max(200, 10*rows)*least
		if s.spy.Dialect() == store.Postgres {
			allowed = 600 + rows*least
		}
		one := cost{name, sort, page + 1, least, touched, statements}
		if touched > allowed {
			t.Errorf("%q touches more than %d: %s", a.filter, allowed, one)
		}
		if touched > worst.touched {
			worst = one
		}
		if cursor = got.Next; cursor == "" {
			break
		}
		behind = ids[29]
	}
	return worst
}
