package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// TestURLs: what a URL says is honoured or refused by name, and every way to every host is judged by what it is, not by the text.
func TestURLs(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGSSLMODE", "PGOPTIONS", "PGTZ", "PGTARGETSESSIONATTRS", "PGCONNECT_TIMEOUT"} {
		t.Setenv(name, "")
	}
	const elsewhere = "postgres://u:secret@db.example/d?"
	for _, c := range []struct{ url, schema, wrong string }{
		{"postgres://u@127.0.0.1/d", "public", ""},
		{"postgres://u@localhost/d?sslmode=prefer", "public", ""},
		{"host=/run/postgresql dbname=d user=u", "public", ""},
		{elsewhere + "sslmode=verify-full", "public", ""},
		{"host=db.example user=u sslmode='verify-full'", "public", ""},
		{"postgres://u@a.example,b.example/d?sslmode=verify-full", "public", ""},
		{"postgres://u@127.0.0.1,b.example/d?sslmode=verify-full", "public", ""},
		{elsewhere + "sslrootcert=system", "public", ""},
		{elsewhere, "", "db.example"},
		{elsewhere + "application_name=sslmode%3Dverify-full", "", "another host"},
		{elsewhere + "sslmode=verify-ca", "", "another host"},
		{elsewhere + "sslmode=require", "", "another host"},
		{elsewhere + "sslmode=prefer&x=sslmode%3Dverify-full", "", "another host"},
		{elsewhere + "sslmode=allow", "", "another host"},
		{"postgres://u@127.0.0.1,b.example/d", "", "b.example"},
		{"postgres://u@127.0.0.1,b.example/d?sslmode=require", "", "b.example"},
		{"postgres://u@localhost,127.0.0.1,10.1.2.3/d?sslmode=disable", "", "10.1.2.3"},
		{"postgres://u@127.0.0.1/d?search_path=app", "app", ""},
		{"postgres://u@127.0.0.1/d?SEARCH_PATH=App", "app", ""},
		{`postgres://u@127.0.0.1/d?search_path=%22App%22`, "App", ""},
		{"postgres://u@127.0.0.1/d?search_path=app,public", "", "more than one schema"},
		{`postgres://u@127.0.0.1/d?search_path=%22$user%22,public`, "", "more than one schema"},
		{"postgres://u@127.0.0.1/d?options=-c%20search_path%3Dapp", "", "parameter of its own"},
		{"postgres://u@127.0.0.1/d?options=-csearch_path%3Dapp", "", "parameter of its own"},
		{"postgres://u@127.0.0.1/d?options=--search-path%3Dapp", "", "parameter of its own"},
		{"postgres://u@127.0.0.1/d?options=-c%20geqo%3Doff", "public", ""},
		{"postgres://u@127.0.0.1/d?statement_timeout=0", "", "statement_timeout"},
		{"postgres://u@127.0.0.1/d?timezone=Europe/Vienna", "public", ""},
		{"postgres://u@127.0.0.1:x/d", "", "cannot be read"},
	} {
		cfg := Config{URL: types.NewSecret(c.url), ReadLimit: time.Second, MaxConns: 16}
		_, err := target(&cfg)
		switch {
		case c.wrong == "" && (err != nil || cfg.Schema != c.schema):
			t.Errorf("%s: schema %q, %v", c.url, cfg.Schema, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v; it should say %q", c.url, err, c.wrong)
		}
	}
	cfg := Config{URL: types.NewSecret("postgres://u@127.0.0.1/d?search_path=app&pool_max_conns=3"), Schema: "other", MaxConns: 16}
	if _, err := target(&cfg); err == nil {
		t.Error("a schema that differs from the URL's is taken")
	}
	cfg.Schema = "app"
	if _, err := target(&cfg); err != nil || cfg.MaxConns != 3 {
		t.Errorf("pool_max_conns: %d connections (%v)", cfg.MaxConns, err)
	}
}
