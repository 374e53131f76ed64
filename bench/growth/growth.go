// Package growth asks whether what a request costs follows the table or what the caller may see. It runs in this process, below HTTP, on
// either engine. One table grows; the callers are an author of 40 articles, which are among the oldest, an author of one in a thousand,
// and an editor, who sees all. Lists are asked newest first and by the number of words, which has nothing to do with any rule.
//
// The map: growth.go (the table, who asks what, the figures), touched.go (how much of the table a statement touched).
package growth

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// rowsOf fills the table between two numbers. The ids are in canonical form, 26 characters of which the last is zero; an article's
// place says who owns it; words are scattered.
var rowsOf = store.SQL(`WITH RECURSIVE n(i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
	INSERT INTO "articles" ("id", "created", "updated", "version", "title", "slug", "summary", "body", "author", "colleagues", "status", "section", "words")
	SELECT '00000000000000' || CAST(10000000000 + i AS TEXT) || '0', 1700000000000000 + i, 1700000000000000 + i, 1, 'An article', 'article-' || CAST(i AS TEXT),
	'What a small press learnt about locks.', '<p>A press keeps what it is given. A press keeps what it is given. A press keeps what it is given.</p>',
	CASE WHEN i <= 1000 AND i % 25 = 0 THEN ? WHEN i % 1000 = 501 THEN ? ELSE ? END, '[]', 'draft', 'culture', (i * 7919) % 99991 FROM n`)

// publish makes one row in a thousand readable for everybody.
var publish = store.SQL(`UPDATE "articles" SET "status" = 'published', "published_on" = '2026-01-01' WHERE "id" >= ? AND "id" < ? AND "words" % 1000 = 0`)

func rowID(i int) types.ID { return types.ID(fmt.Sprintf("00000000000000%d0", 10000000000+i)) }

// crowd is the table with those who ask.
type crowd struct {
	app         *fastness.App
	keep        *keep.Keep
	spied       *spy
	counted     *keep.Keep // over spied
	rows        int
	few, some   *types.Caller // 40 rows, one in a thousand
	all, nobody *types.Caller
	other       types.ID
}

func newCrowd(ctx context.Context, app *fastness.App) (*crowd, error) {
	key := make([]byte, 32)
	rand.Read(key)
	ring, err := seal.New(key)
	if err != nil {
		return nil, err
	}
	c := &crowd{app: app, spied: &spy{DB: app.DB}, nobody: &types.Caller{}}
	cfg := keep.Config{Plan: app.Plan, DB: app.DB, Ring: ring, Clock: types.SystemClock{}}
	if c.keep, err = keep.New(cfg); err != nil {
		return nil, err
	}
	cfg.DB = c.spied
	if c.counted, err = keep.New(cfg); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		email, role string
		to          **types.Caller
	}{{"few@press.example", "author", &c.few}, {"some@press.example", "author", &c.some}, {"all@press.example", "editor", &c.all}} {
		id, err := author(ctx, app, p.email, p.role)
		if err != nil {
			return nil, err
		}
		if *p.to, err = app.CallerOf(ctx, id); err != nil {
			return nil, err
		}
	}
	c.other, err = author(ctx, app, "other@press.example", "author")
	return c, err
}

func author(ctx context.Context, app *fastness.App, email, role string) (types.ID, error) {
	by := &types.Caller{Kind: types.Operator, Name: "operator@bench", Reason: "bench", RequestID: types.RandomID()}
	added, err := app.Identity.AddUser(ctx, by, email, []string{role})
	if err != nil {
		return "", err
	}
	return added.ID, nil
}

// grow fills the table up to n rows, in transactions that stay below the limit of one.
func (c *crowd) grow(ctx context.Context, n int) error {
	const step = 2000
	begun, before := time.Now(), c.rows
	for ; c.rows < n; c.rows = min(c.rows+step, n) {
		first, last := c.rows+1, min(c.rows+step, n)
		err := c.app.DB.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(ctx, rowsOf, types.IntValue(int64(first)), types.IntValue(int64(last)), types.IDValue(c.few.Account),
				types.IDValue(c.some.Account), types.IDValue(c.other))
			return err
		})
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d rows, %d of them in %v\n", n, n-before, time.Since(begun).Round(time.Millisecond))
	return nil
}

