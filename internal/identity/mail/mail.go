// Package mail sends the letters of identity: it is the outbox that links are given to, the templates in two languages, the
// job that hands letters to a server by SMTP, and, in development, the folder and the page where they can be read.
//
// Policy: a letter is a job, added in the transaction of the act that causes it, and sent after the commit; no act waits for a
// server. What waits is sealed as one block of one size, whatever letter it is: addresses, links and words are never plain in
// the database, and a letter to nobody looks like any other until it is dropped at sending. TLS is demanded of every server
// that is not on this host. Headers hold only parsed addresses and single lines that were made harmless. A server that is away
// is tried again with growing waits until the letter is no longer worth sending (its link is over, or two days); then it has
// failed, is counted and logged by its id and a code, never by its address or by what the server said.
//
// The map: mail.go (outbox and job), letter.go and source.go (templates, a team's own), word.go (languages, words), smtp.go
// (servers), file.go and page.go (development).
package mail

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// Queue is the name of the queue of letters.
const Queue = "mail"

// worth is how long a letter without a link is tried.
const worth = 48 * time.Hour

// Config is the parts; required unless they say otherwise.
type Config struct {
	Jobs     *job.Jobs
	Clock    types.Clock
	Ring     *seal.Ring
	Letters  *Letters
	Log      *slog.Logger // nil: silence
	Meter    *meter.Set   // nil: nothing is counted
	Service  string       // its name
	Base     string       // "https://clinic.example": what our links begin with
	Language string       // the service's own; "" means English
	From     string       // "Clinic <no-reply@clinic.example>"; "" with a Server refuses to start
	Server   Server       // none: letters are not sent
	Folder   string       // development: where letters are filed; "": nowhere
	Terminal io.Writer    // development: where letters are announced; nil: nowhere
}

// Mailer is the outbox. It is safe for concurrent use.
type Mailer struct {
	cfg  Config
	from netmail.Address
	host string // of Base, for Message-ID and HELO
}

// New returns a mailer, or says what is wrong with the sender.
func New(cfg Config) (*Mailer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Meter == nil {
		cfg.Meter = &meter.Set{}
	}
	m := &Mailer{cfg: cfg, host: "localhost"}
	if host := strings.TrimPrefix(cfg.Base, "https://"); host != "" {
		m.host, _, _ = strings.Cut(host, ":")
	}
	if cfg.From == "" {
		if cfg.Server.host != "" {
			return nil, errors.New("mail: a server and no sender; write mail: {from: \"Name <no-reply@host>\"}")
		}
		cfg.From = "no-reply@" + m.host
		m.from.Name = line(cfg.Service)
	}
	a, err := ParseFrom(cfg.From)
	if err != nil {
		return nil, err
	}
	if a.Name != "" {
		m.from.Name = a.Name
	}
	m.from.Address = a.Address
	return m, nil
}

// ParseFrom reads a sender, "Name <address>" or an address.
func ParseFrom(s string) (netmail.Address, error) {
	bad := fmt.Errorf("mail: the sender is not an address; write \"Name <no-reply@host>\"")
	if strings.ContainsAny(s, "\r\n\x00") {
		return netmail.Address{}, bad
	}
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return netmail.Address{}, bad
	}
	if _, err := account.Canonical(a.Address); err != nil {
		return netmail.Address{}, bad
	}
	return *a, nil
}

// Sends reports whether letters go anywhere: to a server, or in development to a folder.
func (m *Mailer) Sends() bool { return m.cfg.Server.host != "" || m.cfg.Folder != "" }

// waiting is a letter as it waits, before it is sealed.
type waiting struct {
	To       string        `json:"to"`
	Letter   signup.Letter `json:"letter"`
	Link     string        `json:"link,omitempty"`
	Valid    time.Duration `json:"valid,omitempty"`
	Lock     string        `json:"lock,omitempty"`
	Language string        `json:"language"`
	At       int64         `json:"at"` // microseconds
	Device   string        `json:"device,omitempty"`
	Factor   types.Factor  `json:"factor,omitempty"`
	Org      string        `json:"org,omitempty"`
	By       string        `json:"by,omitempty"`
}

// size is what every waiting letter is padded to, so that the outbox does not tell one from another.
const size = 4096

var errNoMail = &types.Error{Kind: types.Unavailable, Code: "no_mail", Detail: "this server cannot send mail; ask its operator"}

// notices are letters that tell of what was done anyway: where no mail is sent, the act goes on without them.
var notices = map[signup.Letter]bool{signup.LetterPassword: true, signup.LetterEmailNotice: true, signup.LetterEmailMoved: true,
	signup.LetterSignIn: true, signup.LetterGuessed: true, signup.LetterFactorAdded: true, signup.LetterFactorRemoved: true, signup.LetterLocked: true}

