// Package fastness is the importable face of Fastness: Open reads a declaration and puts the rooms together, Serve listens. One
// declaration becomes an HTTPS backend with accounts, sessions and rules that no request can get around.
package fastness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/account"
	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/foreign"
	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/password"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// Version is the program's version.
const Version = "0.1.0"

// Options say how to open a declaration. The zero value is production, silent.
type Options struct {
	Environment string       // "production" (also "") or "development"
	Log         *slog.Logger // nil: silence
	Terminal    io.Writer    // where development shows links and reasons of refusals; nil: nowhere
	AccessLog   io.Writer    // one JSON line per request; nil: none
	Clock       types.Clock  // nil: the system's
	// Drop names what a declaration lost and may be destroyed with all it holds: "articles" or "articles.fee". What is not named is
	// never destroyed: Open refuses.
	Drop []string
	// Convert names fields, "articles.fee", whose stored values are converted to the form that the declaration gives them now, where it
	// does not ask for that itself by the word from.
	Convert []string
	// Progress is told how far a conversion is; nil: nobody is told.
	Progress func(field string, done, all int64)
	// Serving checks what only a server needs, its certificate, before the data are touched.
	Serving bool
	// PasswordWorker is a program, with its arguments, that hashes passwords at the lowest priority: fastness itself with the one
	// argument PasswordWorker. nil: passwords are hashed in this process, and reads wait behind them.
	PasswordWorker []string
	// Calibrate has Serve choose the costs of password hashes for this database once, in the background, by the speed of the machine.
	// false: what was chosen before, or the least that is permitted.
	Calibrate bool
}

// PasswordWorker is the argument that makes the program a worker; see Options.PasswordWorker and ServePasswords.
const PasswordWorker = password.Argument

// ServePasswords is the life of a worker: it hashes what its input asks, and verifies what accounts were imported with, until that ends.
func ServePasswords(in io.Reader, out io.Writer) error {
	return password.Serve(in, out, foreign.Verify)
}

// App is an opened backend.
type App struct {
	opt      Options
	path     string // of the declaration
	dir      string // it lies in
	Plan     *plan.Plan
	DB       store.DB
	Keep     *keep.Keep
	Identity *identity.Identity
	Mail     *mail.Mailer
	jobs     *job.Jobs
	meter    meter.Set
	refusals answers
	ring     *seal.Ring
	rootKey  string // where the root key lies
	base     string

	passwords *password.Pool
	pages     *account.Pages
}

// Open reads DECLARATION (a file, or a folder that holds fastness.yaml), opens the data beside it and brings the tables up to it.
func Open(declaration string, opt Options) (*App, error) {
	a, err := load(declaration, opt)
	if err != nil {
		return nil, err
	}
	if opt.Serving {
		if _, err := a.certificate(); err != nil {
			return nil, err
		}
	}
	fresh, err := a.openData()
	if err != nil {
		return nil, err
	}
	if err = a.start(fresh); err == nil {
		err = errors.Join(a.anchored(context.Background()), a.openPages())
	}
	if err != nil {
		a.DB.Close()
		return nil, err
	}
	return a, nil
}

// load reads the declaration and fills in what options left out.
func load(declaration string, opt Options) (*App, error) {
	if opt.Environment == "" {
		opt.Environment = "production"
	}
	if opt.Environment != "production" && opt.Environment != "development" {
		return nil, fmt.Errorf("fastness: unknown environment %q; use production or development", opt.Environment)
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Terminal == nil {
		opt.Terminal = io.Discard
	}
	if opt.Clock == nil {
		opt.Clock = types.SystemClock{}
	}
	path := Declaration(declaration)
	p, err := plan.Load(path, opt.Environment)
	if err != nil {
		return nil, err
	}
	a := &App{opt: opt, path: path, dir: filepath.Dir(path), Plan: p}
	return a, a.checkSettings()
}

// Declaration finds the declaration: a file, or fastness.yaml in a folder.
func Declaration(path string) string {
	if path == "" {
		path = "."
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, "fastness.yaml")
	}
	return path
}

// checkSettings refuses settings that this environment must not have.
func (a *App) checkSettings() error {
	return a.checkMail()
}

