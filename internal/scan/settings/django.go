package settings

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// djangoNames matches a setting that only Django has, at the begin of a line.
var djangoNames = regexp.MustCompile(`(?:^|[\r\n])(?:ALLOWED_HOSTS|SECURE_[A-Z_]+|CSRF_COOKIE_SECURE|ROOT_URLCONF|INSTALLED_APPS|MIDDLEWARE(?:_CLASSES)?|WSGI_APPLICATION)\s*[:=+]`)

// signs are settings of which each file of Django settings has one, itself or from the file it imports.
var signs = []string{"INSTALLED_APPS", "ROOT_URLCONF", "MIDDLEWARE", "MIDDLEWARE_CLASSES", "WSGI_APPLICATION", "ALLOWED_HOSTS", "AUTH_PASSWORD_VALIDATORS"}

// settingsName tells whether a file's name says that it holds settings: settings.py, settings_prod.py, settings/prod.py.
func settingsName(name string) bool {
	stem := strings.TrimSuffix(path.Base(name), ".py")
	return path.Ext(name) == ".py" && (stem == "settings" || strings.HasPrefix(stem, "settings_") || strings.HasSuffix(stem, "_settings") || path.Base(path.Dir(name)) == "settings")
}

// django judges the settings that serve: those files that no other file of settings imports.
func (s *search) django() {
	imported := map[string]bool{}
	for _, m := range s.modules {
		for _, name := range m.stars {
			imported[name] = true
		}
	}
	slices.Sort(s.named)
	for _, name := range s.named {
		m := s.modules[name]
		if !imported[name] && slices.ContainsFunc(signs, func(k string) bool { _, ok := m.vars[k]; return ok }) {
			if m.dynamic != nil {
				s.unknown(m.dynamic.file, m.dynamic.line, "other settings may be set here, which are not followed; compare manage.py check --deploy")
			}
			for i := range djangoRules {
				s.judgeDjango(m, &djangoRules[i])
			}
			for _, c := range m.classes {
				if slices.Contains(c.bases, "Configuration") {
					s.unknown(name, c.line, "settings stand in a class, which is not followed; compare manage.py check --deploy")
				}
			}
		}
	}
}

// judgeDjango judges one rule on one file of settings.
func (s *search) judgeDjango(m *module, r *setting) {
	if r.when != nil && !r.when(m) {
		return
	}
	var v value
	there := false
	for _, n := range r.names {
		if v, there = m.vars[n]; there {
			break
		}
	}
	switch {
	case !there && (r.missing == fine || m.dynamic != nil):
	case !there:
		s.fault(&r.rule, m.name, 1)
	case v.shape == outside:
	case r.judge == nil:
		s.passwords(v, r, m)
	default:
		s.answer(r.judge(v), r, v)
	}
}

// answer records what a rule says of a value.
func (s *search) answer(a answer, r *setting, v value) {
	switch a {
	case fault:
		s.fault(&r.rule, v.file, v.line)
	case untold:
		s.unknown(v.file, v.line, r.names[0]+" is computed, so it could not be told; write it out, or read it from the environment", r.ID)
	}
}

// passwords looks for literal passwords in the settings of databases.
func (s *search) passwords(v value, r *setting, m *module) {
	switch v.shape {
	case dict:
		for i, k := range v.keys {
			item := v.items[i]
			switch {
			case k == "PASSWORD" && item.shape == computed:
				s.answer(untold, r, item)
			case k == "PASSWORD":
				if literal(item) == fault {
					s.fault(&r.rule, item.file, item.line)
				}
			case item.shape == dict || item.shape == list:
				s.passwords(item, r, m)
			case item.shape == computed && k != "NAME" && strings.ToLower(k) == k:
				s.answer(untold, r, item) // a database that is put together elsewhere
			}
		}
		if v.part && len(v.keys) == 0 {
			s.answer(untold, r, v)
		}
	case list:
	case outside, none:
	default:
		s.answer(untold, r, value{line: v.line, file: v.file})
	}
}
