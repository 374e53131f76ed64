package storetest

import (
	"context"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Spy is a database that remembers what its readers ask, and tells how much of the tables that touched. Not for use by several goroutines.
type Spy struct {
	store.DB
	asked []question
	lite  *sqlite3.Conn
	kept  map[string]*sqlite3.Stmt
}

type question struct {
	sql  string
	args []types.Value
}

// NewSpy puts a Spy over a database.
func NewSpy(t testing.TB, db store.DB) *Spy {
	t.Helper()
	s := &Spy{DB: db, kept: map[string]*sqlite3.Stmt{}}
	if db.Dialect() != store.SQLite {
		return s
	}
	file := Rows(t, db, "SELECT file FROM pragma_database_list")[0][0]
	var err error
	if s.lite, err = sqlite3.Open(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range s.kept {
			p.Close()
		}
		s.lite.Close()
	})
	return s
}

// View hands fn a reader that remembers.
func (s *Spy) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.DB.View(ctx, func(r store.Reader) error { return fn(listening{r, s}) })
}

type listening struct {
	store.Reader
	spy *Spy
}

// Query remembers the statement and asks it.
func (l listening) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	l.spy.asked = append(l.spy.asked, question{s.SQL, append([]types.Value(nil), args...)})
	return l.Reader.Query(ctx, s, args...)
}

// Touched asks again what was asked since the last time, and forgets it. SQLite counts the steps of its machine, some ten for each row
// that it looks at; PostgreSQL counts the rows of tables and indexes that its scans gave or threw away.
func (s *Spy) Touched(t testing.TB) (touched, statements int) {
	t.Helper()
	asked := s.asked
	s.asked = nil
	if s.lite != nil {
		for _, q := range asked {
			touched += s.steps(t, q)
		}
		return touched, len(asked)
	}
	err := s.DB.View(context.Background(), func(r store.Reader) error {
		for _, q := range asked {
			n, err := explained(r, q)
			if err != nil {
				return err
			}
			touched += n
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return touched, len(asked)
}

func (s *Spy) steps(t testing.TB, q question) int {
	t.Helper()
	p := s.kept[q.sql]
	if p == nil {
		var err error
		if p, _, err = s.lite.Prepare(q.sql); err != nil {
			t.Fatal(err)
		}
		s.kept[q.sql] = p
	}
	for i, v := range q.args {
		var err error
		switch v.Kind {
		case types.Null:
			err = p.BindNull(i + 1)
		case types.Int:
			err = p.BindInt64(i+1, v.Int)
		default:
			err = p.BindText(i+1, v.Text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for p.Step() {
	}
	n := p.Status(sqlite3.STMTSTATUS_VM_STEP, true)
	if err := p.Reset(); err != nil {
		t.Fatal(err)
	}
	return n
}

// node is a part of PostgreSQL's EXPLAIN (ANALYZE, FORMAT JSON).
type node struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Rechecks float64 `json:"Rows Removed by Index Recheck"`
	Index    string  `json:"Index Name"`
	Plans    []node
}

func (n node) touched() int {
	sum := 0
	if n.Relation != "" || n.Index != "" {
		sum = int((n.Rows + n.Filtered + n.Rechecks) * n.Loops)
	}
	for _, p := range n.Plans {
		sum += p.touched()
	}
	return sum
}

func explained(r store.Reader, q question) (int, error) {
	rows, err := r.Query(context.Background(), &store.Stmt{SQL: "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + q.sql, Transient: true}, q.args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, rows.Err()
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(rows.Bytes(0), &plans); err != nil || len(plans) != 1 {
		return 0, err
	}
	return plans[0].Plan.touched(), rows.Err()
}

// Analyse brings PostgreSQL's statistics up to the tables, as its own daemon would have. SQLite gets none: it has no such daemon.
func Analyse(t testing.TB, db store.DB) {
	t.Helper()
	if db.Dialect() != store.Postgres {
		return
	}
	err := db.Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), store.SQL("ANALYZE"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
