package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fastness-dev/fastness/internal/store"
)

// ours are settings of the server that the service makes itself; a URL that asks for another value is refused.
var ours = []string{"statement_timeout", "transaction_isolation", "default_transaction_isolation", "default_transaction_read_only", "role"}

// target reads the URL and completes cfg by what it says: the schema and the size of the pool.
func target(cfg *Config) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL.Reveal())
	if err != nil {
		return nil, errors.New("store: the URL of the database cannot be read; write postgres://user:password@host:port/database")
	}
	plain, err := pgx.ParseConfig(cfg.URL.Reveal()) // pgxpool takes its words away
	if err != nil {
		return nil, errors.New("store: the URL of the database cannot be read; write postgres://user:password@host:port/database")
	}
	if _, said := plain.RuntimeParams["pool_max_conns"]; !said {
		pc.MaxConns = cfg.MaxConns
	}
	cfg.MaxConns = pc.MaxConns
	to := &pc.ConnConfig.Config
	if err := guarded(to); err != nil {
		return nil, err
	}
	asked, err := settings(to.RuntimeParams)
	if err != nil {
		return nil, err
	}
	if err := schema(cfg, asked["search_path"]); err != nil {
		return nil, err
	}
	commit := asked["synchronous_commit"]
	if commit == "" {
		commit = "on"
	}
	if to.ConnectTimeout == 0 || to.ConnectTimeout > cfg.ReadLimit {
		to.ConnectTimeout = cfg.ReadLimit
	}
	to.ValidateConnect = ready(to.ValidateConnect, fmt.Sprintf("SET search_path = %s; SET timezone = 'UTC'; SET statement_timeout = %d; SET synchronous_commit = '%s'; %sSHOW transaction_read_only",
		store.Quote(cfg.Schema), cfg.ReadLimit.Milliseconds(), strings.ReplaceAll(commit, "'", "''"), planner))
	return pc, nil
}

// planner turns off what reads more than was asked for. Statements are written for indexes: a planner that knows a table from yesterday
// must not read all of it, nor all of a range of which a few rows are wanted. Where nothing else is left it still does, and does not
// compile code for it.
const planner = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_incremental_sort = off; SET jit = off; "

// ready makes each connection what the service expects before anybody gets it, in one round trip, and passes over servers that only read:
// of several hosts the one that writes is taken, whether the URL says target_session_attrs or not. The settings are not sent when the
// connection starts: poolers refuse them there.
func ready(asked pgconn.ValidateConnectFunc, set string) pgconn.ValidateConnectFunc {
	return func(ctx context.Context, conn *pgconn.PgConn) error {
		if asked != nil {
			if err := asked(ctx, conn); err != nil {
				return err
			}
		}
		results, err := conn.Exec(ctx, set).ReadAll()
		if err != nil {
			return err
		}
		if last := results[len(results)-1]; len(last.Rows) != 1 || string(last.Rows[0][0]) != "off" {
			return pgconn.ErrReadOnlyConnection
		}
		return nil
	}
}

// guarded refuses a URL by which somebody could stand between: each way to each host is judged, those that are tried second as well.
func guarded(to *pgconn.Config) error {
	for _, way := range append([]*pgconn.FallbackConfig{{Host: to.Host, Port: to.Port, TLSConfig: to.TLSConfig}}, to.Fallbacks...) {
		if !local(way.Host) && !verified(way.TLSConfig) {
			return fmt.Errorf("store: the database is on another host (%s): add sslmode=verify-full to its URL, so that nobody can stand between", way.Host)
		}
	}
	return nil
}

// verified reports whether the server must prove its name (sslmode=verify-full).
func verified(c *tls.Config) bool { return c != nil && !c.InsecureSkipVerify && c.ServerName != "" }

// local reports whether the host is this machine: a socket or a loopback address.
func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// settings takes what the service sets itself out of the parameters of a connection and returns it: what the URL asks for is honoured or
// refused, never passed over.
func settings(params map[string]string) (map[string]string, error) {
	asked := map[string]string{}
	for name, value := range params {
		switch low := strings.ToLower(name); {
		case low == "search_path" || low == "synchronous_commit" || low == "timezone":
			asked[low] = value
			delete(params, name)
		case isOurs(low):
			return nil, refusedSetting(name)
		}
	}
	for _, name := range optionNames(params["options"]) {
		if name == "search_path" || name == "synchronous_commit" || isOurs(name) {
			return nil, fmt.Errorf("store: the URL of the database sets %s within options; write it as a parameter of its own, such as search_path=app", name)
		}
	}
	return asked, nil
}

