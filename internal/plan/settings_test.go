package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

func compile(t *testing.T, text, env string) (*plan.Plan, error) {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte("version: 1\n"+text), env)
	if err != nil {
		return nil, err
	}
	return plan.Compile(f, env)
}

// TestWeakSettingsNeedAReason: what falls short of the level, or is no safe setting at all, is refused with its line, and what may be
// weaker for a reason is listed with it.
func TestWeakSettingsNeedAReason(t *testing.T) {
	for text, want := range map[string]string{
		"service: {name: x, host: x.example, level: 2}\nsession: {idle: 2h}":              "fastness.yaml:3:10: session.idle is weaker",
		"service: {name: x, host: x.example, level: 3}\nsession: {absolute: 13h}":         "fastness.yaml:3:10: session.absolute is weaker",
		"service: {name: x, host: x.example}\nsession: {absolute: 31d}":                   "fastness.yaml:3:10: session.absolute is weaker",
		"service: {name: x, host: x.example}\npassword: {min: 14}":                        "fastness.yaml:3:11: password.min is weaker",
		"service: {name: x, host: x.example}\npassword: {min: 7}":                         "fastness.yaml:3:17:",
		"service: {name: x, host: x.example}\npassword: {compose: [digit]}":               "fastness.yaml:3:11: composition",
		"service: {name: x, host: x.example}\nsign_up: {mode: open}":                      "fastness.yaml:3:10: open sign-up needs verify",
		"service: {name: x, host: x.example}\norigins: [\"*\"]":                           "fastness.yaml:3:11: an origin is exact",
		"service: {name: x, origin: \"http://x.example\"}":                                "fastness.yaml:2:10: origin is what the world sees",
		"service: {name: x, origin: \"https://x.example:443\"}":                           "fastness.yaml:2:10: origin is what the world sees",
		"service: {name: x, origin: \"https://x.example/\"}":                              "fastness.yaml:2:10: origin is what the world sees",
		"service: {name: x, host: y.example, origin: \"https://x.example\"}":              "fastness.yaml:2:10: origin and host name two hosts",
		"service: {name: x, host: x.example}\norigins: [\"http://localhost:3000\"]":       "fastness.yaml:3:11: http://localhost:3000 is a dev server's origin",
		"service: {name: x, host: x.example}\norigins: [\"http://a.example\"]":            "fastness.yaml:3:11: an origin is exact",
		"service: {name: x, host: x.example}\norigins: [\"https://*.a.example\"]":         "fastness.yaml:3:11: an origin is exact",
		"service: {name: x, host: x.example}\nproxies: [everybody]":                       "fastness.yaml:3:11: a proxy is an address",
		"service: {name: x, host: x.example}\nstore: \"postgres://u:pw@db.example/x\"":    "fastness.yaml:3:8: store is sqlite or a reference",
		"service: {name: x, host: x.example}\nkeys: {root: \"c2VjcmV0\"}":                 "fastness.yaml:3:14: the root key is",
		"service: {name: x, host: x.example}\nmail: {smtp: \"smtp://u:pw@mail.example\"}": "fastness.yaml:3:14: a secret does not belong",
		"service: {name: x, host: x.example}\nenv: {production: {debug: true}}":           "fastness.yaml:3:20: unknown word",
		"service: {name: x, host: x.example}\nenv: {production: {roles: {admin: {}}}}":    "fastness.yaml:3:20: unknown word",
		"service: {name: x}": "fastness.yaml:2:10: production needs the name",
	} {
		if _, err := compile(t, text, "production"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n-> %v\nwant %s", text, err, want)
		}
	}
	p, err := compile(t, "service: {name: x, host: x.example, level: 3}\nsession: {absolute: 13h, because: a long shift}\npassword: {min: 12, because: the old front end}\n", "production")
	if err != nil {
		t.Fatal(err)
	}
	weak := map[string]string{}
	for _, s := range p.Settings {
		if s.Weaker != "" {
			weak[s.Name] = s.Weaker
		}
	}
	if len(weak) != 2 || !strings.Contains(weak["session.absolute"], "12h; because: a long shift") || !strings.Contains(weak["password.min"], "15 characters; because: the old front end") {
		t.Errorf("listed as weaker: %v", weak)
	}
}

// TestSettingsAreWhatRuns: what is printed is what the rooms are given, declared or not, and follows the level.
func TestSettingsAreWhatRuns(t *testing.T) {
	for level, want := range map[string]struct {
		idle, absolute string
		span           time.Duration
	}{"1": {"30m", "12h", 30 * time.Minute}, "2": {"30m", "12h", 30 * time.Minute}, "3": {"15m", "12h", 15 * time.Minute}} {
		p, err := compile(t, "service: {name: x, host: x.example, level: "+level+"}\nlimits: {per_account: 7/s}\n", "production")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]plan.Setting{}
		for _, s := range p.Settings {
			if _, twice := got[s.Name]; twice || s.Value == "" || s.Source == "" {
				t.Errorf("%+v", s)
			}
			got[s.Name] = s
		}
		if got["session.idle"].Value != want.idle || got["session.absolute"].Value != want.absolute || p.Decl.Session.Idle != want.span {
			t.Errorf("level %s: %+v, %v", level, got, p.Decl.Session)
		}
		if s := got["limits.per_account"]; s.Value != "7/s" || s.Source != "declared" || p.Decl.Limits.PerAccount != (decl.Rate{Count: 7, Per: time.Second}) {
			t.Errorf("%+v, %v", s, p.Decl.Limits)
		}
		if s := got["limits.per_address"]; s.Value != "60000/m" || s.Source != "default" || p.Decl.Limits.PerAddress.Count != 60000 {
			t.Errorf("%+v, %v", s, p.Decl.Limits)
		}
	}
}

// TestOriginOfTheService: the origin that the world sees gives the host its name, and stands alone for the host where nothing else is said;
// a dev server's origin is good in development.
func TestOriginOfTheService(t *testing.T) {
	for text, want := range map[string][2]string{"host: x.example": {"x.example", "https://x.example"}, `origin: "https://x.example:8443"`: {"x.example", "https://x.example:8443"},
		`host: x.example, origin: "https://x.example:8443"`: {"x.example", "https://x.example:8443"}} {
		p, err := compile(t, "service: {name: x, "+text+"}\n", "production")
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{p.Decl.Service.Host, p.Decl.Service.Seen()}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if _, err := compile(t, "service: {name: x, host: x.example}\norigins: [\"http://localhost:3000\", \"http://127.0.0.1:5173\", \"http://[::1]:80\"]\n", "development"); err != nil {
		t.Error(err)
	}
}
