package decl

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/fastness-dev/fastness/internal/plan/colour"
)

// later are blocks of the grammar that are reserved and not built yet: they are refused by name, never ignored.
var later = []string{"devices", "clients", "web", "hooks", "jobs", "gateway", "detect", "sinks", "paths", "examples"}

// overlaid are the blocks that `env` may overlay: settings, never rules.
var overlaid = []string{"service", "listen", "data", "store", "sign_up", "session", "password", "mail", "keys", "tls", "ledger",
	"origins", "proxies", "limits", "pages", "openapi"}

// file reads the whole declaration, then the overlay of the environment over it.
func (r *reader) file(f *File, n ast.Node, env string) {
	known := r.settings(f)
	known["version"] = func(n ast.Node) {
		if f.Version = int(r.number(n)); f.Version != 1 {
			r.fail(pos(n), "this program reads version 1; write version: 1")
		}
	}
	known["roles"] = func(n ast.Node) { r.roles(f, n) }
	known["accounts"] = func(n ast.Node) { r.collection(&f.Accounts, n, true) }
	known["collections"] = func(n ast.Node) {
		for _, p := range r.mapping(n, "collections") {
			c := Collection{Name: p.key, Pos: p.at}
			r.collection(&c, p.value, false)
			f.Collections = append(f.Collections, c)
		}
	}
	known["organisations"] = func(n ast.Node) { r.organisations(f, n) }
	known["providers"] = func(n ast.Node) { r.providers(f, n) }
	known["env"] = func(n ast.Node) {
		r.words(n, "env", map[string]func(ast.Node){
			"production": func(n ast.Node) { r.overlay(f, n, env == "production") }, "development": func(n ast.Node) { r.overlay(f, n, env == "development") }})
	}
	for _, word := range later {
		known[word] = func(n ast.Node) { r.unbuilt(pos(n), word) }
	}
	f.Accounts.Name = "accounts"
	if p, ok := n.(*probe); ok {
		r.probeWords(p, known)
		return
	}
	pairs := r.mapping(n, "a declaration")
	slices.SortStableFunc(pairs, func(a, b pair) int { return last(a.key) - last(b.key) })
	for _, p := range pairs {
		if read, ok := known[p.key]; ok {
			read(p.value)
			continue
		}
		r.unknown(p.at, "word", p.key, "the declaration", slices.Sorted(maps.Keys(known)))
	}
	if f.Version == 0 && len(r.errs) == 0 {
		r.fail(Pos{1, 1}, "the declaration does not say its version; begin with version: 1")
	}
}

// last makes overlays come after what they overlay.
func last(key string) int {
	if key == "env" {
		return 1
	}
	return 0
}

func (r *reader) overlay(f *File, n ast.Node, apply bool) {
	target := f
	if !apply {
		target = &File{} // read all the same: an error of the other environment is an error today
	}
	known := r.settings(target)
	if p, ok := n.(*probe); ok {
		maps.DeleteFunc(known, func(word string, _ func(ast.Node)) bool { return !slices.Contains(overlaid, word) })
		r.probeWords(p, known)
		return
	}
	for _, p := range r.mapping(n, "env") {
		if !slices.Contains(overlaid, p.key) {
			r.unknown(p.at, "word", p.key, "env (only settings differ between environments, never rules)", overlaid)
			continue
		}
		known[p.key](p.value)
	}
}

// unbuilt refuses a part of the grammar that is reserved.
func (r *reader) unbuilt(at Pos, word string) {
	r.reserved++
	r.fail(at, "%q is part of the grammar and not built yet; remove it until it is", word)
}

