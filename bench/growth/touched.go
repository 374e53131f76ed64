package growth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// spy is a database that remembers what it was asked.
type spy struct {
	store.DB
	asked []asked
}

// asked is one statement with its values.
type asked struct {
	sql  string
	args []types.Value
}

// View hands fn a reader that remembers.
func (s *spy) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.DB.View(ctx, func(r store.Reader) error { return fn(listening{r, s}) })
}

type listening struct {
	store.Reader
	spy *spy
}

// Query remembers the statement and asks it.
func (l listening) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	l.spy.asked = append(l.spy.asked, asked{s.SQL, append([]types.Value(nil), args...)})
	return l.Reader.Query(ctx, s, args...)
}

// measure asks statements again on a connection of its own, and says how much of the table they touched. SQLite counts the
// instructions of its machine (some ten for each row it looks at) and the rows of walks without a bound; PostgreSQL counts rows.
type measure struct {
	lite *sqlite3.Conn
	pg   *pgx.Conn
}

func newMeasure(ctx context.Context, d store.Dialect, file, url string) (*measure, error) {
	m := &measure{}
	var err error
	if d == store.SQLite {
		m.lite, err = sqlite3.Open(file)
	} else {
		m.pg, err = pgx.Connect(ctx, url)
	}
	return m, err
}

func (m *measure) close() {
	if m.lite != nil {
		_ = m.lite.Close() // it has only read
	} else {
		_ = m.pg.Close(context.Background())
	}
}

func (m *measure) engine() string {
	if m.lite != nil {
		return "SQLite"
	}
	return "PostgreSQL"
}

func (m *measure) title() string {
	if m.lite != nil {
		return "steps of SQLite per row back\trows walked per row back"
	}
	return "rows touched per row back"
}

// analyse brings PostgreSQL's statistics up to the table, as its own daemon would have by the time that a table is this large.
func (m *measure) analyse(ctx context.Context) error {
	if m.lite != nil {
		return nil
	}
	_, err := m.pg.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// touched is how much all statements of one answer touched, for each row that came back.
func (m *measure) touched(ctx context.Context, all []asked, rows int) (string, error) {
	steps, walked := 0, 0
	for _, a := range all {
		var s, n int
		var err error
		if m.lite != nil {
			s, n, err = steppedBy(m.lite, a)
		} else {
			n, err = touchedBy(ctx, m.pg, a)
		}
		if err != nil {
			return "", err
		}
		steps, walked = steps+s, walked+n
	}
	per := float64(max(rows, 1))
	if m.lite == nil {
		return fmt.Sprintf("%.1f", float64(walked)/per), nil
	}
	return fmt.Sprintf("%.0f\t%.1f", float64(steps)/per, float64(walked)/per), nil
}

// steppedBy runs a statement to its end and reads its counters.
func steppedBy(c *sqlite3.Conn, a asked) (steps, walked int, err error) {
	s, _, err := c.Prepare(a.sql)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	for i, v := range a.args {
		switch v.Kind {
		case types.Null:
			err = s.BindNull(i + 1)
		case types.Int:
			err = s.BindInt64(i+1, v.Int)
		default:
			err = s.BindText(i+1, v.Text)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	for s.Step() {
	}
	return s.Status(sqlite3.STMTSTATUS_VM_STEP, false), s.Status(sqlite3.STMTSTATUS_FULLSCAN_STEP, false), s.Err()
}

// node is a part of PostgreSQL's EXPLAIN (ANALYZE, FORMAT JSON).
type node struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Rechecks float64 `json:"Rows Removed by Index Recheck"`
	Plans    []node
}

// touched sums what the scans of tables and indexes gave and threw away.
func (n node) touched() int {
	sum := 0
	if n.Relation != "" {
		sum = int((n.Rows + n.Filtered + n.Rechecks) * n.Loops)
	}
	for _, p := range n.Plans {
		sum += p.touched()
	}
	return sum
}

func touchedBy(ctx context.Context, c *pgx.Conn, a asked) (int, error) {
	var args []any
	for _, v := range a.args {
		switch v.Kind {
		case types.Null:
			args = append(args, nil)
		case types.Int:
			args = append(args, v.Int)
		default:
			args = append(args, v.Text)
		}
	}
	var b strings.Builder
	for i, part := range strings.Split(a.sql, "?") {
		if i > 0 {
			fmt.Fprintf(&b, "$%d", i)
		}
		b.WriteString(part)
	}
	var text []byte
	if err := c.QueryRow(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+b.String(), args...).Scan(&text); err != nil {
		return 0, fmt.Errorf("explain %q: %w", b.String(), err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		return 0, fmt.Errorf("explain: %d plans: %w", len(plans), err)
	}
	return plans[0].Plan.touched(), nil
}
