package settings

import "strings"

// answer is what a rule says of a value.
type answer byte

const (
	fine answer = iota
	fault
	untold
)

// rule is one kind of fault.
type rule struct {
	ID, Title, Severity, CWE, Do string
}

// setting is a rule about one setting of Django or Flask.
type setting struct {
	rule
	names   []string           // the first that is set counts
	missing answer             // what it means that none is set
	judge   func(value) answer // of a value that is set in the source
	when    func(*module) bool // nil: always
}

// off answers for a switch that must be on.
func off(v value) answer {
	yes, known := v.truth()
	switch {
	case !known:
		return untold
	case yes:
		return fine
	}
	return fault
}

// on answers for a switch that must be off.
func on(v value) answer {
	return opposite(off(v))
}

// opposite turns an answer round; what could not be told stays so.
func opposite(a answer) answer {
	switch a {
	case fine:
		return fault
	case fault:
		return fine
	}
	return untold
}

// literal answers for a secret: it must not stand in the source.
func literal(v value) answer {
	switch {
	case v.shape == text && v.text != "" || v.shape == integer:
		return fault
	case v.shape == text || v.shape == none:
		return fine
	}
	return untold
}

// insecure answers for the key that startproject of Django writes.
func insecure(v value) answer {
	if v.shape == text && strings.HasPrefix(v.text, "django-insecure-") {
		return fault
	}
	return fine
}

// keyed joins the rules of a key: each fault is one, by the first that fits.
func keyed(short bool) func(value) answer {
	return func(v value) answer {
		switch {
		case v.shape != text || v.text == "" || insecure(v) == fault:
			if short || insecure(v) == fault {
				return fine
			}
			return literal(v)
		case (len(v.text) < 50) == short:
			return fault
		}
		return fine
	}
}

// lacks answers for a list that must hold a text.
func lacks(want string) func(value) answer {
	return func(v value) answer {
		switch {
		case v.shape != list:
			return untold
		case v.has(want):
			return fine
		case unclear(v):
			return untold
		}
		return fault
	}
}

// unclear tells whether a list may hold more than its texts.
func unclear(v value) bool {
	for _, x := range v.items {
		if x.shape != text {
			return true
		}
	}
	return v.part
}

// holds answers for a list that must not hold a text.
func holds(bad string) func(value) answer {
	return func(v value) answer {
		switch {
		case v.shape == text && v.text == bad, v.has(bad):
			return fault
		case v.shape != list || unclear(v):
			return untold
		}
		return fine
	}
}

// empty answers for a list that must hold something.
func empty(v value) answer {
	switch yes, known := v.truth(); {
	case !known:
		return untold
	case !yes:
		return fault
	}
	return fine
}

// between answers for a number that must lie within bounds.
func between(low, high int64) func(value) answer {
	return func(v value) answer {
		switch {
		case v.shape == none || v.shape == boolean:
			return fault
		case v.shape != integer:
			return untold
		case v.n < low || v.n > high:
			return fault
		}
		return fine
	}
}

// weakHasher answers for the first hasher of passwords, which new ones are hashed with.
func weakHasher(v value) answer {
	if v.shape != list || len(v.items) == 0 || v.items[0].shape != text {
		return untold
	}
	for _, weak := range []string{"MD5", "SHA1", "Crypt", "Unsalted"} {
		if strings.Contains(v.items[0].text, weak) && !strings.Contains(v.items[0].text, "BCrypt") && !strings.Contains(v.items[0].text, "Scrypt") {
			return fault
		}
	}
	return fine
}

// oneOf answers for a text that must be one of some; in any case of letters.
func oneOf(good ...string) func(value) answer {
	return func(v value) answer {
		switch v.shape {
		case text:
			for _, g := range good {
				if strings.EqualFold(g, v.text) {
					return fine
				}
			}
			return fault
		case none, boolean, integer:
			return fault
		}
		return untold
	}
}

// proxied answers for the header of a proxy that says a request came by TLS.
func proxied(v value) answer {
	switch {
	case v.shape == none:
		return fine
	case v.shape == list:
		return fault
	}
	return untold
}

const middleware = "django.middleware."