// settings gives the readers of the blocks that say how the service runs.
func (r *reader) settings(f *File) map[string]func(ast.Node) {
	set := func(dst *string) func(ast.Node) { return func(n ast.Node) { *dst = r.str(n) } }
	listen := func(dst *string) func(ast.Node) {
		return func(n ast.Node) {
			*dst = r.str(n)
			if !listenable(*dst) {
				r.fail(pos(n), "%q is no address to listen at; write a host and a port such as 127.0.0.1:8443, or :8443 for all addresses", *dst)
			}
		}
	}
	block := func(what string, words map[string]func(ast.Node)) func(ast.Node) {
		return func(n ast.Node) { r.words(n, what, words) }
	}
	return map[string]func(ast.Node){
		"service": func(n ast.Node) {
			f.Service.Pos = pos(n)
			r.words(n, "service", map[string]func(ast.Node){"name": set(&f.Service.Name), "host": set(&f.Service.Host), "origin": set(&f.Service.Origin),
				"level":    func(n ast.Node) { f.Service.Level = r.between(n, 1, 3) },
				"language": func(n ast.Node) { f.Service.Language = r.oneOf(n, "language", "en", "de") }})
		},
		"listen": block("listen", map[string]func(ast.Node){"https": listen(&f.Listen.HTTPS), "http": listen(&f.Listen.HTTP), "operations": listen(&f.Listen.Operations)}),
		"data":   set(&f.Data),
		"store":  func(n ast.Node) { f.Store = r.text(n) },
		"sign_up": func(n ast.Node) {
			f.SignUp.Pos = pos(n)
			r.words(n, "sign_up", map[string]func(ast.Node){
				"mode":   func(n ast.Node) { f.SignUp.Mode = r.oneOf(n, "mode", "open", "invite", "closed") },
				"roles":  func(n ast.Node) { f.SignUp.Roles = r.strs(n, "roles") },
				"verify": func(n ast.Node) { f.SignUp.Verify = r.oneOf(n, "verify", "email") }})
		},
		"session": func(n ast.Node) {
			f.Session.Pos = pos(n)
			r.words(n, "session", map[string]func(ast.Node){
				"idle":     func(n ast.Node) { f.Session.Idle = r.duration(n) },
				"absolute": func(n ast.Node) { f.Session.Absolute = r.duration(n) },
				"parallel": func(n ast.Node) { f.Session.Parallel = r.between(n, 1, 100) },
				"because":  set(&f.Session.Because)})
		},
		"password": func(n ast.Node) {
			f.Password.Pos = pos(n)
			r.words(n, "password", map[string]func(ast.Node){
				"min":          func(n ast.Node) { f.Password.Min = r.between(n, 8, 128) },
				"min_with_mfa": func(n ast.Node) { f.Password.MinWithMFA = r.between(n, 8, 128) },
				"compose":      func(n ast.Node) { f.Password.Compose = r.strs(n, "compose") },
				"because":      set(&f.Password.Because), "breached": set(&f.Password.Breached)})
		},
		"mail": func(n ast.Node) {
			f.Mail.Pos = pos(n)
			r.words(n, "mail", map[string]func(ast.Node){"from": set(&f.Mail.From),
				"smtp": func(n ast.Node) { f.Mail.SMTP = r.secret(n) }})
		},
		"keys": block("keys", map[string]func(ast.Node){"root": func(n ast.Node) { f.Keys.Root = r.text(n) },
			"rotate":      func(n ast.Node) { f.Keys.Rotate = r.duration(n) },
			"erase_after": func(n ast.Node) { f.Keys.EraseAfter = r.duration(n) }}),
		"tls": func(n ast.Node) {
			f.TLS.Pos = pos(n)
			r.words(n, "tls", map[string]func(ast.Node){"certificate": set(&f.TLS.Certificate), "key": set(&f.TLS.Key)})
		},
		"ledger":  block("ledger", map[string]func(ast.Node){"keep": func(n ast.Node) { f.Ledger.Keep = r.duration(n) }}),
		"origins": func(n ast.Node) { f.Origins = r.texts(n, "origins") },
		"proxies": func(n ast.Node) { f.Proxies = r.texts(n, "proxies") },
		"limits": block("limits", map[string]func(ast.Node){"body": func(n ast.Node) { f.Limits.Body = r.size(n) },
			"anonymous_body": func(n ast.Node) { f.Limits.AnonymousBody = r.size(n) },
			"per_account":    func(n ast.Node) { f.Limits.PerAccount = r.rate(n) },
			"per_address":    func(n ast.Node) { f.Limits.PerAddress = r.rate(n) }}),
		"pages": func(n ast.Node) {
			f.Pages.Pos = pos(n)
			r.words(n, "pages", map[string]func(ast.Node){"name": set(&f.Pages.Name), "logo": set(&f.Pages.Logo),
				"accent": func(n ast.Node) { f.Pages.Accent = r.accent(n) }})
		},
		"openapi": func(n ast.Node) { f.OpenAPI = r.oneOf(n, "openapi", "public") },
	}
}