// Add implements signup.Outbox. Where no mail is sent, whatever needs a letter is refused, and refused alike for an address
// that has an account and one that has none.
func (m *Mailer) Add(ctx context.Context, tx store.Tx, l signup.Mail) error {
	if !m.Sends() {
		if notices[l.Letter] {
			return nil
		}
		return errNoMail
	}
	now := m.cfg.Clock.Now()
	w := waiting{To: l.To, Letter: l.Letter, Link: l.Link.Reveal(), Valid: l.Valid, Lock: l.Lock.Reveal(), Language: choose(l.Language, m.cfg.Language),
		At: types.Micros(now), Device: line(l.Device), Factor: l.Factor, Org: line(l.Organisation), By: line(l.By)}
	if again, err := account.Canonical(l.By); err == nil && again == l.By { // an address of an account names its owner
		w.By = l.By
	}
	plain, err := w.pack()
	if err != nil {
		return err
	}
	id := types.NewID(now)
	body, err := m.cfg.Ring.Seal(nil, seal.Outbox, plain, "fastness_job", string(id), "body")
	if err != nil {
		return err
	}
	expires := now.Add(worth)
	if l.Valid > 0 {
		expires = now.Add(l.Valid)
	}
	return m.cfg.Jobs.Add(ctx, tx, job.Fresh{ID: id, Queue: Queue, Body: body, Expires: expires})
}

// pack writes a letter as its length, its JSON and zeros up to size.
func (w waiting) pack() ([]byte, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	if len(text) > size-4 {
		return nil, errors.New("mail: a letter is too long to wait")
	}
	out := make([]byte, size)
	binary.BigEndian.PutUint32(out, uint32(len(text))) // #nosec G115 -- at most size
	copy(out[4:], text)
	return out, nil
}

func unpack(plain []byte) (w waiting, err error) {
	if len(plain) != size {
		return w, errors.New("mail: a letter of another size")
	}
	n := binary.BigEndian.Uint32(plain)
	if n > size-4 {
		return w, errors.New("mail: a letter of another form")
	}
	return w, json.Unmarshal(plain[4:4+n], &w)
}

// queue says how letters are tried: after 10 s, then twice as long each time up to half an hour, until they expire.
func (m *Mailer) queue() job.Queue {
	return job.Queue{Name: Queue, Lease: 2 * time.Minute, Tries: 1000, First: 10 * time.Second, Longest: 30 * time.Minute, Side: 4, Discard: true,
		Lost: func(f job.Failed) {
			m.cfg.Meter.Add(`fastness_mail_total{outcome="failed"}`, 1)
			m.cfg.Log.Warn("a letter was not sent and will not be tried again", "letter", string(f.ID), "tries", f.Tries, "code", f.Code)
		}}
}

// Run sends letters until ctx ends.
func (m *Mailer) Run(ctx context.Context) {
	if m.Sends() {
		m.cfg.Jobs.Work(ctx, m.queue(), m.handle)
	}
}

// Deliver sends what is due now and returns how many letters were looked at: for commands that run without a server.
func (m *Mailer) Deliver(ctx context.Context) (int, error) {
	total := 0
	for m.Sends() {
		n, err := m.cfg.Jobs.Round(ctx, m.queue(), m.handle)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// handle sends one letter.
func (m *Mailer) handle(ctx context.Context, b job.Job) (func(context.Context, store.Tx) error, error) {
	plain, err := m.cfg.Ring.Open(nil, seal.Outbox, b.Body, "fastness_job", string(b.ID), "body")
	if err != nil {
		return nil, &job.Failure{Code: "not_readable", Final: true, Err: err}
	}
	w, err := unpack(plain)
	if err != nil {
		return nil, &job.Failure{Code: "not_readable", Final: true, Err: err}
	}
	if w.Letter == signup.LetterNone {
		return nil, nil
	}
	if again, err := account.Canonical(w.To); err != nil || again != w.To {
		return nil, &job.Failure{Code: "address", Final: true, Err: err}
	}
	r, err := m.cfg.Letters.render(w.Letter, w.Language, m.values(w))
	if err != nil {
		return nil, &job.Failure{Code: "template", Err: err}
	}
	if m.cfg.Folder != "" {
		if err := m.file(b.ID, w, r); err != nil {
			return nil, &job.Failure{Code: "folder", Err: err}
		}
	}
	if m.cfg.Server.host != "" {
		msg := compose(m.from, w.To, string(b.ID)+"@"+m.host, w.Language, types.FromMicros(w.At), r)
		if err := m.cfg.Server.send(ctx, msg, m.host); err != nil {
			m.retried(b, err)
			return nil, err
		}
	}
	m.cfg.Meter.Add(`fastness_mail_total{outcome="sent"}`, 1)
	return nil, nil
}

// retried counts and logs a try that came to nothing and is not the last.
func (m *Mailer) retried(b job.Job, err error) {
	var f *job.Failure
	if errors.As(err, &f) && !f.Final {
		m.cfg.Meter.Add(`fastness_mail_total{outcome="postponed"}`, 1)
		m.cfg.Log.Warn("a letter could not be sent yet", "letter", string(b.ID), "try", b.Tries, "code", f.Code)
	}
}

// values are what the letter may say.
func (m *Mailer) values(w waiting) values {
	return values{Service: line(m.cfg.Service), Link: w.Link, Valid: span(w.Valid, w.Language), Lock: w.Lock,
		Recover: m.cfg.Base + "/account/recover", At: moment(types.FromMicros(w.At), w.Language), Device: w.Device,
		Factor: factorWords(w.Factor, w.Language), Organisation: w.Org, By: w.By}
}
