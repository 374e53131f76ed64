package fastness

import (
	"errors"
	"io/fs"

	"github.com/fastness-dev/fastness/internal/identity/password"
	"github.com/fastness-dev/fastness/internal/plan"
)

// Check reads a declaration and everything that stands beside it (a team's own letters and pages). It opens no data and resolves no secret.
// opt says the environment. With opt.Serving it also judges the files of this machine that a server needs, as the start of one does: production's
// certificate and key, the list of leaked passwords. Without, such a file that is absent is a warning.
func Check(declaration string, opt Options) (*plan.Plan, error) {
	a, err := load(declaration, opt)
	if err != nil {
		return nil, err
	}
	if _, err = a.letters(); err == nil {
		_, err = a.ownPages()
	}
	for _, file := range []func() error{a.checkCertificate, a.checkBreached} {
		if err == nil {
			err = a.checkFile(file())
		}
	}
	return a.Plan, err
}

// errNoCertificate is production without the block tls: no machine serves that.
var errNoCertificate = errors.New("fastness: production needs a certificate; add tls: {certificate: …, key: …} to the declaration")

func (a *App) checkCertificate() error {
	if a.Plan.Development() {
		return nil
	}
	_, err := a.certificate()
	return err
}

func (a *App) checkBreached() error {
	list, err := a.breached()
	if list != nil {
		return list.Close()
	}
	return err
}

// breached opens the list of leaked passwords; nil when none is declared.
func (a *App) breached() (*password.Breached, error) {
	path := a.Plan.Decl.Password.Breached
	if path == "" {
		return nil, nil
	}
	return password.OpenBreached(a.relative(path))
}

// checkFile makes a warning of a file that is not here, unless this machine is to serve.
func (a *App) checkFile(err error) error {
	absent := errors.Is(err, errNoCertificate) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	if err == nil || a.opt.Serving || !absent {
		return err
	}
	a.Plan.Warnings = append(a.Plan.Warnings, "serve will not start here: "+err.Error())
	return nil
}
