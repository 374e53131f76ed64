package keeptest_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// confusing are requests whose values are of the wrong type in one way or another: a door and what is sent to it.
func confusing(t testing.TB) [][2]string {
	t.Helper()
	text, err := os.ReadFile("testdata/confusing.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for line := range strings.Lines(string(text)) {
		if door, body, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			out = append(out, [2]string{door, body})
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d seeds", len(out))
	}
	return out
}

// confused sends requests and watches what becomes of them.
type confused struct {
	*keeptest.Kit
	user        *types.Caller
	row         string // one to change
	taken, sent int
}

func newConfused(k *keeptest.Kit) *confused {
	c := &confused{Kit: k, user: k.Person("Ursula", "user")}
	c.row = k.Create(c.user, "things", `{"name": "ab", "n": 0}`)["id"].(string)
	return c
}

// send knocks at a door. An answer is a success or a refusal of a kind; an internal error is a failure, and so is a row that our own
// values would refuse.
func (c *confused) send(t testing.TB, door, body string) {
	t.Helper()
	ctx, things := context.Background(), c.Plan.Collection("things")
	var a *plan.Answer
	var err error
	made := ""
	switch door {
	case "create":
		if a, err = c.Keep.Create(ctx, c.user, keep.Write{Collection: "things", Body: []byte(body)}); err == nil {
			made = keeptest.Row(t, a, nil)["id"].(string)
		}
	case "update":
		if a, err = c.Keep.Update(ctx, c.user, keep.Write{Collection: "things", ID: c.row, Body: []byte(body)}); err == nil {
			made = c.row
		}
	case "batch":
		a, err = c.Keep.Batch(ctx, c.user, []byte(body), keep.Write{})
	case "can":
		a, err = c.Keep.Can(ctx, c.user, []byte(body))
	case "search":
		var q page.Query
		if q, err = page.ParseSearch("things", []byte(body)); err == nil {
			a, err = c.Keep.List(ctx, c.user, q)
		}
	default:
		values, bad := url.ParseQuery(body)
		if bad != nil {
			return
		}
		var q page.Query
		if q, err = page.ParseList("things", values); err == nil {
			a, err = c.Keep.List(ctx, c.user, q)
		}
	}
	c.sent++
	if err != nil {
		var e *types.Error
		if !errors.As(err, &e) || e.Kind == types.Internal || e.Kind == types.Unavailable || e.Kind == types.Full {
			t.Errorf("%s %s: %v", door, body, err)
		}
		return
	}
	c.taken++
	if made == "" && len(a.Body) > 0 && !jsontext.Value(a.Body).IsValid() {
		t.Errorf("%s %s: the answer is not JSON: %s", door, body, a.Body)
	}
	if made != "" {
		c.readable(t, body, made, things)
	}
	if made != "" && made != c.row {
		if err := c.Delete(c.user, "things", made); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// readable reads a row back and asks of every value whether it would be taken again, as it is.
func (c *confused) readable(t testing.TB, body, id string, col *plan.Collection) {
	t.Helper()
	a, err := c.Keep.Get(context.Background(), c.user, keep.GetQuery{Collection: "things", ID: id})
	if err != nil {
		t.Errorf("%s: stored and not readable: %v", body, err)
		return
	}
	var row map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &row); err != nil {
		t.Errorf("%s: %v", body, err)
	}
	for name, raw := range row {
		f := col.Field(name)
		if f == nil || f.System {
			continue
		}
		v, errs := value.Decode(f, name, jsontext.Value(raw))
		if again := string(value.Append(nil, f, v)); len(errs) > 0 || again != string(raw) {
			t.Errorf("%s: stored %s: %s, which is refused or changed: %v, %s", body, name, raw, errs, again)
		}
	}
	a.Release()
}

// TestConfusion: the seeds, and bodies put together from their parts, at every door of both databases.
func TestConfusion(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "things"), func(t *testing.T, k *keeptest.Kit) {
		c := newConfused(k)
		seeds := confusing(t)
		for _, s := range seeds {
			c.send(t, s[0], s[1])
		}
		g := &bodies{rand: rand.New(rand.NewPCG(1, 2)), col: k.Plan.Collection("things")}
		for i := range hosttest.Fewer(1500) {
			c.send(t, []string{"create", "update"}[i%2], g.body(i%2 == 0))
		}
		for range hosttest.Fewer(1500) {
			s := seeds[g.rand.IntN(len(seeds))]
			c.send(t, s[0], mutate(g.rand, s[1]))
		}
		t.Logf("%d sent, %d taken", c.sent, c.taken)
		if c.taken*10 < c.sent || c.taken*10 > c.sent*9 {
			t.Errorf("%d of %d are taken: too one-sided to tell anything", c.taken, c.sent)
		}
	})
}

// mutate changes a text in one place.
func mutate(r *rand.Rand, s string) string {
	if s == "" {
		return "{"
	}
	at := r.IntN(len(s))
	parts := []string{"null", "[", "]", "{", "}", `"`, ":", ",", "1e9", "-", "\\u0000", "\\ud83d", "true", "é", `"name"`, "9223372036854775808", "'", ".", "@0", " "}
	switch r.IntN(3) {
	case 0:
		return s[:at] + parts[r.IntN(len(parts))] + s[at:]
	case 1:
		return s[:at] + s[min(len(s), at+1+r.IntN(4)):]
	}
	return s[:at] + parts[r.IntN(len(parts))] + s[at+1:]
}

// FuzzConfusion: no request that anybody could think of is an internal error, or stores what would be refused.
func FuzzConfusion(f *testing.F) {
	for _, s := range confusing(f) {
		f.Add(s[0], s[1])
	}
	p := keeptest.Compile(f, keeptest.Declaration(f, "things"))
	db, err := sqlite.Open(sqlite.Config{Dir: f.TempDir(), Recorder: ledger.Evidence{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	storetest.Create(f, db, keeptest.Tables(p))
	c := newConfused(keeptest.New(f, p, db))
	f.Fuzz(func(t *testing.T, door, body string) {
		c.TB = t
		c.send(t, door, body)
	})
}