// djangoRules are judged on the settings that serve. Defaults are those of Django 3.0 and later.
var djangoRules = []setting{
	{rule{"django-debug", "DEBUG is on: errors show settings and sources to every client", "high", "CWE-489", "write DEBUG = False, or read it from the environment"},
		[]string{"DEBUG"}, fine, on, nil},
	{rule{"django-secret-key-insecure", "SECRET_KEY is the one that startproject wrote", "high", "CWE-798", "make a new key and read it from the environment"},
		[]string{"SECRET_KEY"}, fine, insecure, nil},
	{rule{"django-secret-key-short", "SECRET_KEY stands in the source and is shorter than 50 characters", "high", "CWE-798", "make a new key and read it from the environment"},
		[]string{"SECRET_KEY"}, fine, keyed(true), nil},
	{rule{"django-secret-key-literal", "SECRET_KEY stands in the source", "high", "CWE-798", "make a new key and read it from the environment"},
		[]string{"SECRET_KEY"}, fine, keyed(false), nil},
	{rule{"django-allowed-hosts-any", "ALLOWED_HOSTS takes every host name", "medium", "CWE-644", "list the host names of the site"},
		[]string{"ALLOWED_HOSTS"}, fine, holds("*"), nil},
	{rule{"django-allowed-hosts-empty", "ALLOWED_HOSTS is empty", "medium", "CWE-644", "list the host names of the site"},
		[]string{"ALLOWED_HOSTS"}, fault, empty, nil},
	{rule{"django-session-cookie-secure", "SESSION_COOKIE_SECURE is not on: the session goes over plain HTTP", "medium", "CWE-614", "write SESSION_COOKIE_SECURE = True"},
		[]string{"SESSION_COOKIE_SECURE"}, fault, off, nil},
	{rule{"django-session-cookie-httponly", "SESSION_COOKIE_HTTPONLY is off: scripts read the session", "medium", "CWE-1004", "take SESSION_COOKIE_HTTPONLY out, or set it to True"},
		[]string{"SESSION_COOKIE_HTTPONLY"}, fine, off, nil},
	{rule{"django-session-cookie-samesite", "SESSION_COOKIE_SAMESITE lets other sites send the session", "medium", "CWE-1275", "write SESSION_COOKIE_SAMESITE = 'Lax'"},
		[]string{"SESSION_COOKIE_SAMESITE"}, fine, oneOf("Lax", "Strict"), nil},
	{rule{"django-csrf-cookie-secure", "CSRF_COOKIE_SECURE is not on", "medium", "CWE-614", "write CSRF_COOKIE_SECURE = True"},
		[]string{"CSRF_COOKIE_SECURE"}, fault, off, nil},
	{rule{"django-hsts-missing", "SECURE_HSTS_SECONDS is 0 or missing: a first request goes over plain HTTP", "medium", "CWE-319", "write SECURE_HSTS_SECONDS = 31536000 when all of the site has TLS"},
		[]string{"SECURE_HSTS_SECONDS"}, fault, between(1, 1<<62), nil},
	{rule{"django-hsts-short", "SECURE_HSTS_SECONDS is shorter than a year", "low", "CWE-319", "write SECURE_HSTS_SECONDS = 31536000"},
		[]string{"SECURE_HSTS_SECONDS"}, fine, func(v value) answer {
			if v.shape == integer && v.n > 0 && v.n < 31_536_000 {
				return fault
			}
			return fine
		}, nil},
	{rule{"django-hsts-subdomains", "SECURE_HSTS_INCLUDE_SUBDOMAINS is not on", "low", "CWE-319", "write SECURE_HSTS_INCLUDE_SUBDOMAINS = True when all subdomains have TLS"},
		[]string{"SECURE_HSTS_INCLUDE_SUBDOMAINS"}, fault, off, hasHSTS},
	{rule{"django-hsts-preload", "SECURE_HSTS_PRELOAD is not on", "low", "CWE-319", "write SECURE_HSTS_PRELOAD = True, and enter the site in the browsers' list"},
		[]string{"SECURE_HSTS_PRELOAD"}, fault, off, hasHSTS},
	{rule{"django-ssl-redirect", "SECURE_SSL_REDIRECT is not on: the site answers over plain HTTP", "medium", "CWE-319", "write SECURE_SSL_REDIRECT = True; when a proxy redirects, accept the risk for that reason"},
		[]string{"SECURE_SSL_REDIRECT"}, fault, off, nil},
	{rule{"django-nosniff", "SECURE_CONTENT_TYPE_NOSNIFF is off", "low", "CWE-693", "take SECURE_CONTENT_TYPE_NOSNIFF out, or set it to True"},
		[]string{"SECURE_CONTENT_TYPE_NOSNIFF"}, fine, off, nil},
	{rule{"django-frames", "X_FRAME_OPTIONS lets other sites frame this one", "medium", "CWE-1021", "write X_FRAME_OPTIONS = 'DENY'"},
		[]string{"X_FRAME_OPTIONS"}, fine, oneOf("DENY", "SAMEORIGIN"), nil},
	{rule{"django-proxy-header", "SECURE_PROXY_SSL_HEADER believes a header that every client can send", "low", "CWE-348",
		"let the proxy overwrite that header on each request, then accept the risk for that reason"},
		[]string{"SECURE_PROXY_SSL_HEADER"}, fine, proxied, nil},
	{rule{"django-middleware-security", "SecurityMiddleware is missing", "medium", "CWE-693", "put django.middleware.security.SecurityMiddleware first in MIDDLEWARE"},
		[]string{"MIDDLEWARE", "MIDDLEWARE_CLASSES"}, fault, lacks(middleware + "security.SecurityMiddleware"), nil},
	{rule{"django-middleware-csrf", "CsrfViewMiddleware is missing: other sites act for a signed-in user", "high", "CWE-352", "add django.middleware.csrf.CsrfViewMiddleware to MIDDLEWARE"},
		[]string{"MIDDLEWARE", "MIDDLEWARE_CLASSES"}, fault, lacks(middleware + "csrf.CsrfViewMiddleware"), nil},
	{rule{"django-middleware-frames", "XFrameOptionsMiddleware is missing", "medium", "CWE-1021", "add django.middleware.clickjacking.XFrameOptionsMiddleware to MIDDLEWARE"},
		[]string{"MIDDLEWARE", "MIDDLEWARE_CLASSES"}, fault, lacks(middleware + "clickjacking.XFrameOptionsMiddleware"), nil},
	{rule{"django-password-hasher", "new passwords are hashed by a weak function", "high", "CWE-916", "put django.contrib.auth.hashers.Argon2PasswordHasher first in PASSWORD_HASHERS"},
		[]string{"PASSWORD_HASHERS"}, fine, weakHasher, nil},
	{rule{"django-password-validators", "AUTH_PASSWORD_VALIDATORS is empty: every password is taken", "medium", "CWE-521", "list Django's validators of length and of common passwords"},
		[]string{"AUTH_PASSWORD_VALIDATORS"}, fault, empty, nil},
	{rule{"django-cors-any", "CORS answers every origin", "medium", "CWE-942", "list the origins in CORS_ALLOWED_ORIGINS"},
		[]string{"CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"}, fine, on, nil},
	{rule{"django-database-password", "a password of a database stands in the source", "high", "CWE-798", "change that password and read it from the environment"},
		[]string{"DATABASES"}, fine, nil, nil}, // judged item by item
}