func (c *crowd) publish(ctx context.Context) error {
	const step = 20000
	for from := 1; from <= c.rows; from += step {
		err := c.app.DB.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(ctx, publish, types.IDValue(rowID(from)), types.IDValue(rowID(from+step)))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// question is one thing that a caller asks.
type question struct {
	who, what string
	ask       func(context.Context, *keep.Keep) (int, error) // how many rows came back
}

func (c *crowd) questions() (out []question) {
	for _, w := range []struct {
		name string
		*types.Caller
		own int // a row that he may read
	}{{"40 rows", c.few, 25}, {"0.1 %", c.some, 501}, {"all", c.all, max(1, c.rows/2)}} {
		out = append(out, question{w.name, "get", func(ctx context.Context, k *keep.Keep) (int, error) {
			a, err := k.Get(ctx, w.Caller, keep.GetQuery{Collection: "articles", ID: string(rowID(w.own))})
			if err != nil {
				return 0, err
			}
			a.Release()
			return 1, nil
		}})
		out = append(out, c.lists(w.name, w.Caller)...)
	}
	return out
}

func (c *crowd) lists(name string, who *types.Caller) (out []question) {
	for _, sort := range []string{"-created", "words"} {
		out = append(out, question{name, "list by " + sort, func(ctx context.Context, k *keep.Keep) (int, error) {
			a, err := k.List(ctx, who, keep.ListQuery{Collection: "articles", Sort: sort})
			if err != nil {
				return 0, err
			}
			n := strings.Count(string(a.Body), `"id":`)
			a.Release()
			return n, nil
		}})
	}
	return out
}

// Config says what grows.
type Config struct {
	Dir    string // of a declaration of examples/press with an empty data folder; its root key is found as a server would find it
	Sizes  []int  // rows, ascending
	Rounds int    // of which the cheapest counts
	Store  string // the URL of a PostgreSQL; sqlite otherwise
}

// Print prints what get and list cost as the table grows, and how much of it they touch.
func Print(ctx context.Context, cfg Config) error {
	app, err := fastness.Open(cfg.Dir, fastness.Options{Environment: "development"})
	if err != nil {
		return err
	}
	defer app.Close()
	c, err := newCrowd(ctx, app)
	if err != nil {
		return err
	}
	m, err := newMeasure(ctx, app.DB.Dialect(), filepath.Join(cfg.Dir, "data", "fastness.db"), cfg.Store)
	if err != nil {
		return err
	}
	defer m.close()
	fmt.Printf("\ngrowth (%s), without HTTP; CPU is this process's, time is the fastest\n", m.engine())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "table\tcaller sees\tasks\trows back\tCPU µs\ttime\t%s\n", m.title())
	for _, n := range cfg.Sizes {
		if err := c.grow(ctx, n); err != nil {
			return err
		}
		if err := m.analyse(ctx); err != nil {
			return err
		}
		for _, q := range c.questions() {
			if err := c.put(ctx, w, cfg, m, q); err != nil {
				return err
			}
		}
	}
	if err := c.publish(ctx); err != nil {
		return err
	}
	if err := m.analyse(ctx); err != nil {
		return err
	}
	for _, q := range slices.Concat(c.lists("0.1 %, published", c.nobody), c.lists("40 rows + 0.1 % published", c.few)) {
		if err := c.put(ctx, w, cfg, m, q); err != nil {
			return err
		}
	}
	return w.Flush()
}

// put measures one question and prints its line. A question whose statement is stopped for being slow says so.
func (c *crowd) put(ctx context.Context, w *tabwriter.Writer, cfg Config, m *measure, q question) error {
	fmt.Fprintf(w, "%d\t%s\t%s\t", c.rows, q.who, q.what)
	n, err := q.ask(ctx, c.keep)
	if types.KindOf(err) == types.Unavailable {
		fmt.Fprintf(w, "%s\n", types.CodeOf(err))
		return nil
	}
	if err != nil {
		return err
	}
	cpu, wall, err := c.cost(ctx, cfg, q)
	if err != nil {
		return err
	}
	c.spied.asked = nil
	if _, err := q.ask(ctx, c.counted); err != nil {
		return err
	}
	touched, err := m.touched(ctx, c.spied.asked, n)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d\t%.1f\t%v\t%s\n", n, proc.Micros(cpu), wall.Round(time.Microsecond), touched)
	return nil
}

// cost is the least CPU and time of one answer over the rounds; a round takes at least 20 answers or 50 ms.
func (c *crowd) cost(ctx context.Context, cfg Config, q question) (cpu, wall time.Duration, err error) {
	cpu, wall = time.Hour, time.Hour
	for range cfg.Rounds {
		before, err := proc.CPUTime(os.Getpid())
		if err != nil {
			return 0, 0, err
		}
		begun, n := time.Now(), 0
		for n < 20 && time.Since(begun) < time.Second || time.Since(begun) < 50*time.Millisecond {
			at := time.Now()
			if _, err := q.ask(ctx, c.keep); err != nil {
				return 0, 0, err
			}
			wall = min(wall, time.Since(at))
			n++
		}
		after, err := proc.CPUTime(os.Getpid())
		if err != nil {
			return 0, 0, err
		}
		cpu = min(cpu, (after-before)/time.Duration(n))
	}
	return cpu, wall, nil
}
