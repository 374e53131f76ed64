package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/finding"
	"github.com/fastness-dev/fastness/internal/scan/server"
	"github.com/fastness-dev/fastness/internal/scan/source"
)

// put writes files into a new folder.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// said is what a report says of a rule.
func said(r Report, rule string) answer {
	if slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Rule == rule }) {
		return fault
	}
	for _, u := range r.Unknowns {
		if len(u.Rules) == 0 || slices.Contains(u.Rules, rule) {
			return untold
		}
	}
	return fine
}

// TestDjangoRules: each way to write a setting is a fault, fine, or could not be told.
func TestDjangoRules(t *testing.T) {
	key := strings.Repeat("k0", 30)
	for _, c := range []struct {
		source, rule string
		want         answer
	}{
		{"DEBUG = True", "django-debug", fault},
		{"DEBUG = 1", "django-debug", fault},
		{"DEBUG = 1 - 0", "django-debug", fault},
		{"DEBUG = False or True", "django-debug", fault},
		{"DEBUG = ON = True", "django-debug", fault},
		{"ON = True\nDEBUG = ON", "django-debug", fault},
		{"DEBUG: bool = (True)", "django-debug", fault},
		{"DEBUG = True; X = 1", "django-debug", fault},
		{"DEBUG = \\\n  True", "django-debug", fault},
		{"X = 1\rDEBUG = True\r", "django-debug", fault},
		{"\ufeffDEBUG = True", "django-debug", fault},
		{"'''\nDEBUG = True\n'''", "django-debug", fine},
		{"# DEBUG = True", "django-debug", fine},
		{"def f():\n    DEBUG = True", "django-debug", fine},
		{"DEBUG = True\nDEBUG = False", "django-debug", fine},
		{"DEBUG = True\nif True:\n    DEBUG = False", "django-debug", fine},
		{"DEBUG = os.environ.get('DEBUG') == '1'", "django-debug", fine},
		{"DEBUG = env.bool('DEBUG', default=False)", "django-debug", fine},
		{"DEBUG = bool(int(os.getenv('DEBUG', '0')))", "django-debug", fine},
		{"from decouple import config\nDEBUG = config('DEBUG', cast=bool)", "django-debug", fine},
		{"DEBUG = config('DEBUG', cast=bool)", "django-debug", untold},
		{"DEBUG = True if os.getenv('X') else False", "django-debug", fine},
		{"DEBUG = something()", "django-debug", untold},
		{"DEBUG = f'{x}' == 'y'", "django-debug", untold},
		{"import socket\nDEBUG = socket.gethostname() == 'laptop'", "django-debug", untold},
		{"if machine == 'x':\n    DEBUG = True\nelse:\n    DEBUG = False", "django-debug", untold},
		{"match machine:\n    case 1:\n        DEBUG = False", "django-debug", untold},
		{"DEBUG, X = True, 1", "django-debug", untold},
		{"globals()['DEBUG'] = True", "django-debug", untold},
		{"from company_settings import *", "django-debug", untold},
		{"exec(open('x').read())", "django-debug", untold},
		{"KEY = 'django-insecure-" + key + "'", "django-secret-key-insecure", fault},
		{"SECRET_KEY = 'short'", "django-secret-key-short", fault},
		{"KEY = '" + key + "'", "django-secret-key-literal", fault},
		{"KEY = '" + key[:30] + "' '" + key[30:] + "'", "django-secret-key-literal", fault},
		{"KEY = r'''" + key + "'''", "django-secret-key-literal", fault},
		{"KEY = '" + key + "'", "django-secret-key-short", fine},
		{"SECRET_KEY = open('/run/secrets/key').read().strip()", "django-secret-key-literal", fine},
		{"SECRET_KEY = Path('/run/key').read_text()", "django-secret-key-literal", fine},
		{"SECRET_KEY = f'{user}-{host}'", "django-secret-key-literal", untold},
		{"ALLOWED_HOSTS = ('*',)", "django-allowed-hosts-any", fault},
		{"ALLOWED_HOSTS = [host, '*']", "django-allowed-hosts-any", fault},
		{"ALLOWED_HOSTS = []\nALLOWED_HOSTS.append('*')", "django-allowed-hosts-any", fault},
		{"ALLOWED_HOSTS = []\nALLOWED_HOSTS += ['*']", "django-allowed-hosts-any", fault},
		{"ALLOWED_HOSTS = []", "django-allowed-hosts-empty", fault},
		{"", "django-allowed-hosts-empty", fault},
		{"ALLOWED_HOSTS = hosts()", "django-allowed-hosts-any", untold},
		{"SESSION_COOKIE_SECURE = True", "django-session-cookie-secure", fine},
		{"if not DEBUG:\n    SESSION_COOKIE_SECURE = True", "django-session-cookie-secure", untold},
		{"DEBUG = env('DEBUG')\nif not DEBUG:\n    SESSION_COOKIE_SECURE = True", "django-session-cookie-secure", fine},
		{"DEBUG = False\nif DEBUG:\n    pass\nelse:\n    SESSION_COOKIE_SECURE = True", "django-session-cookie-secure", fine},
		{"DEBUG = True\nif not DEBUG:\n    SESSION_COOKIE_SECURE = True", "django-session-cookie-secure", fault},
		{"try:\n    SESSION_COOKIE_SECURE = True\nexcept X:\n    pass", "django-session-cookie-secure", fine},
		{"SESSION_COOKIE_SAMESITE = 'None'", "django-session-cookie-samesite", fault},
		{"SESSION_COOKIE_SAMESITE = 'strict'", "django-session-cookie-samesite", fine},
		{"", "django-hsts-missing", fault},
		{"SECURE_HSTS_SECONDS = 0", "django-hsts-missing", fault},
		{"SECURE_HSTS_SECONDS = None", "django-hsts-missing", fault},
		{"SECURE_HSTS_SECONDS = 31_536_000", "django-hsts-short", fine},
		{"SECURE_HSTS_SECONDS = int(os.environ['S'])", "django-hsts-missing", fine},
		{"SECURE_HSTS_SECONDS = 0", "django-hsts-preload", fine},
		{"MIDDLEWARE = ['x'] + more", "django-middleware-csrf", untold},
		{"MIDDLEWARE = [*more, 'django.middleware.csrf.CsrfViewMiddleware']", "django-middleware-csrf", fine},
		{"MIDDLEWARE = [x for x in y]", "django-middleware-csrf", untold},
		{"MIDDLEWARE = ['django.middleware.csrf.CsrfViewMiddleware']\nMIDDLEWARE.remove('django.middleware.csrf.CsrfViewMiddleware')", "django-middleware-csrf", untold},
		{"MIDDLEWARE_CLASSES = ('django.middleware.csrf.CsrfViewMiddleware',)", "django-middleware-csrf", fine},
		{"PASSWORD_HASHERS = ('django.contrib.auth.hashers.BCryptSHA256PasswordHasher',)", "django-password-hasher", fine},
		{"PASSWORD_HASHERS = ['django.contrib.auth.hashers.UnsaltedSHA1PasswordHasher']", "django-password-hasher", fault},
		{"CORS_ORIGIN_ALLOW_ALL = True", "django-cors-any", fault},
		{"DATABASES = {'default': {'PASSWORD': 'pw'}}", "django-database-password", fault},
		{"DATABASES = dict(default=dict(PASSWORD='pw'))", "django-database-password", fault},
		{"DATABASES = {'default': {}}\nDATABASES['default']['PASSWORD'] = 'pw'", "django-database-password", fault},
		{"DATABASES = {'default': {'PASSWORD': ''}}", "django-database-password", fine},
		{"DATABASES = {'default': dj_database_url.config()}", "django-database-password", untold},
		{"DATABASES = {'default': env.db()}", "django-database-password", fine},
		{"X_FRAME_OPTIONS = 'sameorigin'", "django-frames", fine},
		{"SECURE_PROXY_SSL_HEADER = None", "django-proxy-header", fine},
	} {
		if rest, ok := strings.CutPrefix(c.source, "KEY ="); ok { // in the source of this test it would be taken for a secret
			c.source = "SECRET_KEY =" + rest
		}
		r := find(t, put(t, map[string]string{"shop/settings.py": c.source + "\nROOT_URLCONF = 'shop.urls'\n"}))
		if got := said(r, c.rule); got != c.want {
			t.Errorf("%q: %s is %d, want %d: %+v %v", c.source, c.rule, got, c.want, r.Findings, r.Unknowns)
		}
	}
}

