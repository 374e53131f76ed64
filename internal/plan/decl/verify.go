package decl

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var reserved = []string{"id", "created", "updated", "version", "org", "me", "row", "new", "now", "today", "has", "in", "true", "false", "null"}

// verify checks what needs no expression language: names, types, references between blocks.
func (r *reader) verify(f *File) {
	if f.Service.Name == "" {
		r.fail(Pos{1, 1}, "the service has no name; add service: {name: …, host: …}")
	}
	if f.Service.Host != "" && !hostForm.MatchString(f.Service.Host) {
		r.fail(f.Service.Pos, "the host is a name like app.example.org, without scheme and port")
	}
	if o := f.Service.Origin; o != "" && (!originForm.MatchString(o) || strings.HasSuffix(o, ":443")) {
		r.fail(f.Service.Pos, "origin is what the world sees, like https://app.example.org or, on another port, https://app.example.org:8443")
	} else if o != "" && f.Service.Host != "" && HostOf(o) != f.Service.Host {
		r.fail(f.Service.Pos, "origin and host name two hosts; leave host out, or give the same name")
	}
	r.verifyStore(f)
	r.verifyMail(f)
	r.verifyRoles(f)
	names := []string{"accounts"}
	if r.verifyOrganisations(f); f.Organisations != nil {
		names = append(names, "organisations", "memberships")
	}
	for _, c := range f.Collections {
		if f.Organisations != nil && (c.Name == "organisations" || c.Name == "memberships") {
			r.fail(c.Pos, "%s is built in; rename this collection", c.Name)
		} else if c.Name == "accounts" {
			r.fail(c.Pos, "accounts is built in; declare its fields in the block accounts")
		} else if slices.Contains(names, c.Name) {
			r.fail(c.Pos, "there are two collections %q; rename one", c.Name)
		}
		r.checkName(c.Name, c.Pos, "collection")
		names = append(names, c.Name)
	}
	r.verifyCollection(f, &f.Accounts, names)
	for _, a := range f.Accounts.Allow {
		if slices.Contains(a.To, "create") || slices.Contains(a.To, "delete") {
			r.fail(a.Pos, "accounts are made by sign-up or by an operator; allow read and update only")
		}
	}
	for i := range f.Collections {
		r.verifyCollection(f, &f.Collections[i], names)
	}
	for _, o := range f.Origins {
		u, err := url.Parse(o.Value)
		if err != nil || u.Scheme != "https" && !LocalOrigin(o.Value) || u.Host == "" || u.Path != "" || strings.Contains(u.Host, "*") {
			r.fail(o.Pos, "%s; in development http://localhost:PORT is one too", originSlip(o.Value))
		}
	}
	for _, p := range f.Proxies {
		if _, _, err := net.ParseCIDR(p.Value); err != nil && net.ParseIP(p.Value) == nil {
			r.fail(p.Pos, "a proxy is an address or a network like 10.0.0.0/24")
		}
	}
	if len(f.Password.Compose) > 0 && f.Password.Because == "" {
		r.fail(f.Password.Pos, "composition rules make passwords weaker; say because: which rule demands them")
	}
}

var (
	originForm = regexp.MustCompile(`^https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?$`)
	localForm  = regexp.MustCompile(`^http://(localhost|127\.0\.0\.1|\[::1\])(:[1-9][0-9]{0,4})?$`)
)

// LocalOrigin reports an origin without TLS on this machine, as the dev servers of front ends have. Production takes none.
func LocalOrigin(origin string) bool { return localForm.MatchString(origin) }

// listenable reports an address with a port, whose host may be missing.
func listenable(address string) bool {
	_, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && strconv.FormatUint(n, 10) == port
}

// HostOf is the name in an origin, without its port.
func HostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Seen is the origin that the world sees in production: what links, redirects and passkeys are made for.
func (s Service) Seen() string {
	if s.Origin != "" {
		return s.Origin
	}
	return "https://" + s.Host
}

var hostForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

func (r *reader) checkName(name string, at Pos, kind string) {
	switch {
	case !nameForm.MatchString(name) || len(name) > 48:
		r.fail(at, "the name of a %s is lower_snake, at most 48 characters; rename %q", kind, name)
	case strings.HasPrefix(name, "fastness") || strings.HasPrefix(name, "sqlite") || strings.HasPrefix(name, "pg_"):
		r.fail(at, "names that begin like %q are kept for the system; rename it", name)
	case slices.Contains(reserved, name):
		r.fail(at, "%q has a meaning already; choose another name", name)
	}
}