func isOurs(name string) bool {
	for _, o := range ours {
		if name == o {
			return true
		}
	}
	return false
}

func refusedSetting(name string) error {
	return fmt.Errorf("store: the URL of the database sets %s, which the service sets itself; take it out of the URL", name)
}

// optionNames are the settings within the parameter options: -c name=value, -cname=value, --name=value.
func optionNames(options string) []string {
	var out []string
	for _, word := range strings.Fields(options) {
		word = strings.TrimPrefix(strings.TrimPrefix(word, "--"), "-c")
		if name, _, ok := strings.Cut(word, "="); ok {
			out = append(out, strings.ToLower(strings.ReplaceAll(name, "-", "_")))
		}
	}
	return out
}

// schema takes the schema from search_path, which names one, or "public".
func schema(cfg *Config, path string) error {
	name := strings.TrimSpace(path)
	if quoted := strings.Trim(name, `"`); len(quoted) == len(name)-2 {
		name = quoted
	} else {
		name = strings.ToLower(name)
	}
	switch {
	case name == "" && cfg.Schema == "":
		cfg.Schema = "public"
	case name == "":
	case strings.ContainsAny(name, `,"$ `) || len(name) > store.MaxName:
		return errors.New("store: search_path in the URL of the database names more than one schema; all tables lie in one: search_path=app")
	case cfg.Schema != "" && cfg.Schema != name:
		return fmt.Errorf("store: search_path in the URL of the database says %q and the service uses %q; take one away", name, cfg.Schema)
	default:
		cfg.Schema = name
	}
	return nil
}

// promises refuses a server on which an acknowledged write may be lost, a pooler that hands each transaction to another session, and a
// schema that the role may not use.
func (db *DB) promises(ctx context.Context) error {
	var fsync, commit string
	var pid, shown uint32
	var there, usable bool
	err := db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		shown = c.Conn().PgConn().PID()
		return c.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('synchronous_commit'), pg_backend_pid()::bigint, n.oid IS NOT NULL,
			coalesce(has_schema_privilege(n.oid, 'USAGE'), false) FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = $1`, db.cfg.Schema).Scan(&fsync, &commit, &pid, &there, &usable)
	})
	if err != nil {
		return translate(err)
	}
	if fsync != "on" || commit == "off" {
		return fmt.Errorf("store: the server does not promise durability (fsync=%s, synchronous_commit=%s); turn both on", fsync, commit)
	}
	if pid != shown { // somebody stands between, who shows another number than the session has
		if err := db.ownSession(ctx); err != nil {
			return err
		}
	}
	switch name := store.Quote(db.cfg.Schema); {
	case !there:
		if _, err = db.pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+name); denied(err) {
			return fmt.Errorf("store: there is no schema %s and the role may not make it; let an owner of the database run: CREATE SCHEMA %s AUTHORIZATION …", name, name)
		}
		return translate(err)
	case !usable:
		return fmt.Errorf("store: the role may not use the schema %s; let its owner run: GRANT USAGE, CREATE ON SCHEMA %s TO …", name, name)
	}
	return nil
}

var errPooler = errors.New("store: a pooler in transaction mode stands between (PgBouncer's pool_mode, for instance): settings, locks and prepared statements would go to " +
	"the sessions of others; let the URL name the server itself, or set the pool mode to session")

// ownSession refuses a pooler that hands each transaction to another session. One connection asks for the session's number, others begin
// transactions that hold what it was answered by, and it asks again: in session mode the number stays its own.
func (db *DB) ownSession(ctx context.Context) error {
	number := func(tx interface {
		QueryRow(context.Context, string, ...any) pgx.Row
	}) (pid uint32, err error) {
		return pid, tx.QueryRow(ctx, "SELECT pg_backend_pid()::bigint").Scan(&pid)
	}
	first, err := db.pool.Acquire(ctx)
	if err != nil {
		return translate(err)
	}
	defer first.Release()
	before, err := number(first)
	if err != nil {
		return translate(err)
	}
	for range min(2, db.cfg.MaxConns-1) {
		tx, err := db.pool.Begin(ctx)
		if err != nil {
			return errors.Join(errPooler, translate(err))
		}
		defer tx.Rollback(ctx)
		if pid, err := number(tx); err != nil || pid == before {
			return errors.Join(errPooler, translate(err))
		}
	}
	if after, err := number(first); err != nil || after != before {
		return errors.Join(errPooler, translate(err))
	}
	return nil
}

// denied reports that the role lacks a right.
func denied(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "42501"
}
