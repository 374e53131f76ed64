package job_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestMain lets this binary be the worker that is killed.
func TestMain(m *testing.M) {
	if where := os.Getenv("FASTNESS_JOB_WORKER"); where != "" {
		if err := dyingWorker(where); err != nil {
			fmt.Println(err)
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
		return sqlite.Open(sqlite.Config{Dir: name, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	}
	return postgres.Open(context.Background(), postgres.Config{URL: types.NewSecret(serverURL()), Schema: name, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience})
}

// act is what a job does to the world outside the database.
func act(b job.Job) error {
	f, err := os.OpenFile(os.Getenv("FASTNESS_JOB_ACTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, b.ID)
	return err
}

// dyingWorker claims a job, acts, says so, and lives on until it is killed: between the act and its record.
func dyingWorker(where string) error {
	db, err := open(where)
	if err != nil {
		return err
	}
	j := job.New(job.Config{DB: db, Clock: types.SystemClock{}})
	_, err = j.Round(context.Background(), queue, func(_ context.Context, b job.Job) (func(context.Context, store.Tx) error, error) {
		if err := act(b); err != nil {
			return nil, err
		}
		fmt.Println("acted")
		select {}
	})
	return err
}

// TestKilledInTheMiddle: a worker that is killed between its act and the record of it leaves a job that the next one does again:
// the act happens at least once, its effect is recorded once, and nothing needs a hand.
func TestKilledInTheMiddle(t *testing.T) {
	acts := filepath.Join(t.TempDir(), "acts")
	t.Setenv("FASTNESS_JOB_ACTS", acts)
	tables := append(append([]store.Table{storetest.Table}, job.Tables()...), effects)
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			where := "sqlite:" + t.TempDir()
			if kind == "postgres" {
				schema := "test_" + strings.ToLower(string(types.RandomID()))
				where = "postgres:" + schema
				storetest.Postgres(t, storetest.Recorder{}).Close() // says loudly when there is no server
				t.Cleanup(func() { storetest.Drop(t, serverURL(), schema) })
			}
			db, err := open(where)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Create(t, db, tables)
			clock := types.NewManualClock(time.Now())
			j := job.New(job.Config{DB: db, Clock: clock})
			id := types.RandomID()
			if err := db.Write(t.Context(), func(tx store.Tx) error {
				return j.Add(t.Context(), tx, job.Fresh{ID: id, Queue: queue.Name})
			}); err != nil {
				t.Fatal(err)
			}
			db.Close()
			kill(t, where)
			if db, err = open(where); err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			clock.Advance(2 * time.Minute)
			j = job.New(job.Config{DB: db, Clock: clock})
			for range 3 {
				if _, err := j.Round(t.Context(), queue, func(_ context.Context, b job.Job) (func(context.Context, store.Tx) error, error) {
					return effect(b), act(b)
				}); err != nil {
					t.Fatal(err)
				}
				clock.Advance(2 * time.Minute)
			}
			text, err := os.ReadFile(acts)
			if n := strings.Count(string(text), string(id)); err != nil || n != 2 {
				t.Errorf("the job was acted on %d times, want twice (%v)", n, err)
			}
			if rows := storetest.Rows(t, db, "SELECT job FROM effects"); len(rows) != 1 {
				t.Errorf("%d effects, want 1", len(rows))
			}
		})
	}
}

// kill starts a worker and kills it after its act.
func kill(t *testing.T, where string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "FASTNESS_JOB_WORKER="+where)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if line != "acted\n" {
		t.Fatalf("the worker said %q", line)
	}
}