// accent reads a colour that text on the pages' ground must be readable in.
func (r *reader) accent(n ast.Node) string {
	s := r.str(n)
	c, err := colour.Parse(s)
	if err != nil {
		r.fail(pos(n), "%v; put it in quotes", err)
		return ""
	}
	if ratio := colour.Contrast(c, colour.Ground); ratio < colour.LeastContrast {
		r.fail(pos(n), "text in %s on the pages' ground has a contrast of %.1f and WCAG 2.2 AA asks for %.1f; take a darker accent", s, ratio, colour.LeastContrast)
	}
	return c.String()
}

func (r *reader) between(n ast.Node, low, high int64) int {
	v := r.number(n)
	shape(n, func(s *schema) { s.Minimum, s.Maximum = &low, &high })
	if v < low || v > high {
		r.fail(pos(n), "this lies between %d and %d", low, high)
	}
	return int(v)
}

func (r *reader) oneOf(n ast.Node, what string, values ...string) string {
	s := r.str(n)
	shapeEnum(n, values)
	if !slices.Contains(values, s) {
		r.unknown(pos(n), what, s, what, values)
	}
	return s
}

func (r *reader) roles(f *File, n ast.Node) {
	for _, p := range r.mapping(n, "roles") {
		role := Role{Name: p.key, Pos: p.at}
		r.words(p.value, "a role", map[string]func(ast.Node){
			"requires":  func(n ast.Node) { role.Requires = r.oneOf(n, "requires", "mfa", "passkey") },
			"read_only": func(n ast.Node) { role.ReadOnly = r.flag(n) },
			"manages":   func(n ast.Node) { role.Manages = r.strs(n, "manages") },
			"approve":   func(n ast.Node) { role.Approve = r.oneOf(n, "approve", "two") }})
		f.Roles = append(f.Roles, role)
	}
}

func (r *reader) organisations(f *File, n ast.Node) {
	o := &Organisations{Pos: pos(n)}
	r.words(n, "organisations", map[string]func(ast.Node){
		"sign_up": func(n ast.Node) { o.SignUp = r.oneOf(n, "sign_up", "create", "invite") },
		"roles":   func(n ast.Node) { o.Roles = r.strs(n, "roles") },
		"invite":  func(n ast.Node) { o.Invite = r.strs(n, "invite") }})
	f.Organisations = o
}

func (r *reader) providers(f *File, n ast.Node) {
	for _, p := range r.mapping(n, "providers") {
		v := Provider{Name: p.key, Pos: p.at}
		r.words(p.value, "a provider", map[string]func(ast.Node){
			"issuer": func(n ast.Node) { v.Issuer = r.str(n) }, "label": func(n ast.Node) { v.Label = r.str(n) },
			"client_id":     func(n ast.Node) { v.ClientID = r.text(n) },
			"client_secret": func(n ast.Node) { v.ClientSecret = r.secret(n) },
			"roles":         func(n ast.Node) { v.Roles = r.strs(n, "roles") },
			"scopes":        func(n ast.Node) { v.Scopes = r.strs(n, "scopes") },
			"hosts":         func(n ast.Node) { v.Hosts = r.strs(n, "hosts") },
			"ca":            func(n ast.Node) { v.CA = r.str(n) },
			"private":       func(n ast.Node) { v.Private = r.strs(n, "private") }})
		f.Providers = append(f.Providers, v)
	}
}