// TestWhichFile: what serves is judged, with what it imports; what is for development or tests is not.
func TestWhichFile(t *testing.T) {
	const base, open = "ROOT_URLCONF = 'shop.urls'\n", "ROOT_URLCONF = 'shop.urls'\nDEBUG = True\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string // where django-debug is found; "": nowhere, "?": could not be told
	}{
		"one file":        {map[string]string{"shop/settings.py": open}, "shop/settings.py"},
		"by its content":  {map[string]string{"conf/site.py": open}, "conf/site.py"},
		"development":     {map[string]string{"shop/settings.py": base, "shop/settings_dev.py": open}, ""},
		"local":           {map[string]string{"settings/prod.py": base, "settings/local.py": open}, ""},
		"tests":           {map[string]string{"shop/settings.py": base, "tests/settings.py": open}, ""},
		"environment":     {map[string]string{"shop/settings.py": base, "venv/pyvenv.cfg": "", "venv/x/settings.py": open}, ""},
		"overridden":      {map[string]string{"settings/base.py": open, "settings/prod.py": "from .base import *\nDEBUG = False\n"}, ""},
		"inherited":       {map[string]string{"settings/base.py": open, "settings/prod.py": "from .base import *\n"}, "settings/base.py"},
		"by its path":     {map[string]string{"a/settings/base.py": open, "a/settings/prod.py": "from settings.base import *\n"}, "a/settings/base.py"},
		"local if there":  {map[string]string{"shop/settings.py": base + "try:\n    from .local_settings import *\nexcept ImportError:\n    pass\n", "shop/local_settings.py": open}, ""},
		"local at once":   {map[string]string{"shop/settings.py": base + "from .local_settings import *\n", "shop/local_settings.py": open}, "shop/local_settings.py"},
		"round and round": {map[string]string{"settings/a.py": "from .b import *\n" + base, "settings/b.py": "from .a import *\n" + base}, ""},
		"not Django":      {map[string]string{"shop/settings.py": "DEBUG = True\n"}, ""},
		"broken":          {map[string]string{"shop/settings.py": base + "DEBUG = 'True\n"}, "?"},
		"UTF-16":          {map[string]string{"shop/settings.py": "\xff\xfeD\x00E\x00"}, "?"},
		"Latin-1":         {map[string]string{"shop/settings.py": "# gr\xfc\xdfe\n" + open}, "shop/settings.py"},
	} {
		r := find(t, put(t, c.files))
		got := ""
		for _, f := range r.Findings {
			if f.Rule == "django-debug" {
				got = f.File
			}
		}
		if got == "" && c.want == "?" && len(r.Unknowns) > 0 {
			got = "?"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, r.Unknowns)
		}
	}
}

