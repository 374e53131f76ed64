package migration_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestMain lets this binary be the process that is killed.
func TestMain(m *testing.M) {
	if where := os.Getenv("FASTNESS_MIGRATION"); where != "" {
		if err := dying(where, os.Getenv("FASTNESS_MIGRATION_TO")); err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serverURL() string {
	if url := os.Getenv("FASTNESS_TEST_POSTGRES"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:5432/test"
}

// open opens "sqlite:FOLDER" or "postgres:SCHEMA".
func open(where string) (store.DB, error) {
	kind, name, _ := strings.Cut(where, ":")
	if kind == "sqlite" {
		return sqlite.Open(sqlite.Config{Dir: name, Recorder: ledger.Evidence{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	}
	return postgres.Open(context.Background(), postgres.Config{URL: types.NewSecret(serverURL()), Schema: name, Recorder: ledger.Evidence{}, ReadLimit: storetest.Patience})
}

// dying converts and says after each batch how far it is.
func dying(where, declaration string) error {
	db, err := open(where)
	if err != nil {
		return err
	}
	w := over(&testing.T{}, db)
	to := target(w, declaration)
	batches := 0
	to.Progress = func(string, int64, int64) {
		fmt.Println("batch")
		if batches++; batches < 3 {
			time.Sleep(20 * time.Millisecond) // so that the kill falls between two batches, or into one
		} else {
			time.Sleep(time.Minute) // a slow machine has not killed it yet
		}
	}
	_, err = migration.Bring(context.Background(), w.data, to)
	return err
}

// conversions are one of each kind: before, after, and the values of a row.
var conversions = []struct{ name, was, now, first, want string }{
	{"rescale", "type: decimal, digits: 2", "type: decimal, digits: 3, from: {type: decimal, digits: 2}", `"12.50"`, `"12.500"`},
	{"map", "type: enum, values: [a, b]", "type: enum, values: [c, b], from: {type: enum, map: {a: c}}", `"a"`, `"c"`},
	{"seal", "type: text, max: 40", "type: text, max: 40, encrypted: true, from: {type: text}", `"open sesame"`, `"open sesame"`},
	{"unseal", "type: text, max: 40, encrypted: true", "type: text, max: 40, from: {type: text, encrypted: true}", `"open sesame"`, `"open sesame"`},
	{"sanitise", "type: html, profile: rich", "type: html, profile: basic, from: {type: html, profile: rich}", `"<figure>x</figure>"`, `"x\n"`},
	{"list", "type: list, max: 9, of: {type: int}", "type: list, max: 9, of: {type: text, max: 9}, from: {type: list, of: {type: int}}", `[1,2]`, `["1","2"]`},
}

// TestKilledWhileConverting: a process that is killed in the middle of a conversion leaves data that the declaration before opens as if
// nothing had been, and that the new one brings to its end.
func TestKilledWhileConverting(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for n, c := range conversions {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				where := "sqlite:" + t.TempDir()
				if kind == "postgres" {
					schema := "test_" + strings.ToLower(string(types.RandomID()))
					where = "postgres:" + schema
					storetest.Postgres(t, storetest.Recorder{}).Close() // says loudly when there is no server
					t.Cleanup(func() { storetest.Drop(t, serverURL(), schema) })
				}
				was, now := things("f: {"+c.was+"}"), things("f: {"+c.now+"}")
				again := func() *world {
					db, err := open(where)
					if err != nil {
						t.Fatal(err)
					}
					return over(t, db)
				}
				w := again()
				w.must(was)
				var ids []string
				for range 450 {
					ids = append(ids, w.create("things", `{"label": "x", "f": `+c.first+`}`))
				}
				w.data.DB.Close()
				kill(t, where, now)
				w = again()
				defer w.data.DB.Close()
				if n%2 == 0 { // the declaration before is opened, and a row written, before the new one goes on
					w.must(was)
					if got := w.get("things", ids[0])["f"]; got != c.first {
						t.Errorf("under the declaration before the row reads %s", got)
					}
				}
				w.must(now)
				for _, id := range []string{ids[0], ids[220], ids[449]} {
					if got := w.get("things", id)["f"]; got != c.want {
						t.Errorf("row %s reads %s, want %s", id, got, c.want)
					}
				}
				if c.name == "list" && w.side("things", "f") != 900 {
					t.Errorf("the side table has %d rows", w.side("things", "f"))
				}
				if d, err := w.bring(now); err != nil || len(d.Steps)+len(d.Changes) > 0 {
					t.Errorf("the start after finds %v, %v", d, err)
				}
			})
		}
	}
}

// kill starts a process that converts and kills it after its second batch.
func kill(t *testing.T, where, declaration string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "FASTNESS_MIGRATION="+where, "FASTNESS_MIGRATION_TO="+declaration)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 2 {
		if !lines.Scan() || lines.Text() != "batch" {
			t.Fatalf("the process said %q", lines.Text())
		}
	}
	cmd.Process.Kill()
	if cmd.Wait() == nil {
		t.Fatal("the process came to its end before it was killed")
	}
}

// TestServedWhileConverting: while values are converted the declaration before is served. What is written meanwhile is converted too.
func TestServedWhileConverting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		was, now := things("f: {type: decimal, digits: 2}"), things("f: {type: decimal, digits: 3, from: {type: decimal, digits: 2}}")
		w.must(was)
		var ids []string
		for range 500 {
			ids = append(ids, w.create("things", `{"label": "x", "f": "1.00"}`))
		}
		to, late := target(t, now), ""
		to.Progress = func(_ string, done, _ int64) {
			if late != "" {
				return
			}
			late = w.create("things", `{"label": "late", "f": "2.25"}`)
			if _, err := w.keep.Update(t.Context(), system, keep.Write{Collection: "things", ID: ids[0], Body: []byte(`{"f": "3.75"}`)}); err != nil {
				t.Error(err)
			}
			if got := w.get("things", ids[1])["f"]; got != `"1.00"` {
				t.Errorf("meanwhile a row reads %s", got)
			}
		}
		if fields, err := migration.Prepare(t.Context(), w.data, to); err != nil || len(fields) != 1 {
			t.Fatalf("%v, %v", fields, err)
		}
		w.must(now)
		for id, want := range map[string]string{ids[0]: `"3.750"`, ids[1]: `"1.000"`, ids[499]: `"1.000"`, late: `"2.250"`} {
			if got := w.get("things", id)["f"]; got != want {
				t.Errorf("row %s reads %s, want %s", id, got, want)
			}
		}
	})
}