// DataDir is the folder of the data.
func (a *App) DataDir() string { return dataDir(a.Plan, a.dir) }

func dataDir(p *plan.Plan, base string) string {
	d := p.Decl.Data
	if d == "" {
		d = "data"
	}
	if filepath.IsAbs(d) {
		return d
	}
	return filepath.Join(base, d)
}

// openData opens database and root key; fresh tells that no data existed.
func (a *App) openData() (fresh bool, err error) {
	if s := a.Plan.Decl.Store.Value; s != "" && s != "sqlite" {
		fresh, err = a.openPostgres(s)
	} else {
		_, statErr := os.Stat(filepath.Join(a.DataDir(), "fastness.db"))
		fresh = errors.Is(statErr, os.ErrNotExist)
		a.DB, err = sqlite.Open(sqlite.Config{Dir: a.DataDir(), Recorder: ledger.Evidence{}, Log: a.opt.Log})
	}
	if err != nil {
		return fresh, err
	}
	a.ring, a.rootKey, err = seal.LoadRoot(seal.RootConfig{Service: a.Plan.Decl.Service.Name, Development: a.Plan.Development(), MayCreate: fresh})
	if err != nil {
		a.DB.Close()
	}
	return fresh, err
}

// held is a database together with the lock of the data directory that stands for it.
type held struct {
	store.DB
	lock *os.File
}

// Close closes the database and lets the directory go.
func (h held) Close() error { return errors.Join(h.DB.Close(), h.lock.Close()) }

// openPostgres connects to the database that a reference names. The data directory still holds the control socket, so that each
// replica has one of its own.
func (a *App) openPostgres(reference string) (fresh bool, err error) {
	url, fromEnv, err := seal.Resolve(reference)
	if err != nil {
		return false, err
	}
	if fromEnv && !a.Plan.Development() {
		a.opt.Log.Warn("the URL of the database comes from the environment, where children and dumps can see it; a ${file:…} reference is safer")
	}
	lock, err := store.LockDir(a.DataDir())
	if err != nil {
		return false, err
	}
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: url, Recorder: ledger.Evidence{}, Log: a.opt.Log})
	if err != nil {
		lock.Close()
		return false, err
	}
	a.DB = held{db, lock}
	have, err := db.Schema(ctx)
	if err != nil {
		a.DB.Close()
		return false, err
	}
	return !slices.ContainsFunc(have.Tables, func(t store.Table) bool { return t.Name == "fastness_meta" }), nil
}

// start migrates and puts the rooms together.
func (a *App) start(fresh bool) error {
	ctx := context.Background()
	if err := a.migrate(ctx, fresh); err != nil {
		return err
	}
	if err := a.checkCanary(ctx); err != nil {
		return err
	}
	a.base = a.Plan.Decl.Service.Seen()
	if a.Plan.Development() {
		_, port, err := net.SplitHostPort(a.Plan.Listens())
		if err != nil {
			return fmt.Errorf("fastness: listen.https: %w", err)
		}
		a.base = "https://localhost:" + port
	}
	var err error
	cfg := keep.Config{Plan: a.Plan, DB: a.DB, Ring: a.ring, Clock: a.opt.Clock, Log: a.opt.Log,
		Holds: func(ctx context.Context, r store.Reader, account, by types.ID, epoch int64) (bool, error) {
			return session.StillHolds(ctx, r, session.Begun{Account: account, Session: by, Epoch: epoch})
		}}
	if a.Plan.Development() {
		cfg.Explained = func(id types.ID, lines []string) {
			fmt.Fprintf(a.opt.Terminal, "why %s\n%s\n", id, strings.Join(lines, "\n"))
		}
	}
	if a.Keep, err = keep.New(cfg); err != nil {
		return err
	}
	d := a.Plan.Decl
	a.passwords = password.New(password.Config{Command: a.opt.PasswordWorker, Foreign: foreign.Verify})
	if _, err = a.storedCosts(ctx); err != nil {
		return err
	}
	policy := password.Policy{Min: d.Password.Min, MinWithMFA: d.Password.MinWithMFA, Compose: d.Password.Compose}
	if policy.Breached, err = a.breached(); err != nil {
		return err
	}
	if err := a.openMail(); err != nil {
		return err
	}
	providers, err := a.providers()
	if err != nil {
		return err
	}
	a.Identity, err = identity.New(identity.Config{DB: a.DB, Clock: a.opt.Clock, Plan: a.Plan, Ring: a.ring, Passwords: a.passwords,
		Policy: &policy, Profiles: a.Keep.Profiles(), Outbox: a.Mail, Base: a.base, Providers: providers, Log: a.opt.Log,
		Shared: a.DB.Dialect() == store.Postgres})
	return err
}

