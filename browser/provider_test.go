package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const providerDir = "../internal/identity/oidc/testdata/provider"

// club starts npm oidc-provider on 127.0.0.1, which to a browser is another site than localhost, and a service that knows it as The Club.
func club(t *testing.T) *service {
	t.Helper()
	if _, err := os.Stat(filepath.Join(providerDir, "node_modules", "oidc-provider")); err != nil {
		t.Fatal("npm oidc-provider is missing: npm --prefix internal/identity/oidc/testdata/provider ci --ignore-scripts")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := neighbour.pem()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "provider.mjs")
	cmd.Dir, cmd.Stderr = providerDir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	settings, _ := json.Marshal(map[string]string{"cert": string(cert), "key": string(key), "secret": "a secret of the client",
		"redirect": fmt.Sprintf("https://localhost:%d/auth/oidc/club/callback", port)})
	fmt.Fprintf(in, "%s\n", settings)
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider does not start: %v", err)
	}
	secret := filepath.Join(t.TempDir(), "club.secret")
	if err := os.WriteFile(secret, []byte("a secret of the client\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := serveOn(port, app.cmd.Path, t.TempDir(), app.config, "testdata/fastness.yaml", fmt.Sprintf("providers:\n  club: {label: The Club, issuer: %q, client_id: fastness, client_secret: \"${file:%s}\", ca: %q, private: [127.0.0.0/8]}\n",
		strings.TrimSpace(issuer), secret, neighbour.file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// enter signs somebody in on the provider's page, and says yes to what the provider asks before it sends him back.
func (w *tab) enter(login string) {
	w.t.Helper()
	w.do(chromedp.WaitVisible(`input[name="login"]`, chromedp.ByQuery))
	if strings.HasPrefix(w.url(), w.app.base) {
		w.t.Fatalf("at %s, want the provider's page", w.where())
	}
	w.do(chromedp.SendKeys(`input[name="login"]`, login, chromedp.ByQuery), chromedp.SendKeys(`input[name="password"]`, "any", chromedp.ByQuery))
	// As another person than before he is signed out there first, by a page that goes on by itself.
	w.do(click(`button[type="submit"]`), chromedp.WaitReady(`input[name="prompt"][value="consent"], main`, chromedp.ByQuery))
	if !strings.HasPrefix(w.url(), w.app.base) {
		w.follow(`//button[@type="submit"]`)
	}
}

// TestProvider is the life of a link: made from the page of a person who is signed in, a way in from then on, and a proof that it is still
// him, for which the provider asks him again and takes nobody else; unlinked, it is gone.
func TestProvider(t *testing.T) {
	w := openAt(t, club(t))
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("axe-core is missing: npm ci in browser/")
	}
	rita := invited(t, w, "rita@clinic.example", "patient")
	rita.signIn(w)
	w.visit("/account/factors")
	w.says("not linked")
	w.press("Link")
	w.says("Link a provider?")
	w.press("Go to the provider")
	w.enter("ben")
	w.at("/account/factors")
	w.says("The Club")
	w.judge(string(axe), "en the page of a linked provider")

	signOut(w)
	w.press("Continue with The Club") // where she is still signed in
	w.at("/account/")
	w.says("rita@clinic.example")

	w.visit("/account/step-up?return=%2Faccount%2Femail")
	w.judge(string(axe), "en proving again with a provider")
	w.press("Prove it with The Club")
	w.enter("ann")
	w.at("/account/step-up?return=%2Faccount%2Femail&error=another_person")
	w.says("You at this provider are not the person")
	w.press("Prove it with The Club")
	w.enter("ben")
	w.at("/account/email")

	w.visit("/account/factors/providers/club/remove")
	w.press("Unlink")
	w.at("/account/factors")
	w.says("not linked")
}
