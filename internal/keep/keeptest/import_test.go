package keeptest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// coded are rows of cases with codes.
func coded(codes ...string) (out []jsontext.Value) {
	for _, code := range codes {
		out = append(out, jsontext.Value(fmt.Sprintf(`{"title": "T", "code": %q}`, code)))
	}
	return out
}

// TestImportIsCreate: an import makes what as many creates would make, refuses what they would refuse, with the number of the row, and
// then leaves nothing behind.
func TestImportIsCreate(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		staff, press := k.Person("Sam", "staff"), k.Person("Pia", "press")
		k.Create(staff, "cases", `{"title": "T", "code": "taken"}`)
		for _, c := range []struct {
			name string
			by   *types.Caller
			rows []jsontext.Value
			at   int
			code string
		}{
			{"values", staff, coded("a", "b", "No Good"), 2, "invalid"},
			{"a rule", staff, append(coded("a"), jsontext.Value(`{"title": "T", "code": "b", "owner": "`+string(press.Account)+`"}`)), 1, "not_allowed"},
			{"no rule at all", press, coded("a"), 0, "not_allowed"},
			{"unique", staff, coded("a", "b", "taken"), 2, "already_exists"},
			{"unique within", staff, coded("a", "b", "c", "a"), 3, "already_exists"},
			{"a check", staff, append(coded("a"), jsontext.Value(`{"title": "T", "code": "b", "begins": "2026-02-01", "ends": "2026-01-01"}`)), 1, "invalid"},
			{"a reference", staff, append(coded("a"), jsontext.Value(`{"title": "T", "code": "b", "parent": "`+string(types.RandomID())+`"}`)), 1, "invalid"},
			{"a state", staff, append(coded("a"), jsontext.Value(`{"title": "T", "code": "b", "stage": "held"}`)), 1, "invalid"},
			{"nothing", staff, nil, -1, "bad_batch"},
		} {
			_, at, err := k.Keep.Import(context.Background(), c.by, "cases", c.rows, 1000)
			if at != c.at || types.CodeOf(err) != c.code {
				t.Errorf("%s: row %d, %v; want row %d, %s", c.name, at, err, c.at, c.code)
			}
		}
		if page, err := k.List(staff, keep.ListQuery{Collection: "cases"}); err != nil || len(page.Items) != 1 {
			t.Fatalf("%d rows after imports that were refused: %v", len(page.Items), err)
		}
		codes := []string{}
		for n := range 700 {
			codes = append(codes, fmt.Sprintf("n%d", n))
		}
		if _, at, err := k.Keep.Import(context.Background(), staff, "cases", coded(codes...), 1000); at != -1 || err != nil {
			t.Fatalf("row %d: %v", at, err)
		}
		page, err := k.List(staff, keep.ListQuery{Collection: "cases", Limit: 1, Count: true})
		if err != nil || page.Count == nil || *page.Count != 701 {
			t.Fatalf("%v rows: %v", page.Count, err)
		}
	})
}

// TestImportInParts: an import of several transactions keeps those before the one that was refused, and counts rows over all of them.
func TestImportInParts(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		staff := k.Person("Sam", "staff")
		for _, x := range [][2]string{{"values", "No Good"}, {"unique", "a1"}} { // in this order: the second meets a row of the first
			name, last, codes := x[0], x[1], []string{}
			for n := range 20 {
				codes = append(codes, fmt.Sprintf("%c%d", name[0], n))
			}
			codes[16], codes[1] = last, "a1"
			if name == "unique" {
				codes[1] = "b1"
			}
			done, at, err := k.Keep.Import(context.Background(), staff, "cases", coded(codes...), 7)
			if done != 14 || at != 16 || err == nil {
				t.Errorf("%s: %d rows are in, row %d is refused: %v", name, done, at, err)
			}
		}
		page, err := k.List(staff, keep.ListQuery{Collection: "cases", Limit: 1, Count: true})
		if err != nil || *page.Count != 28 {
			t.Errorf("%v rows: %v", page.Count, err)
		}
		staff.RequestID = types.RandomID()
		if done, at, err := k.Keep.Import(context.Background(), staff, "cases", coded("x", "y", "z"), 2); done != 3 || at != -1 || err != nil {
			t.Errorf("%d rows are in, row %d is refused: %v", done, at, err)
		}
		for _, e := range []int{0, 1001} {
			if _, _, err := k.Keep.Import(context.Background(), staff, "cases", coded("x"), e); types.CodeOf(err) != "bad_batch" {
				t.Errorf("%d rows at once: %v", e, err)
			}
		}
	})
}

