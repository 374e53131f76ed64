package fastness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// secrets are what no answer may hold, whatever breaks.
var secrets = []string{"hunter2", "SELECT", "INSERT", "UPDATE", "fastness_", "/var/lib", "goroutine", ".go:", "runtime error", "panic", "sqlite", "pgx", "EOF", Version + " ", "canary-plain"}

const broken = "SELECT password FROM fastness_account WHERE email = 'hunter2': /var/lib/fastness/data: disk image is malformed"

// shaky is a database whose parts break on command.
type shaky struct {
	store.DB
	mode atomic.Int32
}

// The ways to break.
const (
	sound        = iota
	deadAtOpen   // transactions do not begin
	deadInside   // statements fail
	deadReading  // rows end in an error
	dyingAtOpen  // panics instead
	dyingInside  //
	unavailable  // is away, with a cause that tells too much
	lostEvidence // evidence cannot be written
)

// now is how the store breaks for this context: only for requests, since what runs beside them has no client to tell.
func (s *shaky) now(ctx context.Context) int32 {
	if ctx.Value(http.ServerContextKey) == nil {
		return sound
	}
	return s.mode.Load()
}

func (s *shaky) fail(ctx context.Context) error {
	switch s.now(ctx) {
	case deadAtOpen:
		return errors.New(broken)
	case dyingAtOpen:
		panic(broken)
	case unavailable:
		return &types.Error{Kind: types.Unavailable, Code: "storage_unavailable", Detail: "the storage does not answer; try again later", RetryAfter: time.Second, Err: errors.New(broken)}
	}
	return nil
}

func (s *shaky) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.DB.View(ctx, func(r store.Reader) error { return fn(shakyReader{r, s, ctx}) })
}

func (s *shaky) Write(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx store.Tx) error { return fn(shakyTx{tx, s, ctx}) })
}

func (s *shaky) WriteSoon(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.DB.WriteSoon(ctx, func(tx store.Tx) error { return fn(shakyTx{tx, s, ctx}) })
}

type shakyReader struct {
	store.Reader
	s   *shaky
	ctx context.Context
}

func (r shakyReader) Query(_ context.Context, st *store.Stmt, args ...types.Value) (store.Rows, error) {
	return r.s.query(r.ctx, r.Reader, st, args)
}

func (s *shaky) query(ctx context.Context, r store.Reader, st *store.Stmt, args []types.Value) (store.Rows, error) {
	switch s.now(ctx) {
	case deadInside:
		return nil, errors.New(broken)
	case dyingInside:
		panic(broken)
	}
	rows, err := r.Query(ctx, st, args...)
	if err == nil && s.now(ctx) == deadReading {
		return shakyRows{rows}, nil
	}
	return rows, err
}

type shakyRows struct{ store.Rows }

func (shakyRows) Next() bool     { return false }
func (shakyRows) Err() error     { return errors.New(broken) }
func (r shakyRows) Close() error { r.Rows.Close(); return errors.New(broken) }

type shakyTx struct {
	store.Tx
	s   *shaky
	ctx context.Context
}

func (t shakyTx) Query(_ context.Context, st *store.Stmt, args ...types.Value) (store.Rows, error) {
	return t.s.query(t.ctx, t.Tx, st, args)
}

func (t shakyTx) Exec(ctx context.Context, st *store.Stmt, args ...types.Value) (int64, error) {
	if t.s.now(t.ctx) == deadInside {
		return 0, errors.New(broken)
	}
	return t.Tx.Exec(ctx, st, args...)
}

func (t shakyTx) Record(e types.Entry) error {
	if t.s.now(t.ctx) == lostEvidence {
		return errors.New(broken)
	}
	return t.Tx.Record(e)
}