func (r *reader) verifyStore(f *File) {
	s := f.Store.Value
	if s != "" && s != "sqlite" && !isReference(s) {
		r.fail(f.Store.Pos, "store is sqlite or a reference such as \"${env:DATABASE_URL}\"; a URL holds a secret and does not belong here")
	}
	if k := f.Keys.Root.Value; k != "" && k != "file" && !isReference(k) {
		r.fail(f.Keys.Root.Pos, "the root key is \"file\" or a reference; a key does not belong in a declaration")
	}
}

func (r *reader) verifyMail(f *File) {
	m := f.Mail
	if m.SMTP.Value != "" && m.From == "" {
		r.fail(m.Pos, "letters need a sender; add from: \"Name <no-reply@host>\"")
	}
	if _, err := mail.ParseAddress(m.From); m.From != "" && (err != nil || strings.ContainsAny(m.From, "\r\n\x00")) {
		r.fail(m.Pos, "from is an address like \"Clinic <no-reply@clinic.example>\"")
	}
}

var referenceForm = regexp.MustCompile(`^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^}\x00]+)\}$`)

func isReference(s string) bool { return referenceForm.MatchString(s) }

// secret reads a value that must be a reference.
func (r *reader) secret(n ast.Node) Text {
	t := r.text(n)
	shapePattern(n, referenceForm)
	if t.Value != "" && !isReference(t.Value) {
		r.fail(t.Pos, "a secret does not belong in a declaration; write \"${env:NAME}\" or \"${file:/path}\"")
		r.errs[len(r.errs)-1].Line = "" // messages end up in logs of builds: the secret is not repeated
	}
	return t
}

func (r *reader) verifyRoles(f *File) {
	var names []string
	for _, role := range f.Roles {
		r.checkName(role.Name, role.Pos, "role")
		names = append(names, role.Name)
		for _, m := range role.Manages {
			if m != "accounts" && m != "roles" {
				r.unknown(role.Pos, "word", m, "manages", []string{"accounts", "roles"})
			}
		}
	}
	if len(names) > 64 {
		r.fail(f.Roles[64].Pos, "a declaration has at most 64 roles")
	}
	known := func(at Pos, list []string) {
		for _, n := range list {
			if !slices.Contains(names, n) {
				r.unknown(at, "role", n, "roles", names)
			}
		}
	}
	r.verifyApproval(f)
	known(f.SignUp.Pos, f.SignUp.Roles)
	r.notWithin(f, f.SignUp.Pos, f.SignUp.Roles)
	for _, p := range f.Providers {
		known(p.Pos, p.Roles)
		r.notWithin(f, p.Pos, p.Roles)
	}
	r.verifyProviders(f)
	if f.SignUp.Mode == "open" && f.SignUp.Verify == "" && f.SignUp.Pos.Line > 0 {
		r.fail(f.SignUp.Pos, "open sign-up needs verify: email")
	}
}

// verifyApproval refuses a role of two persons that somebody would get without the second, or that nobody could approve.
func (r *reader) verifyApproval(f *File) {
	manager := slices.ContainsFunc(f.Roles, func(one Role) bool { return slices.Contains(one.Manages, "roles") && !one.ReadOnly })
	for _, role := range f.Roles {
		if role.Approve == "" {
			continue
		}
		if !manager {
			r.fail(role.Pos, "nobody could approve %s: no role manages roles; add manages: [roles] to one", role.Name)
		}
		given := slices.Contains(f.SignUp.Roles, role.Name) || f.Organisations != nil && slices.Contains(f.Organisations.Roles, role.Name)
		for _, p := range f.Providers {
			given = given || slices.Contains(p.Roles, role.Name)
		}
		if given {
			r.fail(role.Pos, "two persons give %s, so newcomers cannot come with it; take it out of the roles they get", role.Name)
		}
	}
}

func (r *reader) verifyCollection(f *File, c *Collection, names []string) {
	var fields []string
	for i := range c.Fields {
		field := &c.Fields[i]
		r.checkName(field.Name, field.Pos, "field")
		fields = append(fields, field.Name)
		r.verifyField(c, field, names)
	}
	if len(fields) > 60 {
		r.fail(c.Pos, "a collection has at most 60 fields; split %q", c.Name)
	}
	known := func(at Pos, list []string) {
		for _, n := range list {
			n = strings.TrimPrefix(n, "-")
			if !slices.Contains(fields, n) && !(slices.Contains([]string{"created", "updated"}, n)) {
				r.unknown(at, "field", n, c.Name, fields)
			}
		}
	}
	for _, u := range slices.Concat(c.Unique, c.Index) {
		known(c.Pos, u)
	}
	for _, a := range c.Allow {
		for i, at := range a.onlyAt {
			known(at, a.Only[i:i+1])
		}
		if a.Only != nil && slices.Contains(a.To, "delete") && len(a.To) == 1 {
			r.fail(a.Pos, "delete takes the whole row; remove only")
		}
	}
	for _, k := range c.Check {
		if !k.That.Set() || k.Else == "" {
			r.fail(k.Pos, "a check has that: \"…\" and else: what the client is told")
		}
	}
	if c.Per != "" && f.Organisations == nil {
		r.fail(c.Pos, "per: organisation needs the block organisations")
	}
}

