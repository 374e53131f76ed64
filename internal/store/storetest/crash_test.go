package storetest_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	crashLeft  = store.SQL("INSERT INTO left_half (id, body) VALUES (?, ?)")
	crashRight = store.SQL("INSERT INTO right_half (id, body) VALUES (?, ?)")
)

// TestMain lets this binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FASTNESS_CRASH_DIR"); dir != "" {
		if err := crashWriter(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashWriter writes pairs of rows from four sides and prints the name of each that was acknowledged, until it is killed.
func crashWriter(dir string) error {
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		return err
	}
	errs := make(chan error, 4)
	for side := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), side, i)
				err := db.Write(context.Background(), func(tx store.Tx) error {
					for _, s := range []*store.Stmt{crashLeft, crashRight} {
						if _, err := tx.Exec(context.Background(), s, types.TextValue(id), types.TextValue("x")); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					errs <- err
					return
				}
				fmt.Println(id)
			}
		}()
	}
	return <-errs
}

// TestCrash kills a writing process with SIGKILL at a random moment, FASTNESS_ROUNDS times (20), on one database. Each time the
// next opener needs no hand, every acknowledged write is there and none is there by half. A kill shows atomicity only, since
// the kernel keeps what was written; durability is TestPowerCut's.
func TestCrash(t *testing.T) {
	rounds := 20
	if v, err := strconv.Atoi(os.Getenv("FASTNESS_ROUNDS")); err == nil {
		rounds = v
	}
	dir := t.TempDir()
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	half := []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "body", Type: store.TextColumn}}
	storetest.Create(t, db, []store.Table{{Name: "left_half", Primary: []string{"id"}, Columns: half}, {Name: "right_half", Primary: []string{"id"}, Columns: half}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for range rounds {
		acks := killed(t, dir, time.Duration(rand.IntN(40))*time.Millisecond)
		total += len(acks)
		afterCrash(t, dir, acks)
	}
	t.Logf("%d kills, %d writes acknowledged", rounds, total)
	if total < rounds {
		t.Errorf("nothing was at stake: %d acknowledged writes in %d rounds", total, rounds)
	}
}

// killed runs a writer, kills it after its first acknowledgement and the given time, and returns what it acknowledged.
func killed(t *testing.T, dir string, after time.Duration) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FASTNESS_CRASH_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acks []string
	in := bufio.NewScanner(out)
	for in.Scan() {
		if acks = append(acks, in.Text()); len(acks) == 1 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait() // it was killed
	if len(acks) == 0 {
		t.Fatal("the writer acknowledged nothing: it did not start")
	}
	return acks
}

func afterCrash(t *testing.T, dir string, acks []string) {
	t.Helper()
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		t.Fatalf("the next start needed a hand: %v", err)
	}
	defer db.Close()
	left := map[string]bool{}
	for _, row := range storetest.Rows(t, db, "SELECT id FROM left_half") {
		left[row[0]] = true
	}
	right := storetest.Rows(t, db, "SELECT id FROM right_half")
	for _, row := range right {
		if !left[row[0]] {
			t.Errorf("write %s is there by half", row[0])
		}
	}
	if len(right) != len(left) {
		t.Errorf("%d left halves and %d right halves", len(left), len(right))
	}
	for _, id := range acks {
		if !left[id] {
			t.Errorf("acknowledged write %s is lost", id)
		}
	}
	if rows := storetest.Rows(t, db, "SELECT integrity_check FROM pragma_integrity_check"); len(rows) != 1 || rows[0][0] != "ok" {
		t.Errorf("integrity_check: %v", rows)
	}
}
