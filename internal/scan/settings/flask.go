package settings

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// flask is what a project sets on applications of Flask.
type flask struct {
	used    bool
	modules []*module
	classes map[string]*class
}

// take keeps what a file sets.
func (f *flask) take(m *module) {
	f.used = f.used || m.modules["flask"]
	f.modules = append(f.modules, m)
	for _, c := range m.classes {
		if f.classes[c.name] == nil {
			f.classes[c.name] = c
		}
	}
}

// configKey is the setting that a target of an assignment is: app.config['DEBUG'], app.debug, app.secret_key.
func configKey(ref string) string {
	if _, key, ok := strings.Cut(ref, "["); ok {
		return strings.TrimSuffix(key, "]")
	}
	return strings.ToUpper(ref[strings.LastIndexByte(ref, '.')+1:])
}

// flaskCall looks at a call on an application.
func (m *module) flaskCall(f value, args []value, named map[string]value, line int) {
	method := f.ref[strings.LastIndexByte(f.ref, '.')+1:]
	onConfig := strings.HasSuffix(strings.TrimSuffix(f.ref, method), "config.")
	switch {
	case f.ref == "Flask" || f.ref == "flask.Flask":
		m.events = append(m.events, event{"app", value{}, line})
	case strings.HasSuffix(f.ref, ".run"):
		if v, ok := named["debug"]; ok && m.modules["flask"] {
			v.line, v.file = line, m.name
			m.events = append(m.events, event{"run", v, line})
		}
	case !onConfig:
	case method == "from_mapping" || method == "update":
		for _, a := range args {
			if a.shape != dict {
				m.events = append(m.events, event{"()", value{}, line})
				continue
			}
			for i, k := range a.keys {
				m.events = append(m.events, event{k, a.items[i], a.items[i].line})
			}
		}
		for _, k := range slices.Sorted(maps.Keys(named)) {
			v := named[k]
			if k == "*" || v.part {
				k = "()"
			}
			m.events = append(m.events, event{k, v, v.line})
		}
	case strings.HasPrefix(method, "from_") && method != "from_object":
		m.events = append(m.events, event{"()", value{}, line})
	case method == "from_object":
		if len(args) != 1 || args[0].shape != text && args[0].ref == "" || args[0].shape == outside {
			m.events = append(m.events, event{"()", value{}, line})
		}
	}
}

// serves tells whether a class is a configuration that serves: its name says configuration, and not development.
func serves(name string) bool {
	lower := strings.ToLower(name)
	for _, w := range []string{"dev", "test", "local", "debug"} {
		if strings.Contains(lower, w) {
			return false
		}
	}
	return strings.Contains(lower, "config") || strings.Contains(lower, "settings") || strings.Contains(lower, "production") || lower == "base"
}

// judgeFlask judges what all files set together.
func (s *search) judgeFlask() {
	if !s.flask.used {
		return
	}
	slices.SortFunc(s.flask.modules, func(a, b *module) int { return cmp.Compare(a.name, b.name) })
	sets := map[string][]value{}
	var app, elsewhere *value
	note := func(k string, v value) { sets[k] = append(sets[k], v) }
	for _, m := range s.flask.modules {
		for _, e := range m.events {
			e.value.file, e.value.line = m.name, e.line
			switch e.key {
			case "app":
				if app == nil {
					app = &e.value
				}
			case "()":
				elsewhere = &e.value
			default:
				note(e.key, e.value)
			}
		}
		if slices.ContainsFunc(signs, func(k string) bool { _, ok := m.vars[k]; return ok }) {
			continue // settings of Django
		}
		if settingsName(m.name) || strings.HasSuffix(m.name, "config.py") {
			for k, v := range m.vars {
				note(k, v)
			}
		}
	}
	s.flaskClasses(note)
	for i := range flaskRules {
		r := &flaskRules[i]
		list := sets[r.names[0]]
		slices.SortFunc(list, func(a, b value) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
		for _, v := range list {
			if v.shape != outside {
				s.answer(r.judge(v), r, v)
			}
		}
		switch {
		case len(list) > 0 || r.missing == fine || app == nil:
		case elsewhere != nil:
			s.unknown(elsewhere.file, elsewhere.line, "settings are read from elsewhere, so it could not be told; set it in the source", r.ID)
		default:
			s.fault(&r.rule, app.file, app.line)
		}
	}
}

// flaskClasses notes what classes set that serve, each with what its bases set.
func (s *search) flaskClasses(note func(string, value)) {
	bases := map[string]bool{}
	names := slices.Sorted(maps.Keys(s.flask.classes))
	for _, name := range names {
		if serves(name) {
			for _, b := range s.flask.classes[name].bases {
				bases[b] = true
			}
		}
	}
	for _, name := range names {
		if !serves(name) || bases[name] {
			continue
		}
		all := map[string]value{}
		s.inherit(s.flask.classes[name], all, map[*class]bool{})
		for k, v := range all {
			note(k, v)
		}
	}
}

// inherit takes what a class sets and its bases set; the class wins.
func (s *search) inherit(c *class, all map[string]value, seen map[*class]bool) {
	seen[c] = true
	for k, v := range c.vars {
		if _, ok := all[k]; !ok && k == strings.ToUpper(k) {
			all[k] = v
		}
	}
	for _, b := range c.bases {
		if base := s.flask.classes[b]; base != nil && !seen[base] && len(seen) < maxImports {
			s.inherit(base, all, seen)
		}
	}
}