// TestImportIsOneEntry: the evidence of an import is one entry, which lists the rows and answers for its request.
func TestImportIsOneEntry(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		staff := k.Person("Sam", "staff")
		if _, _, err := k.Keep.Import(context.Background(), staff, "cases", coded("a", "b", "c"), 1000); err != nil {
			t.Fatal(err)
		}
		var want []types.ID
		page, err := k.List(staff, keep.ListQuery{Collection: "cases"})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Items {
			want = append(want, types.ID(row["id"].(string)))
		}
		var found []ledger.Found
		err = k.DB.View(context.Background(), func(r store.Reader) error {
			found, err = ledger.OfRequest(context.Background(), r, staff.RequestID)
			return err
		})
		if err != nil || len(found) != 1 {
			t.Fatalf("%d entries: %v", len(found), err)
		}
		f := found[0]
		slices.Sort(want)
		slices.Sort(f.Rows)
		if f.Event != types.RowImport || f.Outcome != types.Done || f.Account != staff.Account || f.Count != 3 || f.Row != "" || !slices.Equal(f.Rows, want) {
			t.Errorf("the evidence of %v is %+v", want, f)
		}
	})
}

const seats = `version: 1
service: {name: seats, host: seats.example}
roles: {staff: {}}
accounts:
  fields: {name: {type: text, max: 40}}
  allow: [{to: read, when: "has_role('staff')"}]
collections:
  seats:
    fields: {line: {type: int}, who: {type: account, default: "me.id"}}
    allow:
      - {to: read, when: "has_role('staff')"}
      - {to: create, when: "has_role('staff') && !seats.exists(s, s.line == new.line)"}
  tickets:
    fields: {line: {type: int}}
    check: [{that: "seats.exists(s, s.line == new.line)", else: "there is no such seat"}]
    allow: [{to: [read, create], when: "has_role('staff')"}]
`

// TestImportSeesItself: where a rule asks which rows there are, the rows of an import that came before are there.
func TestImportSeesItself(t *testing.T) {
	keeptest.Each(t, seats, func(t *testing.T, k *keeptest.Kit) {
		staff := k.Person("Sam", "staff")
		in := func(rows ...int) (out []jsontext.Value) {
			for _, n := range rows {
				out = append(out, jsontext.Value(fmt.Sprintf(`{"line": %d}`, n)))
			}
			return out
		}
		_, at, err := k.Keep.Import(context.Background(), staff, "seats", in(1, 2, 3, 2, 4), 1000)
		if at != 3 || types.CodeOf(err) != "not_allowed" {
			t.Errorf("a seat that is taken twice: row %d, %v", at, err)
		}
		if _, at, err = k.Keep.Import(context.Background(), staff, "seats", in(1, 2, 3), 1000); err != nil {
			t.Errorf("row %d: %v", at, err)
		}
		_, at, err = k.Keep.Import(context.Background(), staff, "tickets", in(1, 3, 4, 2), 1000)
		if at != 2 || types.CodeOf(err) != "invalid" {
			t.Errorf("a ticket without a seat: row %d, %v", at, err)
		}
	})
}

// TestImportTakesFewStatements: rows are stored many at a time: what an import asks of the database does not grow with each row.
func TestImportTakesFewStatements(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		staff := k.Person("Sam", "staff")
		codes := []string{}
		for n := range 640 {
			codes = append(codes, fmt.Sprintf("n%d", n))
		}
		k.DB.Reset()
		if _, at, err := k.Keep.Import(context.Background(), staff, "cases", coded(codes...), 1000); err != nil {
			t.Fatalf("row %d: %v", at, err)
		}
		if w := k.DB.Reset(); len(w.Statements) > 12 || w.Entries != 1 || w.Writes != 1 {
			t.Errorf("640 rows took %d statements and %d entries in %d transactions", len(w.Statements), w.Entries, w.Writes)
		}
	})
}
