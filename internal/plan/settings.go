package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// Setting is one effective setting of a service: what the running program does, not what the file happens to say.
type Setting struct {
	Name   string `json:"name"`            // as it is written in a declaration: "session.idle"
	Value  string `json:"value"`           // as it would be written there
	Source string `json:"source"`          // "declared" or "default"
	ASVS   string `json:"asvs"`            // the requirement of OWASP ASVS 5.0 that it serves
	Weaker string `json:"weaker,omitzero"` // what it falls short of, and the reason that the declaration gives; "" for nothing
}

// bounds of sessions by level (NIST SP 800-63B-4 §2.1.3, §2.2.3, §2.3.3).
var sessionBounds = map[int]struct{ idle, absolute time.Duration }{
	1: {30 * 24 * time.Hour, 30 * 24 * time.Hour}, 2: {time.Hour, 24 * time.Hour}, 3: {15 * time.Minute, 12 * time.Hour},
}

// leastPassword is how many characters a password has that is the only factor (NIST SP 800-63B-4 §3.1.1.2).
const leastPassword = 15

// settings gives every setting that was left out its default, so that the plan says what runs, and refuses what is weaker than
// the level asks without a reason.
func (c *compiler) settings() {
	f := *c.plan.Decl // what was declared stays as it was
	c.plan.Decl = &f
	s := &settler{c: c}
	if f.Service.Host == "" && f.Service.Origin != "" {
		f.Service.Host = decl.HostOf(f.Service.Origin)
	}
	for _, o := range f.Origins {
		if c.plan.Environment == "production" && decl.LocalOrigin(o.Value) {
			c.fail(o.Pos, "%s is a dev server's origin; production takes https only: move it to env: {development: {origins: […]}}", o.Value)
		}
	}
	if f.Service.Host == "" && c.plan.Environment == "production" {
		c.fail(f.Service.Pos, "production needs the name under which it is reached: links and cookies are made for it; add host: app.example.org")
	}
	level := fill(s, "service.level", "", &f.Service.Level, 1, show)
	bound := sessionBounds[level]
	idle := fill(s, "session.idle", "V7.3.1", &f.Session.Idle, min(30*time.Minute, bound.idle), span)
	s.weaker(idle > bound.idle, f.Session.Because, f.Session.Pos, "at level %d a session that is not used ends within %s", level, span(bound.idle))
	absolute := fill(s, "session.absolute", "V7.3.2", &f.Session.Absolute, 12*time.Hour, span)
	s.weaker(absolute > bound.absolute, f.Session.Because, f.Session.Pos, "at level %d a session ends within %s", level, span(bound.absolute))
	fill(s, "session.parallel", "V7.1.2", &f.Session.Parallel, 5, show)
	least := fill(s, "password.min", "V6.2.1", &f.Password.Min, leastPassword, show)
	s.weaker(least < leastPassword, f.Password.Because, f.Password.Pos, "a password that is the only factor has at least %d characters", leastPassword)
	fill(s, "password.min_with_mfa", "V6.2.1", &f.Password.MinWithMFA, 8, show)
	s.list("password.compose", "V6.2.5", strings.Join(f.Password.Compose, ", "), "none")
	s.weaker(len(f.Password.Compose) > 0, f.Password.Because, f.Password.Pos, "classes of characters make passwords easier to guess")
	s.list("password.breached", "V6.2.12", f.Password.Breached, "none")
	fill(s, "sign_up.mode", "V6.1.1", &f.SignUp.Mode, "invite", show)
	fill(s, "service.language", "", &f.Service.Language, "en", show)
	s.list("service.origin", "V3.4.2", f.Service.Origin, f.Service.Seen())
	s.list("mail.from", "", f.Mail.From, "none")
	s.list("mail.smtp", "V12.3.1", f.Mail.SMTP.Value, "none")
	s.list("sign_up.roles", "V8.2.1", strings.Join(f.SignUp.Roles, ", "), "none")
	fill(s, "limits.body", "V2.4.1", &f.Limits.Body, 1<<20, func(n int64) string { return fmt.Sprintf("%dB", n) })
	fill(s, "limits.anonymous_body", "V2.4.1", &f.Limits.AnonymousBody, min(64<<10, f.Limits.Body), func(n int64) string { return fmt.Sprintf("%dB", n) })
	fill(s, "limits.per_account", "V2.4.1", &f.Limits.PerAccount, decl.Rate{Count: 600, Per: time.Minute}, rate)
	fill(s, "limits.per_address", "V2.4.1", &f.Limits.PerAddress, decl.Rate{Count: 60000, Per: time.Minute}, rate)
	var providers []string
	for _, p := range f.Providers {
		providers = append(providers, p.Name+" ("+p.Issuer+")")
	}
	s.list("providers", "V10.5.1", strings.Join(providers, ", "), "none")
	s.list("origins", "V3.4.2", join(f.Origins), "none")
	s.list("proxies", "V4.1.3", join(f.Proxies), "none")
	s.list("openapi", "V13.4.5", f.OpenAPI, "signed-in callers")
	s.list("listen.http", "V4.1.2", f.Listen.HTTP, "none")
	s.list("listen.operations", "V13.4.5", f.Listen.Operations, "none")
	s.list("store", "V13.3.1", f.Store.Value, "sqlite")
	tls := "1.2 with ephemeral keys and AEAD, or 1.3"
	if level >= 3 {
		tls = "1.3"
	}
	s.list("tls", "V12.1.1", "", tls)
}

// settler collects settings.
type settler struct{ c *compiler }

func (s *settler) add(name, asvs, value string, declared bool) {
	source := "default"
	if declared {
		source = "declared"
	}
	s.c.plan.Settings = append(s.c.plan.Settings, Setting{Name: name, Value: value, Source: source, ASVS: asvs})
}

// list adds a setting that has no default to run with, only one to print.
func (s *settler) list(name, asvs, value, none string) {
	declared := value != ""
	if !declared {
		value = none
	}
	s.add(name, asvs, value, declared)
}

// fill adds a setting, and gives it its default when it was left out.
func fill[T comparable](s *settler, name, asvs string, at *T, otherwise T, say func(T) string) T {
	var zero T
	declared := *at != zero
	if !declared {
		*at = otherwise
	}
	s.add(name, asvs, say(*at), declared)
	return *at
}

// weaker marks the setting that was added last, or refuses it when nobody said why.
func (s *settler) weaker(is bool, because string, at decl.Pos, format string, args ...any) {
	if !is {
		return
	}
	last := &s.c.plan.Settings[len(s.c.plan.Settings)-1]
	short := fmt.Sprintf(format, args...)
	if because == "" {
		s.c.fail(at, "%s is weaker than it should be: %s; change it, or say because: why it must be so", last.Name, short)
		return
	}
	last.Weaker = short + "; because: " + because
}

func show[T any](v T) string { return fmt.Sprint(v) }

// span writes a duration as a declaration does.
func span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d%s", d/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func rate(r decl.Rate) string {
	return fmt.Sprintf("%d/%s", r.Count, strings.TrimLeft(span(r.Per), "0123456789"))
}

func join(list []decl.Text) string {
	var out []string
	for _, t := range list {
		out = append(out, t.Value)
	}
	return strings.Join(out, ", ")
}
