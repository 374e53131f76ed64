package secret

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	own   = "0123456789abcdefghijklmnopqrstuv"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// invented is a text that no issuer ever gave out; the same seed gives the same.
func invented(seed uint64, n int, of string) string {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = of[r.IntN(len(of))]
	}
	b[n/2] = '7' // a digit, whatever the seed
	return string(b)
}

// planted are the secrets: where, which rule, the value, and the text around it. No value stands in this file as a whole.
func planted() []struct{ path, rule, value, before, after string } {
	return []struct{ path, rule, value, before, after string }{
		{"app/a.py", "fastness-token", "fst" + "_" + invented(1, 52, own), "call('", "')\n"},
		{"deploy/root.key", "fastness-root-key", invented(2, 64, "0123456789abcdef"), "", "\n"},
		{"tls/host.pem", "private-key", invented(3, 200, alnum), "-----BEGIN " + "PRIVATE KEY-----\n", "\n-----END " + "PRIVATE KEY-----\n"},
		{"cred.ini", "aws-key", "AK" + "IA" + strings.ReplaceAll(invented(4, 16, upper), "8", "B"), "\nid = ", "\n"},
		{"aws.ini", "aws-secret", invented(5, 40, alnum+"+/"), "aws_secret_access_key = ", "\n"},
		{"ci.sh", "github-token", "gh" + "p_" + invented(6, 36, alnum), "export T=", "\n"},
		{"ci/lab.yml", "gitlab-token", "glp" + "at-" + invented(7, 20, alnum), "x: ", "\n"},
		{"bot.js", "slack-token", "xo" + "xb-" + invented(8, 30, alnum), "say('", "')"},
		{"hook.js", "slack-webhook", "T" + invented(9, 8, upper) + "/B" + invented(10, 8, upper) + "/" + invented(11, 24, alnum), "'https://hooks.slack.com/services/", "'"},
		{"pay.go", "stripe-key", "sk" + "_live_" + invented(12, 24, alnum), "k := `", "`\n"},
		{"map.html", "google-key", "AI" + "za" + invented(13, 35, alnum), "?key=", "&x"},
		{"oauth.json", "google-oauth-secret", "GOC" + "SPX-" + invented(14, 28, alnum), `{"s":"`, `"}`},
		{"az.cfg", "azure-storage-key", invented(15, 86, alnum) + "==", "AccountName=a;AccountKey=", ";\n"},
		{"az2.cfg", "azure-client-secret", "aB3" + "8Q~" + invented(16, 34, alnum), "v: ", "\n"},
		{"n.txt", "npm-token", "np" + "m_" + invented(17, 36, alnum), "t ", "\n"},
		{".npmrc", "npm-auth", invented(18, 36, alnum), "//r.test/:_authToken=", "\n"},
		{".pypirc", "pypi-token", "py" + "pi-Ag" + invented(19, 80, alnum), "password: ", "\n"},
		{"jwt.txt", "jwt", "ey" + "J" + invented(20, 30, alnum) + ".ey" + "J" + invented(21, 40, alnum) + "." + invented(22, 43, alnum), "Bearer ", "\n"},
		{"db.env", "url-password", invented(23, 12, alnum), "postgres://shop:", "@db.internal/shop\n"},
		{"settings.py", "django-secret-key", invented(24, 50, alnum+"#(-&"), "SECRET_KEY = '", "'\n"},
		{"mail.rb", "password-assigned", invented(25, 14, alnum), `smtp_password = "`, "\"\n"},
		{"any.toml", "secret-assigned", invented(26, 32, alnum), `client_secret = "`, "\"\n"},
	}
}

// repo is a repository of a test.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) repo {
	t.Helper()
	r := repo{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@a.test",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@a.test")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repo) write(name, text string) {
	r.t.Helper()
	at := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r repo) commit() string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "x")
	return r.git("rev-parse", "HEAD")
}

func find(t *testing.T, dir string) ([]Finding, Report) {
	t.Helper()
	got, report, err := Find(context.Background(), Config{Root: dir, History: true})
	if err != nil {
		t.Fatal(err)
	}
	return got, report
}

// TestPlantedSecretsAreFoundOnce: in the tree, in the past of a branch, and in commits that no branch leads to any more.
func TestPlantedSecretsAreFoundOnce(t *testing.T) {
	r := newRepo(t)
	r.write("README", "hello\n")
	r.commit()
	all := planted()
	came, gone := map[string]string{}, map[string]string{}
	for i, p := range all {
		r.write(p.path, "# text\n"+p.before+p.value+p.after)
		if p.rule == "fastness-root-key" {
			r.write(p.path, p.value+p.after)
		}
		came[p.path] = r.commit()
		switch i % 3 {
		case 1:
			r.git("rm", "-q", p.path)
			gone[p.path] = r.commit()
		case 2:
			r.git("reset", "-q", "--hard", "HEAD~1")
		}
	}
	r.git("reflog", "expire", "--expire=now", "--all")
	got, report := find(t, r.dir)
	if len(report.Unknowns) != 0 {
		t.Errorf("unknown: %v", report.Unknowns)
	}
	if len(got) != len(all) {
		t.Errorf("%d findings for %d secrets", len(got), len(all))
	}
	shown := fmt.Sprintf("%#v %+v %v", got, got, report)
	for _, p := range all {
		n := 0
		for _, f := range got {
			if f.Path == p.path {
				n++
				if f.Rule != p.rule || f.Commit != came[p.path] || f.RemovedIn != gone[p.path] || f.Rotate == "" {
					t.Errorf("%s: %+v; want rule %s, commit %s, removed in %q", p.path, f, p.rule, came[p.path], gone[p.path])
				}
			}
		}
		if n != 1 {
			t.Errorf("%s (%s) was found %d times", p.path, p.rule, n)
		}
	}
	for _, p := range all {
		if strings.Contains(shown, p.value) || strings.Contains(shown, p.value[len(p.value)/2:]) {
			t.Errorf("the value of %s is shown", p.path)
		}
	}
}