// TestOtherRules: servers of Node and Go, Flask and Dockerfiles, written in other ways than the planted ones.
func TestOtherRules(t *testing.T) {
	const web, tls = "package x\nimport \"net/http\"\n", "package x\nimport \"crypto/tls\"\n"
	const flask = "from flask import Flask\napp = Flask(__name__)\n"
	for _, c := range []struct {
		file, source, rule string
		want               answer
	}{
		{"a.js", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'", "node-tls-unverified", fault},
		{"a.js", "process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = 0", "node-tls-unverified", fault},
		{"a.js", "x({ rejectUnauthorized: !1 })", "node-tls-unverified", fault},
		{"a.js", "// rejectUnauthorized: false", "node-tls-unverified", fine},
		{"a.js", "const s = `rejectUnauthorized: false ${x({a: `b`})}`", "node-tls-unverified", fine},
		{"a.js", "x({ rejectUnauthorized: strict })", "node-tls-unverified", untold},
		{"a.js", "x({ rejectUnauthorized: process.env.STRICT !== 'no' })", "node-tls-unverified", fine},
		{"a.ts", "import cors from 'cors';\napp.use(cors({ origin: '*' }))", "express-cors-any", fault},
		{"a.ts", "import cors from 'cors';\napp.use(cors({ credentials: true, origin: true }))", "express-cors-any", fault},
		{"a.ts", "import cors from 'cors';\napp.use(cors(options))", "express-cors-any", untold},
		{"a.js", "const session = require('express-session');\nsession({ secret: key, cookie: {secure: true} })", "express-session-secret", untold},
		{"a.js", "const session = require('express-session');\nconst secret = process.env.KEY;\nsession({ secret, cookie: {secure: true} })", "express-session-secret", fine},
		{"a.js", "const session = require('express-session');\nconst secret = 'k';\nsession({ secret })", "express-session-secret", fault},
		{"a.js", "const session = require('express-session');\nsession({ ...rest })", "express-session-secure", untold},
		{"a.js", "const session = require('express-session');\nsession({ cookie: {...rest} })", "express-session-secure", untold},
		{"a.js", "const session = require('express-session');\nsession({ cookie: {secure: 'auto'} })", "express-session-secure", fine},
		{"a.js", "const e = require('express');\nconst app = e();\napp.set('x-powered-by', false)", "express-powered-by", fine},
		{"a.js", "const e = require('express');\nconst app = e('", "express-powered-by", untold},
		{"a_test.go", tls + "var _ = tls.Config{InsecureSkipVerify: true}", "go-tls-unverified", fine},
		{"a.go", tls + "func f(c *tls.Config) { c.InsecureSkipVerify = true }", "go-tls-unverified", fault},
		{"a.go", tls + "func f(b bool) *tls.Config { return &tls.Config{InsecureSkipVerify: b} }", "go-tls-unverified", untold},
		{"a.go", tls + "var _ = tls.Config{MinVersion: tls.VersionTLS12}", "go-tls-old", fine},
		{"a.go", "package x\nimport w \"net/http\"\nfunc f() { w.ListenAndServe(\":80\", nil) }", "go-plain-http", fault},
		{"a.go", web + "func f() { s := http.Server{}; s.ReadTimeout = 1 }", "go-server-timeouts", fine},
		{"a.go", web + "var c = http.Cookie{Secure: on, HttpOnly: true}", "go-cookie-secure", untold},
		{"a.go", web + "func f( {", "go-cookie-secure", untold},
		{"a.py", flask + "app.secret_key = 'k'", "flask-secret-key", fault},
		{"a.py", flask + "app.secret_key = os.urandom(32)", "flask-secret-key", fine},
		{"a.py", flask + "app.debug = True", "flask-debug", fault},
		{"a.py", flask + "app.run(debug=os.environ.get('D'))", "flask-run-debug", fine},
		{"a.py", flask + "app.run(debug=args.debug)", "flask-run-debug", untold},
		{"a.py", flask + "app.config.from_envvar('SETTINGS')", "flask-session-cookie-secure", untold},
		{"a.py", flask, "flask-session-cookie-secure", fault},
		{"a.py", flask + "app.config['PERMANENT_SESSION_LIFETIME'] = 3600", "flask-session-lifetime", fine},
		{"test_a.py", flask + "app.debug = True", "flask-debug", fine},
		{"Dockerfile", "FROM a:1\nUSER 0:0", "docker-root", fault},
		{"Dockerfile", "FROM a:1\nUSER $who", "docker-root", untold},
		{"Dockerfile", "FROM a:1\nARG who=app\nUSER $who", "docker-root", fine},
		{"Dockerfile", "FROM gcr.example/base:nonroot", "docker-root", fine},
		{"Dockerfile", "FROM a:1\nUSER app\nFROM b:1", "docker-root", fault},
		{"Dockerfile", "FROM reg:5000/a", "docker-latest", fault},
		{"Dockerfile", "FROM a:1@sha256:00", "docker-latest", fine},
		{"Dockerfile", "FROM scratch", "docker-latest", fine},
		{"Dockerfile", "FROM a:1\nENV DB_PASSWORD $PW", "docker-secret", fine},
		{"Dockerfile", "FROM a:1\nENV A=b \\\n# note\n DB_PASSWORD=pw", "docker-secret", fault},
	} {
		r := find(t, put(t, map[string]string{c.file: c.source + "\n"}))
		if got := said(r, c.rule); got != c.want {
			t.Errorf("%s %q: %s is %d, want %d: %+v %v", c.file, c.source, c.rule, got, c.want, r.Findings, r.Unknowns)
		}
	}
}

// hostile are sources that cost or break a careless reader, each with the line of the error; 0 is none.
var hostile = map[string]struct {
	source string
	line   int
}{
	"deep brackets":       {"DEBUG = " + strings.Repeat("[", 100_000), 1},
	"deep pairs":          {"X = 1\nDEBUG = " + strings.Repeat("(", 199) + strings.Repeat(")", 199), 0},
	"deep blocks":         {deepBlocks(500), 102},
	"deep unary":          {"DEBUG = " + strings.Repeat("- ", 50_000) + "1", 0},
	"deep powers":         {"DEBUG = " + strings.Repeat("2**", 50_000) + "1", 0},
	"deep choices":        {"DEBUG = " + strings.Repeat("1 if x else ", 100_000) + "1", 0},
	"long sum":            {"DEBUG = " + strings.Repeat("1+", 50_000) + "1", 0},
	"doubled lists":       {"X = [1]\n" + strings.Repeat("X = [*X, *X] + X\n", 10_000), 0},
	"doubled text":        {"X = 'aaaa'\n" + strings.Repeat("X = X + X\n", 10_000), 0},
	"string":              {"X = 1\nDEBUG = 'True\nY = 1\n", 2},
	"long string":         {"X = '''" + strings.Repeat("a\n", 100_000), 1},
	"bracket":             {"X = (\n" + strings.Repeat("1,\n", 10_000), 1},
	"wrong bracket":       {"X = (1]\n", 1},
	"indentation":         {"if x:\n        y = 1\n    z = 1\n", 3},
	"fields in fields":    {"X = " + strings.Repeat("f'{", 10_000), 1},
	"quotes in a field":   {"X = f'{x[\"a\"]:>10}' f\"{y:'>3}\"\n", 0},
	"one long line":       {strings.Repeat("x;", 50_000), 0},
	"many names":          {manyNames(10_000), 0},
	"only carriage":       {strings.Repeat("X = 1\r", 50_000), 0},
	"stars":               {strings.Repeat("from .nothing import *\n", 50_000), 0},
	"chain of attributes": {"X = a" + strings.Repeat(".b", 50_000), 0},
	"nested calls":        {"X = " + strings.Repeat("f(", 199) + strings.Repeat(")", 199) + "\n", 0},
}

func deepBlocks(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.Repeat(" ", i) + "if x:\n")
	}
	return out.String()
}

