package fastness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckJudgesWhatServes: where this machine is to serve, a check refuses what the start of a server refuses, in the same words; elsewhere it
// warns of what is absent here.
func TestCheckJudgesWhatServes(t *testing.T) {
	const head = "version: 1\nservice: {name: x, host: x.example, origin: \"https://x.example\"}\nsign_up: {mode: closed}\n"
	for name, c := range map[string]struct {
		more, env, want string
		elsewhere       bool // whether it is only a warning elsewhere
	}{
		"no certificate": {"", "production", "production needs a certificate", true},
		"absent":         {"tls: {certificate: away.pem, key: key.pem}\n", "production", "away.pem: no such file", true},
		"no key":         {"tls: {certificate: crt.pem, key: away.pem}\n", "production", "away.pem: no such file", true},
		"unfit":          {"tls: {certificate: crt.pem, key: key.pem}\n", "production", "tls certificate", false},
		"leaked":         {"password: {breached: away.txt}\n", "development", "away.txt: no such file", true},
		"development":    {"tls: {certificate: away.pem, key: key.pem}\n", "development", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("XDG_CONFIG_HOME", dir)
			for file, text := range map[string]string{"fastness.yaml": head + c.more, "crt.pem": "none", "key.pem": "none"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Check(dir, Options{Environment: c.env, Serving: true})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("here: %v, want %q", err, c.want)
			}
			a, started := Open(dir, Options{Environment: c.env, Serving: true})
			if started == nil {
				a.Close()
			}
			if (started == nil) != (err == nil) || err != nil && started.Error() != err.Error() {
				t.Errorf("check says %v, the start %v", err, started)
			}
			p, err := Check(dir, Options{Environment: c.env})
			if (err == nil) != c.elsewhere {
				t.Fatalf("elsewhere: %v", err)
			}
			if err == nil && c.want != "" && !strings.Contains(strings.Join(p.Warnings, "\n"), c.want) {
				t.Errorf("elsewhere it warns of %q", p.Warnings)
			}
		})
	}
}
