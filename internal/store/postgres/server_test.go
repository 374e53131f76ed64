package postgres_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

func openAt(t *testing.T, url types.Secret, schema string) (store.DB, error) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, Schema: schema, Recorder: storetest.Recorder{}, MaxConns: 4})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { db.Close() })
	return db, nil
}

func mustOpen(t *testing.T, url types.Secret) store.DB {
	t.Helper()
	db, err := openAt(t, url, "")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestFailover: of several hosts the one that writes is taken, whatever their order, with and without target_session_attrs. When it goes and
// another is promoted no call meets a connection of before; a server that only reads is refused by name.
func TestFailover(t *testing.T) {
	first := storetest.NewServer(t)
	second := first.Standby()
	if _, err := openAt(t, storetest.URL("", second.Host()), ""); err == nil || !strings.Contains(err.Error(), "read only") {
		t.Fatalf("a standby alone: %v", err)
	}
	db := mustOpen(t, storetest.URL("target_session_attrs=read-write", first.Host(), second.Host()))
	other := mustOpen(t, storetest.URL("", second.Host(), first.Host()))
	storetest.Create(t, db, things)
	if err := add(t.Context(), other, "before"); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		fillPool(t, db)
		first.Restart()
		for n := range 6 { // more than the pool holds
			if err := add(t.Context(), db, fmt.Sprintf("restarted%d%d", round, n)); err != nil {
				t.Errorf("call %d after a restart: %v", n, err)
			}
		}
	}
	fillPool(t, db)
	fillPool(t, other)
	waitFor(t, second, "restarted15")
	first.Stop()
	second.Promote()
	for n := range 6 {
		if err := add(t.Context(), db, fmt.Sprint("a", n)); err != nil {
			t.Errorf("call %d after the failover: %v", n, err)
		}
		if err := add(t.Context(), other, fmt.Sprint("b", n)); err != nil {
			t.Errorf("call %d after the failover, hosts the other way: %v", n, err)
		}
	}
	if got := storetest.Rows(t, db, "SELECT count(*) FROM thing"); got[0][0] != "25" {
		t.Errorf("%s rows, want 25", got[0][0])
	}
}

// waitFor waits until a standby has a row.
func waitFor(t *testing.T, s *storetest.Server, id string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), storetest.URL("", s.Host()).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for range 600 {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM thing WHERE id = $1", id).Scan(&n); err != nil {
			t.Fatal(err)
		} else if n == 1 {
			return
		}
		time.Sleep(50 * time.Millisecond) // another program copies
	}
	t.Fatalf("the standby never had %s", id)
}

// TestGoodbye: connections that the server ended while they lay in the pool (57P01) are nobody's error, however many they are.
func TestGoodbye(t *testing.T) {
	name := "goodbye_" + strings.ToLower(string(types.RandomID()))
	url := storetest.Database(t)
	db := mustOpen(t, types.NewSecret(url+"&application_name="+name))
	storetest.Create(t, db, things)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for round := range 3 {
		fillPool(t, db)
		var ended int
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
			WHERE application_name = $1`, name).Scan(&ended); err != nil || ended < 4 {
			t.Fatalf("ended %d connections (%v)", ended, err)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("ping: %v", err)
		}
		for n := range 6 {
			if err := add(t.Context(), db, fmt.Sprint(round, "_", n)); err != nil {
				t.Errorf("call %d: %v", n, err)
			}
		}
	}
}

// TestPooler: a pooler that hands each transaction or statement to another session is refused by name at the start; one that keeps sessions
// apart serves.
func TestPooler(t *testing.T) {
	server := storetest.NewServer(t)
	for mode, refused := range map[string]bool{"transaction": true, "statement": true, "session": false} {
		t.Run(mode, func(t *testing.T) {
			db, err := openAt(t, storetest.URL("", bouncer(t, server, mode)), "")
			if refused {
				if err == nil || !strings.Contains(err.Error(), "pooler in transaction mode") {
					t.Fatalf("it starts: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			storetest.Create(t, db, things)
			fillPool(t, db)
			for n := range 6 {
				if err := add(t.Context(), db, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// bouncer starts PgBouncer before a server.
func bouncer(t *testing.T, s *storetest.Server, mode string) string {
	t.Helper()
	program, dir, port := storetest.Program(t, "pgbouncer", "pgbouncer"), storetest.Place(t), storetest.FreePort(t)
	save := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save("users", `"postgres" ""`)
	save("ini", fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\nunix_socket_dir=\nauth_type=trust\nauth_file=%s\npool_mode=%s\n",
		s.Port, port, filepath.Join(dir, "users"), mode))
	cmd := storetest.AsPostgres(t, program, filepath.Join(dir, "ini"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	at := fmt.Sprintf("127.0.0.1:%d", port)
	for range 200 {
		if conn, err := net.Dial("tcp", at); err == nil {
			conn.Close()
			return at
		}
		time.Sleep(25 * time.Millisecond) // another program starts
	}
	t.Fatal("PgBouncer does not answer")
	return ""
}