// TestWrittenInTheLastMoment: on PostgreSQL another server may write between the last batch and the last transaction. The value is then
// converted in another turn, and a server of the declaration before reads no converted value as its own.
func TestWrittenInTheLastMoment(t *testing.T) {
	db := storetest.Postgres(t, ledger.Evidence{})
	defer db.Close()
	w := over(t, db)
	was, now := things("f: {type: decimal, digits: 2}"), things("f: {type: decimal, digits: 3, from: {type: decimal, digits: 2}}")
	w.must(was)
	id := w.create("things", `{"label": "x", "f": "1.00"}`)
	before := w.keep
	w.data.DB = &hasty{DB: db, act: func() {
		if _, err := before.Update(t.Context(), system, keep.Write{Collection: "things", ID: id, Body: []byte(`{"f": "7.25"}`)}); err != nil {
			t.Error(err)
		}
	}}
	w.must(now)
	w.data.DB = db
	if got := w.get("things", id)["f"]; got != `"7.250"` {
		t.Errorf("the row reads %s", got)
	}
	if a, err := before.Get(t.Context(), system, keep.GetQuery{Collection: "things", ID: id}); err == nil {
		t.Errorf("a server of the declaration before reads %s", a.Body)
	}
}

// hasty acts once just before the last transaction of a migration.
type hasty struct {
	store.DB
	act func()
}

func (h *hasty) Migrate(ctx context.Context, changes []store.Change) error {
	if n := len(changes); n == 0 || h.act == nil {
		return h.DB.Migrate(ctx, changes)
	}
	if _, last := changes[len(changes)-1].(store.ReplaceRows); last {
		act := h.act
		h.act = nil
		act()
	}
	return h.DB.Migrate(ctx, changes)
}

// TestSealedTextIsGone: after values were sealed their text is in no file of the database any more, also when the process ended before it
// was taken out.
func TestSealedTextIsGone(t *testing.T) {
	dir := t.TempDir()
	const text = "a very secret sentence"
	holds := func() (found bool) {
		files, err := filepath.Glob(filepath.Join(dir, "fastness.db*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(b), text)
		}
		return found
	}
	db, err := open("sqlite:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w := over(t, db)
	w.must(things("f: {type: text, max: 40}"))
	for range 50 {
		w.create("things", `{"label": "x", "f": "`+text+`"}`)
	}
	if !holds() {
		t.Fatal("the text was never there")
	}
	now := things("f: {type: text, max: 40, encrypted: true, from: {type: text}}")
	w.must(now)
	w.data.DB = &failing{DB: db}
	if _, err := migration.Scrub(t.Context(), w.data); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	w.data.DB = db
	w.must(now) // the next start
	if tables, err := migration.Scrub(t.Context(), w.data); err != nil || len(tables) != 1 || tables[0] != "things" {
		t.Errorf("%v, %v", tables, err)
	}
	if holds() {
		t.Error("the text is still in the files")
	}
	if tables, err := migration.Scrub(t.Context(), w.data); err != nil || len(tables) != 0 {
		t.Errorf("again: %v, %v", tables, err)
	}
}

var errDisk = errors.New("disk")

type failing struct{ store.DB }

func (failing) Scrub(context.Context, []string) error { return errDisk }