// hasHSTS tells whether the rules that add to HSTS mean anything.
func hasHSTS(m *module) bool {
	v, ok := m.vars["SECURE_HSTS_SECONDS"]
	return ok && (v.shape != integer || v.n > 0) && v.shape != none && v.shape != boolean
}

// flaskRules are judged on what any file sets on an application of Flask.
var flaskRules = []setting{
	{rule{"flask-run-debug", "app.run starts the debugger: a client that reaches it executes code", "high", "CWE-489", "take debug=True out, and start the application with a server for production"},
		[]string{"run"}, fine, on, nil},
	{rule{"flask-debug", "DEBUG is on: errors open a debugger to every client", "high", "CWE-489", "take DEBUG out, and use flask --debug on your own machine alone"},
		[]string{"DEBUG"}, fine, on, nil},
	{rule{"flask-testing", "TESTING is on: errors are passed on, and checks are left out", "medium", "CWE-489", "take TESTING out of what serves"},
		[]string{"TESTING"}, fine, on, nil},
	{rule{"flask-secret-key", "SECRET_KEY stands in the source", "high", "CWE-798", "make a new key and read it from the environment"},
		[]string{"SECRET_KEY"}, fine, literal, nil},
	{rule{"flask-session-cookie-secure", "SESSION_COOKIE_SECURE is not on: the session goes over plain HTTP", "medium", "CWE-614", "set SESSION_COOKIE_SECURE to True"},
		[]string{"SESSION_COOKIE_SECURE"}, fault, off, nil},
	{rule{"flask-session-cookie-httponly", "SESSION_COOKIE_HTTPONLY is off: scripts read the session", "medium", "CWE-1004", "take SESSION_COOKIE_HTTPONLY out, or set it to True"},
		[]string{"SESSION_COOKIE_HTTPONLY"}, fine, off, nil},
	{rule{"flask-session-cookie-samesite", "SESSION_COOKIE_SAMESITE is not set: other sites send the session", "low", "CWE-1275", "set SESSION_COOKIE_SAMESITE to 'Lax'"},
		[]string{"SESSION_COOKIE_SAMESITE"}, fault, oneOf("Lax", "Strict"), nil},
	{rule{"flask-csrf", "WTF_CSRF_ENABLED is off: other sites act for a signed-in user", "high", "CWE-352", "take WTF_CSRF_ENABLED out of what serves"},
		[]string{"WTF_CSRF_ENABLED"}, fine, off, nil},
	{rule{"flask-session-lifetime", "PERMANENT_SESSION_LIFETIME is longer than 31 days", "low", "CWE-613", "set PERMANENT_SESSION_LIFETIME to what the work needs, such as 12 hours"},
		[]string{"PERMANENT_SESSION_LIFETIME"}, fine, between(0, 31*86_400), nil},
}