func manyNames(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString("N" + strings.Repeat("a", i%20) + " = globals\ndef f():\n    x = 1\n")
	}
	return out.String()
}

// TestHostile: hostile sources end in time, and what is broken is named with its line.
func TestHostile(t *testing.T) {
	for name, c := range hostile {
		began := time.Now()
		r := find(t, put(t, map[string]string{"shop/settings.py": c.source, "a.js": c.source + "\n'express'"}))
		line := 0
		for _, u := range r.Unknowns {
			if u.File == "shop/settings.py" && strings.Contains(u.Why, "mend") {
				line = u.Line
			}
		}
		if line != c.line {
			t.Errorf("%s: line %d, want %d: %v", name, line, c.line, r.Unknowns)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		} else if took > 2*time.Second {
			t.Logf("%s took %s", name, took)
		}
	}
}

// TestLarge: a file of 100 MB is read for its words alone; one that holds settings is named.
func TestLarge(t *testing.T) {
	dir := put(t, map[string]string{"shop/settings.py": "", "data.py": "", "huge.py": "", "big.py": ""})
	for name, size := range map[string]int64{"shop/settings.py": 3 << 20, "data.py": 3 << 20, "huge.py": 100<<20 + 1} {
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	r := find(t, dir)
	if len(r.Unknowns) != 2 || r.Unknowns[0].File != "huge.py" || r.Unknowns[1].File != "shop/settings.py" {
		t.Errorf("%v", r.Unknowns)
	}
}

// TestNothingLeadsOut: a link to settings elsewhere is not followed, and is named.
func TestNothingLeadsOut(t *testing.T) {
	outside := put(t, map[string]string{"settings.py": "DEBUG = True\nROOT_URLCONF = 'x'\n"})
	dir := put(t, map[string]string{"x.txt": ""})
	if err := os.Symlink(filepath.Join(outside, "settings.py"), filepath.Join(dir, "settings.py")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	if r := find(t, dir); len(r.Findings) > 0 || len(r.Unknowns) != 1 {
		t.Errorf("%+v %v", r.Findings, r.Unknowns)
	}
}

// FuzzPython: no source makes the reader fail, and tokens stand in order within the source.
func FuzzPython(f *testing.F) {
	for _, c := range hostile {
		if len(c.source) < 10_000 {
			f.Add([]byte(c.source))
		}
	}
	for _, name := range []string{"django/open/shop/settings/prod.py", "django/open/shop/settings/base.py", "flask/open/app.py", "express/open/server.js"} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	root, err := os.OpenRoot(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s := &search{root: root, modules: map[string]*module{}, flask: flask{classes: map[string]*class{}}}
		s.servers = server.New(&s.list)
		s.python("settings.py", src)
		s.servers.Script("a.js", src)
		s.servers.Docker("Dockerfile", src)
		s.servers.Go("a.go", src)
		s.django()
		s.judgeFlask()
		s.servers.Judge()
		toks, err := source.Python(src)
		last := int32(1)
		for _, x := range toks {
			if x.Line < last && x.Kind != source.String && x.Kind != source.Formed || int(x.Pair) >= len(toks) {
				t.Fatalf("line %d behind %d", x.Line, last)
			}
			last = max(last, x.Line)
		}
		if err == nil && toks[len(toks)-1].Kind != source.End {
			t.Fatal("no end")
		}
	})
}