// TestHardenedProjectIsSilent: what is read from elsewhere, what documents write, and what only looks random.
func TestHardenedProjectIsSilent(t *testing.T) {
	r := newRepo(t)
	for name, text := range map[string]string{
		"settings.py":  "SECRET_KEY = os.environ['DJANGO_SECRET_KEY']\nDATABASE_URL = env('DATABASE_URL')\npassword = os.getenv('DB_PASSWORD_1')\n",
		"prod.py":      "SECRET_KEY = config('SECRET_KEY')\nSECRET_KEY = get_secret_value_for_the_shop(name)\n",
		"compose.yml":  "DATABASE_URL: postgres://shop:${DB_PASSWORD}@db/shop\nAWS_SECRET_ACCESS_KEY: ${AWS_SECRET_ACCESS_KEY}\n",
		"README.md":    "postgres://user:password@localhost/db\nAKIA" + "IOSFODNN7EXAMPLE\nexport API_KEY=your-api-key-goes-here-1\nhttp://host:8080/@x\n",
		"package.json": `{"integrity": "sha512-` + invented(40, 86, alnum) + `==", "name": "token-bucket"}`,
		"go.sum":       "example.test/x v1.0.0 h1:" + invented(41, 43, alnum) + "=\n",
		"public.pem":   "-----BEGIN PUBLIC KEY-----\n" + invented(42, 200, alnum) + "\n-----END PUBLIC KEY-----\n",
		"form.html":    `<input type="password" name="password" value=""> <script>const password = "password1"</script>`,
		"code.go":      "token := tokens.Issue(ctx, account2)\nsecretName := \"database-password\"\nconst resetTokenPath = \"/auth/reset/v2\"\n",
		"sum.txt":      invented(43, 64, "0123456789abcdef") + "\n",
	} {
		r.write(name, text)
	}
	r.commit()
	got, report := find(t, r.dir)
	if len(got) != 0 || len(report.Unknowns) != 0 || report.Files < 9 || report.Blobs < 9 {
		t.Errorf("findings %+v, report %+v", got, report)
	}
}

// TestEncodingsAndKindsOfFiles: other encodings are read, binary files are not, large ones are unknown, links are not followed.
func TestEncodingsAndKindsOfFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.ini")
	key := "AK" + "IA" + invented(50, 16, "ABCDEFGHIJKLMNOP")
	key = strings.ReplaceAll(key, "7", "3")
	if err := os.WriteFile(outside, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRepo(t)
	wide := "\xff\xfe"
	for _, c := range key {
		wide += string(c) + "\x00"
	}
	r.write("wide.txt", wide)
	r.write("latin.txt", "caf\xe9 \xff "+key+"\n")
	r.write("image.bin", "\x00\x01 "+key+"\n")
	r.write("large.txt", strings.Repeat("a line\n", maxBytes/7+1)+key)
	if err := os.Symlink(outside, filepath.Join(r.dir, "link.ini")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(".", filepath.Join(r.dir, "loop")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	got, report := find(t, r.dir)
	if len(got) != 2 || got[0].Path != "latin.txt" || got[1].Path != "wide.txt" {
		t.Errorf("findings %+v", got)
	}
	if why := fmt.Sprint(report.Unknowns); len(report.Unknowns) != 2 || !strings.Contains(why, "large.txt") || !strings.Contains(why, "1 texts") {
		t.Errorf("unknown %s; want the large file, in the tree and in the history", why)
	}
}

// TestTheHookKnowsNothingMore: what the commit hook of new projects refuses, a rule finds.
func TestTheHookKnowsNothingMore(t *testing.T) {
	hook, err := os.ReadFile("../../../cmd/fastness/precommit.sh")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`'\(([a-zA-Z_|\[\]]+)\)\[-_A-Za-z0-9\]\{12,\}'`).FindSubmatch(hook)
	if m == nil {
		t.Fatal("the hook lists its prefixes in another form")
	}
	between := map[string]string{"ghp": "_", "gho": "_", "github_pat": "_", "glpat": "-", "xox[abps]": "-", "sk_live": "_", "rk_live": "_"}
	for prefix := range strings.SplitSeq(string(m[1]), "|") {
		value := strings.ReplaceAll(prefix, "[abps]", "p") + between[prefix] + invented(60, 45, alnum)
		if between[prefix] == "" {
			value = prefix + strings.ReplaceAll(invented(60, 16, upper), "8", "A")
		}
		if got := look([]byte("x " + value + "\n")); len(got) != 1 {
			t.Errorf("%s: %d rules find it", prefix, len(got))
		}
	}
	if !bytes.Contains(hook, []byte("'fst_[0-9a-v]{52}'")) || len(look([]byte("fst"+"_"+invented(61, 52, own)))) != 1 {
		t.Error("tokens of this backend are not known to both")
	}
}
