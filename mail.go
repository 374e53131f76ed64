package fastness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store/job"
)

// checkMail refuses what this environment must not have. Open sign-up outside development needs somebody who carries the links.
func (a *App) checkMail() error {
	d := a.Plan.Decl
	if a.Plan.Development() {
		return nil
	}
	if d.Mail.SMTP.Value == "" && d.SignUp.Mode == "open" {
		return errors.New("fastness: open sign-up proves addresses by mail; add mail: {from: \"Name <no-reply@host>\", smtp: \"${env:SMTP_URL}\"}, or write sign_up: {mode: invite} for production")
	}
	if d.Mail.SMTP.Value == "" && d.Mail.From != "" {
		return errors.New("fastness: mail has a sender and no server; add smtp: \"${env:SMTP_URL}\" to mail, or leave the block out")
	}
	return nil
}

// letters are the shipped templates and those in the folder mail beside the declaration.
func (a *App) letters() (*mail.Letters, error) { return mail.LoadLetters(filepath.Join(a.dir, "mail")) }

// openMail puts the outbox together. Development files letters under DATA/mail and needs no server.
func (a *App) openMail() error {
	d := a.Plan.Decl
	letters, err := a.letters()
	if err != nil {
		return fmt.Errorf("fastness: %w", err)
	}
	a.jobs = job.New(job.Config{DB: a.DB, Clock: a.opt.Clock, Log: a.opt.Log})
	cfg := mail.Config{Jobs: a.jobs, Clock: a.opt.Clock, Ring: a.ring, Letters: letters, Log: a.opt.Log, Meter: &a.meter, Service: d.Service.Name,
		Base: a.base, Language: d.Service.Language, From: d.Mail.From}
	if reference := d.Mail.SMTP.Value; reference != "" {
		url, fromEnv, err := seal.Resolve(reference)
		if err != nil {
			return fmt.Errorf("fastness: mail.smtp: %w", err)
		}
		if fromEnv && !a.Plan.Development() {
			a.opt.Log.Warn("the URL of the mail server comes from the environment, where children and dumps can see it; a ${file:…} reference is safer")
		}
		if cfg.Server, err = mail.ParseServer(url, nil); err != nil {
			return fmt.Errorf("fastness: mail.smtp: %w", err)
		}
	}
	if a.Plan.Development() {
		cfg.Folder, cfg.Terminal = filepath.Join(a.DataDir(), "mail"), a.opt.Terminal
	}
	a.Mail, err = mail.New(cfg)
	return err
}

// Letters counts those that wait to be sent.
func (a *App) Letters(ctx context.Context) (int, error) { return a.jobs.Waiting(ctx, mail.Queue) }

// Unsent lists letters that were given up, last first: at most limit.
func (a *App) Unsent(ctx context.Context, limit int) ([]job.Failed, error) {
	return a.jobs.Failed(ctx, mail.Queue, limit)
}