// Close ends the workers and closes the data.
func (a *App) Close() error {
	a.passwords.Close()
	return a.DB.Close()
}

// Base is the origin that people see.
func (a *App) Base() string { return a.base }

// AuthorityDir is where development keeps the certificate authority of a service.
func AuthorityDir(service string) (string, error) {
	base, err := os.UserConfigDir()
	return filepath.Join(base, "fastness", strings.ToLower(service), "tls"), err
}

// CallerOf is an account as a caller with its roles and without a session: no factor was proved.
func (a *App) CallerOf(ctx context.Context, id types.ID) (*types.Caller, error) {
	return a.CallerIn(ctx, id, "")
}

// CallerIn is CallerOf with an active organisation, if the account belongs to it.
func (a *App) CallerIn(ctx context.Context, id, org types.ID) (*types.Caller, error) {
	c := &types.Caller{Kind: types.Signed, Account: id, RequestID: types.RandomID(), Reason: "operator@cli acts as this account"}
	err := a.DB.View(ctx, func(r store.Reader) error {
		var err error
		c.Org, c.Roles, c.Dormant, _, err = a.Identity.InForce(ctx, r, id, org, 0, a.opt.Clock.Now())
		return err
	})
	return c, err
}

// certificate gives development's own or production's from files.
func (a *App) certificate() (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if !a.Plan.Development() {
		t := a.Plan.Decl.TLS
		if t.Certificate == "" || t.Key == "" {
			return nil, errNoCertificate
		}
		return edge.Files(edge.FileConfig{Certificate: a.relative(t.Certificate), Key: a.relative(t.Key), Host: a.Plan.Decl.Service.Host, Clock: a.opt.Clock, Log: a.opt.Log})
	}
	dir, err := AuthorityDir(a.Plan.Decl.Service.Name)
	if err != nil {
		return nil, err
	}
	authority, err := edge.OpenAuthority(dir, a.Plan.Decl.Service.Name, a.opt.Clock)
	if err != nil {
		return nil, err
	}
	return authority.Certificate, nil
}

func (a *App) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}

// Routes are all endpoints: the rooms' own and the description of the interface.
func (a *App) Routes() []plan.Route {
	routes := append(a.Keep.Routes(), a.pages.Adopt(a.Identity.Routes())...)
	routes = append(routes, a.Mail.Routes()...)
	routes = append(routes, a.pages.Routes()...)
	return append(routes, a.Plan.DescribeRoute(routes))
}

// Serve listens until ctx ends; ready is called once, with the address, when requests are accepted.
func (a *App) Serve(ctx context.Context, ready func(address string)) error {
	certificate, err := a.certificate()
	if err != nil {
		return err
	}
	d := a.Plan.Decl
	if m, ok := a.DB.(interface {
		Meters() map[string]func() int64
	}); ok {
		for name, read := range m.Meters() {
			a.meter.Gauge(name, read)
		}
	}
	server, err := edge.New(edge.Config{Plan: a.Plan, Routes: a.Routes(), Who: a.Identity, Clock: a.opt.Clock, Certificate: certificate, May: a.Keep.May, Refused: a.refusals.add,
		Ready: a.DB.Ping, HTTPS: a.Plan.Listens(), HTTP: d.Listen.HTTP, Operations: d.Listen.Operations, Log: a.opt.Log, Access: a.opt.AccessLog, Meter: &a.meter})
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	wait := a.work(background)
	if ready != nil {
		ready(server.Addr())
	}
	err = server.Run(ctx)
	stop()
	wait()
	if e := a.Keep.Close(context.WithoutCancel(ctx)); e != nil {
		a.opt.Log.Warn("counted refusals were not recorded", "error", e.Error())
	}
	return err
}