// TestFaultsTellNothing breaks the store in every way, and the seal of a stored value, and asks every route each time, as nobody and as
// somebody: no answer tells what broke, and every fault is 5xx, never an answer that looks right.
func TestFaultsTellNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	text, err := os.ReadFile("examples/press/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), append(text, "\nlisten: {https: \"127.0.0.1:0\"}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := load(dir, Options{Environment: "development"})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := a.openData()
	if err != nil {
		t.Fatal(err)
	}
	s := &shaky{DB: a.DB}
	a.DB = s
	if err := a.start(fresh); err != nil {
		t.Fatal(err)
	}
	if err := a.openPages(); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	by := &types.Caller{Kind: types.Operator, Name: "test", Reason: "test", RequestID: types.RandomID()}
	added, err := a.Identity.AddUser(t.Context(), by, "ada@press.example", []string{"author"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := a.Identity.DevSession(t.Context(), by, added.ID)
	if err != nil {
		t.Fatal(err)
	}
	author, err := a.CallerOf(t.Context(), added.ID)
	if err != nil {
		t.Fatal(err)
	}
	made, err := a.Keep.Create(t.Context(), author, keep.Write{Collection: "articles", Body: []byte(`{"title": "T", "slug": "t", "body": "", "section": "news"}`)})
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(string(made.Body), `"`)[3]
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(at string) { address <- at }) }()
	var base string
	select {
	case at := <-address:
		base = "https://localhost" + at[strings.LastIndexByte(at, ':'):]
	case err := <-ended:
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // the test of certificates is edge's
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(mode, method, path, body, token string) int {
		t.Helper()
		req, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s, %s %s: %v", mode, method, path, err)
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		if resp.StatusCode >= 400 {
			for _, secret := range secrets {
				if strings.Contains(string(answer), secret) || strings.Contains(fmt.Sprint(resp.Header), secret) {
					t.Errorf("%s, %s %s: %d tells %q: %.300s", mode, method, path, resp.StatusCode, secret, answer)
				}
			}
		}
		return resp.StatusCode
	}
	bodies := map[string]string{"POST": `{"title": "U", "slug": "u", "body": "", "section": "news", "email": "ada@press.example", "password": "hunter2 under seven herons"}`, "PATCH": `{"title": "V"}`}
	for mode, name := range map[int32]string{deadAtOpen: "transactions do not begin", deadInside: "statements fail", deadReading: "rows end in an error",
		dyingAtOpen: "panics at the begin", dyingInside: "panics inside", unavailable: "away", lostEvidence: "no evidence"} {
		s.mode.Store(mode)
		for _, r := range a.Routes() {
			path := strings.NewReplacer("{collection}", "articles", "{id}", id).Replace(r.Path)
			if strings.Contains(path, "{") {
				path = path[:strings.IndexByte(path, '{')] + id
			}
			for _, token := range []string{"", session.Token.Reveal()} {
				ask(name, r.Method, path, bodies[r.Method], token)
			}
		}
		if status := ask(name, "GET", "/api/v1/articles/"+id, "", session.Token.Reveal()); mode != lostEvidence && status < 500 {
			t.Errorf("%s: a read is answered with %d", name, status)
		}
		body := fmt.Sprintf(`{"title": "W", "slug": "w-%d", "body": "", "section": "news"}`, mode)
		status := ask(name, "POST", "/api/v1/articles", body, session.Token.Reveal())
		if status < 500 && (mode != deadReading || status != 201) { // what was committed is done, also when it cannot be read back
			t.Errorf("%s: a write is answered with %d", name, status)
		}
	}
	s.mode.Store(sound)
	if status := ask("sound again", "GET", "/api/v1/articles/"+id, "", session.Token.Reveal()); status != 200 {
		t.Errorf("after all that: %d", status)
	}
	if _, err := a.Keep.Update(t.Context(), author, keep.Write{Collection: "accounts", ID: string(added.ID), Body: []byte(`{"contact": "canary-plain"}`)}); err != nil {
		t.Fatal(err)
	}
	if status := ask("sealed", "GET", "/api/v1/accounts/"+string(added.ID), "", session.Token.Reveal()); status != 200 {
		t.Errorf("a sealed value is answered with %d", status)
	}
	err = s.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), store.SQL("UPDATE accounts SET contact = ?"), types.BytesValue([]byte("a value that was swapped in by hand")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := ask("a seal that does not open", "GET", "/api/v1/accounts/"+string(added.ID), "", session.Token.Reveal()); status < 500 {
		t.Errorf("a value whose seal does not open is answered with %d", status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
