package signup

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Holder is who holds the link of a sign-up. A stranger may have signed up with the address of somebody else, so a link alone does not let the
// password of that sign-up stand: its holder shows Mark, or types a password.
type Holder struct {
	Mark     types.Secret // what SignUp gave the browser that signed up; empty: none
	Password types.Secret // typed with the link. Another one than the sign-up's takes its place. Empty: none
	Enter    bool         // sign in by the password as well
}

// Confirmed is how a sign-up ended.
type Confirmed struct {
	Account types.ID
	Step    *signin.Step // with Holder.Enter
	Anew    bool         // another password took the place of the sign-up's, and the profile of the sign-up was dropped
}

var errPassword = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
	Fields: []types.FieldError{{Path: "password", Code: "required", Detail: "send the password of the sign-up, or another one to take its place"}}}

// mark is what the browser keeps that signed up: good with the link of that id alone. Only the root key makes one.
func (l *Links) mark(id types.ID) (types.Secret, error) {
	b, err := l.cfg.Ring.Seal(nil, seal.Link, []byte(id), "fastness_link", string(id), "browser")
	return types.NewSecret(base64.RawURLEncoding.EncodeToString(b)), err
}

// marked reports whether a mark is of the link.
func (l *Links) marked(mark types.Secret, id types.ID) bool {
	b, err := base64.RawURLEncoding.DecodeString(mark.Reveal())
	if err != nil || len(b) == 0 {
		return false
	}
	plain, err := l.cfg.Ring.Open(nil, seal.Link, b, "fastness_link", string(id), "browser")
	return err == nil && string(plain) == string(id)
}

// Asked is what the page of a link says to its holder.
type Asked struct {
	Email    string
	Password bool // a password must be typed with it
}

// Asks tells whose address the link of a sign-up or an enrolment is about, and uses nothing up. A link that is over says so.
func (l *Links) Asks(ctx context.Context, secret, mark types.Secret, enrol bool) (Asked, error) {
	var a Asked
	kind := kindSignUp
	if enrol {
		kind = kindEnrol
	}
	err := l.cfg.DB.View(ctx, func(r store.Reader) error {
		n, err := l.peek(ctx, r, secret, kind)
		if err == nil {
			a = Asked{n.email, enrol || !l.marked(mark, n.id)}
		}
		return err
	})
	return a, err
}

// ConfirmSignUp uses the link of a sign-up and makes the account. Other pending sign-ups of the address die with it.
func (l *Links) ConfirmSignUp(ctx context.Context, secret types.Secret, h Holder, c signin.Client) (*Confirmed, error) {
	var n *link
	if err := l.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		n, err = l.peek(ctx, r, secret, kindSignUp)
		return err
	}); err != nil {
		return nil, err
	}
	phc, profile, at, err := l.stands(ctx, n, h)
	if err != nil {
		return nil, err
	}
	out := &Confirmed{Anew: profile == nil}
	since := l.cfg.Sessions.Mark()
	err = l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, err := l.use(ctx, tx, secret, kindSignUp)
		if err != nil {
			return err
		}
		out.Account, err = l.newcomer(ctx, tx, n.email, phc, profile, c)
		if errors.Is(err, account.ErrTaken) {
			return errLink
		}
		if err != nil || !h.Enter {
			return err
		}
		out.Step, err = l.cfg.Machine.Prove(ctx, tx, signin.Proof{Account: out.Account, Factors: types.Password, Client: c, At: at, Since: since})
		return err
	})
	return out, err
}

// stands says which password stands, what was said about the person, and when the password was typed: zero for now. With another password than
// the sign-up's nothing of the sign-up stands.
func (l *Links) stands(ctx context.Context, n *link, h Holder) (phc types.Secret, profile json.RawMessage, at time.Time, err error) {
	if profile = n.profile; profile == nil {
		profile = json.RawMessage("{}")
	}
	if l.marked(h.Mark, n.id) {
		return n.password, profile, n.expires.Add(-l.cfg.Confirm), nil
	}
	if h.Password.Empty() {
		return phc, nil, at, errPassword
	}
	if len(h.Password.Reveal()) <= signin.MaxPassword {
		same, _, err := l.cfg.Passwords.Verify(ctx, h.Password, n.password)
		if err != nil || same {
			return n.password, profile, at, err
		}
	}
	if err := l.judge(h.Password, n.email, false); err != nil {
		return phc, nil, at, err
	}
	phc, err = l.cfg.Passwords.Hash(ctx, h.Password)
	return phc, nil, at, err
}