func (r *reader) verifyField(c *Collection, f *Field, names []string) {
	switch f.Type {
	case "list":
		if f.Of == nil {
			r.fail(f.Pos, "a list says what it holds; add of: {type: text, max: 80}")
			return
		}
		if slices.Contains([]string{"list", "json", "html", "state"}, f.Of.Type) {
			r.fail(f.Of.Pos, "a list holds scalars; %s is not one", f.Of.Type)
		}
		if f.Max == nil {
			r.fail(f.Pos, "a list has a bound; add max: 50")
		}
		r.verifyField(c, f.Of, names)
	case "ref":
		if !slices.Contains(names, f.To) {
			r.unknown(f.Pos, "collection", f.To, "to", names)
		}
	case "text":
		if f.Max == nil {
			r.fail(f.Pos, "a text has a bound; add max: 200")
		}
	case "enum":
		if len(f.Values) == 0 || len(f.Values) > 200 {
			r.fail(f.Pos, "an enum lists its values; add values: [a, b]")
		}
	case "state":
		r.verifyState(f)
	}
	if f.Pattern != nil {
		if _, err := regexp.Compile("^(?:" + f.Pattern.Value + ")$"); err != nil {
			r.fail(f.Pattern.Pos, "the pattern is not RE2: %v", err)
		}
	}
	if f.Type == "list" && f.OnDelete != "" && f.OnDelete != "refuse" {
		r.fail(f.At["on_delete"], "a row in a list is not removed with what it points at; use on_delete: refuse")
	}
	open := f.Type // what a list holds is looked at as well
	if f.Of != nil {
		open = f.Of.Type
	}
	if f.Encrypted && slices.Contains([]string{"account", "ref", "state"}, open) {
		r.fail(f.Pos, "%s is what rules and references look at and cannot be encrypted; remove encrypted", open)
	}
	if f.OnDelete == "clear" && !f.Optional {
		r.fail(f.At["on_delete"], "on_delete: clear leaves the field empty; add optional: true")
	}
	if f.Hidden == "clear" && !f.Optional {
		r.fail(f.At["hidden"], "hidden: clear leaves the field empty; add optional: true")
	}
	if f.Hidden != "" && f.OnDelete != "" && f.OnDelete != "refuse" {
		r.fail(f.At["hidden"], "hidden is about on_delete: refuse; remove one of them")
	}
	if f.Sensitive && !f.Encrypted && f.Because == "" {
		r.fail(f.Pos, "%s.%s is sensitive and not encrypted; add encrypted: true", c.Name, f.Name)
	}
	if f.Unique && f.Encrypted {
		r.fail(f.Pos, "unique on an encrypted field needs search: exact, which is not built yet; remove one of them")
	}
	if f.Unique && (f.Personal || f.Sensitive) && f.Because == "" {
		r.fail(f.Pos, "unique on a personal field lets callers test for persons; say because: why that is right")
	}
	if f.Indexed && f.Encrypted {
		r.fail(f.At["indexed"], "an encrypted field has no order to index; remove indexed")
	}
}

func (r *reader) verifyState(f *Field) {
	known := map[string]bool{}
	for _, s := range f.Steps {
		known[s.From] = true
		for _, to := range s.To {
			known[to] = true
		}
	}
	if f.Start == "" || len(known) == 0 {
		r.fail(f.Pos, "a state has start and steps; add start: draft, steps: {draft: [open]}")
		return
	}
	if !known[f.Start] {
		r.fail(f.At["start"], "no step leads from or to the start %q; add it to steps", f.Start)
	}
	reach := []string{f.Start}
	for i := 0; i < len(reach); i++ {
		for _, s := range f.Steps {
			if s.From == reach[i] {
				for _, to := range s.To {
					if !slices.Contains(reach, to) {
						reach = append(reach, to)
					}
				}
			}
		}
	}
	for s := range known {
		if !slices.Contains(reach, s) {
			r.fail(f.At["steps"], "state %q cannot be reached from %q; add a step to it or remove it", s, f.Start)
		}
	}
}

// originSlip says what to write for what is no origin.
func originSlip(got string) string {
	const want = "an origin is exact, like https://app.example.org"
	u, err := url.Parse(got)
	switch {
	case err != nil || u.Host == "" || strings.Contains(got, "*"):
		return want + "; write each one out"
	case u.Scheme == "http":
		return want + "; a page that came by http can be rewritten on its way: serve it by https, and write https://" + u.Host
	case u.Scheme == "https":
		return want + "; leave out what follows the host: https://" + u.Host
	}
	return want
}
