package fastness

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestReadinessWhileConverting: a start that converts values answers for operations: it is well and not ready, and says how far it is.
func TestReadinessWhileConverting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().String()
	ln.Close()
	dir := place(t, "")
	had := string(read(t, dir)) + "listen: {operations: \"" + at + "\"}\n"
	notes := "collections:\n  notes:\n    fields: {fee: {type: decimal, digits: 2}}\n"
	save(t, dir, had+notes)
	a := open(t, dir)
	insert := store.SQL("INSERT INTO notes (id, created, updated, version, fee) VALUES (?, 1, 1, 1, 1250)")
	for range 500 {
		if err := a.DB.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), insert, types.IDValue(types.RandomID()))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	save(t, dir, had+strings.Replace(notes, "digits: 2", "digits: 3, from: {type: decimal, digits: 2}", 1))
	asked := 0
	a, err = Open(dir, Options{Environment: "development", Serving: true, Progress: func(string, int64, int64) {
		for path, want := range map[string]struct {
			status int
			text   string
		}{"/healthz": {200, "ok"}, "/readyz": {503, " %"}, "/metrics": {404, ""}} {
			resp, err := http.Get("http://" + at + path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != want.status || !strings.Contains(string(text), want.text) || strings.Contains(string(text), "notes") {
				t.Errorf("%s: %d %s", path, resp.StatusCode, text)
			}
		}
		asked++
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if asked < 2 {
		t.Errorf("progress was told %d times", asked)
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		conn.Close()
		t.Error("the address is still taken after the start")
	}
}
