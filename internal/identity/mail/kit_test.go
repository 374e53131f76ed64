package mail_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/mail/mailtest"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// office is one mailer on one database, by a clock that the test moves.
type office struct {
	*mail.Mailer
	t     *testing.T
	db    store.DB
	clock *types.ManualClock
	jobs  *job.Jobs
	meter *meter.Set
	log   *buffer
}

// buffer is a log that two goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func shipped(t *testing.T) *mail.Letters {
	t.Helper()
	l, err := mail.LoadLetters("")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// each runs fn with an office of its own on every database.
func each(t *testing.T, change func(*mail.Config), fn func(*testing.T, *office)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Tables: job.Tables()}, func(t *testing.T, db store.DB) {
		ring, err := seal.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		o := &office{t: t, db: db, clock: types.NewManualClock(start), meter: &meter.Set{}, log: &buffer{}}
		o.jobs = job.New(job.Config{DB: db, Clock: o.clock, Poll: 10 * time.Millisecond, Grace: 50 * time.Millisecond})
		cfg := mail.Config{Jobs: o.jobs, Clock: o.clock, Ring: ring, Letters: shipped(t), Log: slog.New(slog.NewTextHandler(o.log, nil)), Meter: o.meter,
			Service: "Clinic", Base: "https://clinic.example", From: "Clinic <no-reply@clinic.example>"}
		if change != nil {
			change(&cfg)
		}
		if o.Mailer, err = mail.New(cfg); err != nil {
			t.Fatal(err)
		}
		fn(t, o)
	})
}

// server parses a URL, in which PORT stands for the test server's, and leads its name to the test server.
func server(t *testing.T, s *mailtest.Server, url string) mail.Server {
	t.Helper()
	out, err := mail.ParseServer(types.NewSecret(strings.Replace(url, "PORT", s.Port, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return mail.Reroute(out, s.Roots, nil)
}

// through makes letters leave through a server.
func through(t *testing.T, s *mailtest.Server, url string) func(*mail.Config) {
	return func(c *mail.Config) { c.Server = server(t, s, url) }
}

const usual = "smtp://clinic:open%20sesame@mail.example:PORT"

// post is a server as most are: STARTTLS, then sign-in.
func post(t *testing.T, change func(*mailtest.Config)) *mailtest.Server {
	cfg := mailtest.Config{Name: "mail.example", User: "clinic", Password: "open sesame"}
	if change != nil {
		change(&cfg)
	}
	return mailtest.Start(t, cfg)
}

// confirm is a letter with a link.
func confirm(to string) signup.Mail {
	return signup.Mail{To: to, Letter: signup.LetterConfirm, Link: types.NewSecret("https://clinic.example/account/confirm?token=s3cret"), Valid: 24 * time.Hour}
}

func (o *office) add(m signup.Mail) {
	o.t.Helper()
	if err := o.tryAdd(m); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) tryAdd(m signup.Mail) error {
	return o.db.Write(context.Background(), func(tx store.Tx) error { return o.Add(context.Background(), tx, m) })
}

// deliver sends what is due.
func (o *office) deliver() {
	o.t.Helper()
	if _, err := o.Deliver(context.Background()); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) waiting() int {
	o.t.Helper()
	n, err := o.jobs.Waiting(context.Background(), mail.Queue)
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

func (o *office) failed() []job.Failed {
	o.t.Helper()
	f, err := o.jobs.Failed(context.Background(), mail.Queue, 100)
	if err != nil {
		o.t.Fatal(err)
	}
	return f
}

// why is the code of the last failure of the only letter that waits.
func (o *office) why() string {
	o.t.Helper()
	rows := storetest.Rows(o.t, o.db, "SELECT code FROM fastness_job")
	if len(rows) != 1 {
		o.t.Fatalf("%d letters, want one", len(rows))
	}
	return rows[0][0]
}

// elsewhere is a connection whose other end claims to be another host.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
