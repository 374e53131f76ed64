package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/mail/mailtest"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

const mailDeclaration = `version: 1
service: {name: Clinic, host: clinic.example}
data: ./data
store: %s
tls: {certificate: cert.pem, key: key.pem}
sign_up: {mode: open, roles: [member], verify: email}
mail: {from: "Clinic <no-reply@clinic.example>", smtp: "${file:%s}"}
roles:
  member: {}
`

// clinic is a built server in production, and the SMTP server that it hands letters to.
type clinic struct {
	*press
	post *mailtest.Server
	said *locked
	seen int
}

// startClinic starts a clinic on a database ("" is SQLite).
func startClinic(t *testing.T, database string) *clinic {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "smtp")
	store := "sqlite"
	if database != "" {
		store = `"${env:DATABASE_URL}"`
	}
	c := &clinic{press: newServer(t, fmt.Sprintf(mailDeclaration, store, secret), "DATABASE_URL="+database), said: &locked{}}
	c.post = mailtest.Start(t, mailtest.Config{Implicit: true, User: "clinic", Password: "open sesame"})
	save(t, secret, []byte("smtps://clinic:open%20sesame@localhost:"+c.post.Port))
	root := make([]byte, 32)
	rand.Read(root)
	save(t, filepath.Join(c.dir, "fastness-root"), []byte(hex.EncodeToString(root)))
	c.env = append(c.env, "CREDENTIALS_DIRECTORY="+c.dir, "SSL_CERT_FILE="+filepath.Join(c.dir, "authority.pem"))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), DNSNames: []string{"clinic.example"}}
	der, err := x509.CreateCertificate(rand.Reader, pub, pub, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(c.dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	save(t, filepath.Join(c.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	address := strings.TrimPrefix(c.base, "https://localhost")
	c.base = "https://clinic.example"
	c.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test of certificates is edge's
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1"+address)
		}}
	c.production()
	return c
}

// production starts the server and waits until it answers.
func (c *clinic) production() {
	c.Helper()
	save(c.T, filepath.Join(c.dir, "authority.pem"), c.post.PEM)
	c.cmd = exec.Command(c.bin, "serve", "--no-access-log", "--no-calibrate", c.dir)
	c.cmd.Env, c.cmd.Stderr = c.env, c.said
	if err := c.cmd.Start(); err != nil {
		c.Fatal(err)
	}
	cmd := c.cmd
	c.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if resp, err := c.client.Get(c.base + "/openapi.json"); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.Fatalf("the server does not answer:\n%s", c.said)
}

var tokenForm = regexp.MustCompile(`https://clinic\.example/account/([a-z/-]+)\?token=([0-9a-v]+)`)

// letters waits for n new letters and returns them by address and subject. It waits for more than two minutes: so long is a
// letter leased that the killed process had in hand.
func (c *clinic) letters(n int) map[string]mailtest.Parsed {
	c.Helper()
	for range 9000 {
		if got := c.post.Letters(); len(got) >= c.seen+n {
			out := map[string]mailtest.Parsed{}
			for _, l := range got[c.seen : c.seen+n] {
				p := l.Parse(c.T)
				if !l.TLS || l.User != "clinic" {
					c.Errorf("a letter came without TLS or sign-in: %+v", l)
				}
				out[l.To+" "+p.Subject] = p
			}
			if c.seen += n; len(out) == n {
				return out
			}
			c.Fatalf("%d letters of %d: %v", len(out), n, slices.Collect(maps.Keys(out)))
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.Fatalf("%d letters, want %d more than %d:\n%s", len(c.post.Letters()), n, c.seen, c.said)
	return nil
}

// link takes a link of ours out of a letter: the page it leads to and its secret.
func (c *clinic) link(p mailtest.Parsed) (page, secret string) {
	c.Helper()
	m := tokenForm.FindStringSubmatch(p.Text)
	if m == nil {
		c.Fatalf("no link in %q", p.Text)
	}
	if !strings.Contains(p.HTML, m[0]) {
		c.Errorf("the HTML form has another link: %q", p.HTML)
	}
	return m[1], m[2]
}

// follow takes a letter's link to its page, as a browser does, and then its secret to the endpoint.
func (c *clinic) follow(status int, p mailtest.Parsed, endpoint, more string) {
	c.Helper()
	page, secret := c.link(p)
	resp, err := c.client.Get(c.base + "/account/" + page + "?token=" + secret)
	if err != nil {
		c.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		c.Errorf("the page /account/%s answers %d", page, resp.StatusCode)
	}
	c.want(status, "", "POST", endpoint, `{"token": "`+secret+`"`+more+`}`)
}

// TestLettersOfALife: in production, over real SMTP with TLS, on both databases: sign-up, the same address again, recovery, a move to
// another address, an invitation, "this was not me"; the server of mail goes away and comes back, and the process is killed meanwhile.
func TestLettersOfALife(t *testing.T) {
	t.Parallel() // it mostly waits, for letters and for the next try
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		lettersOfALife(startClinic(t, ""))
	})
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			lettersOfALife(startClinic(t, scratchDatabase(t)))
		})
	}
}

func lettersOfALife(c *clinic) {
	const password = "kettle of seven grey herons"
	in := func(who, password string) {
		c.Helper()
		c.tokens[who], _ = c.want(200, "", "POST", "/auth/sign-in", `{"email": "`+who+`", "password": "`+password+`", "transport": "bearer"}`)["token"].(string)
	}
	signUp := func(who string) {
		c.Helper()
		if got := c.want(202, "", "POST", "/auth/sign-up", `{"email": "`+who+`", "password": "`+password+`"}`); len(got) != 1 || got["status"] != "check_mail" {
			c.Errorf("sign-up answers %v", got)
		}
	}
	signUp("ann@example.org")
	c.follow(200, c.letters(1)["ann@example.org Confirm your address for Clinic"], "/auth/sign-up/confirm", `, "password": "`+password+`"`)
	in("ann@example.org", password)
	signUp("ann@example.org")
	if p := c.letters(1)["ann@example.org You already have an account at Clinic"]; p.Text == "" || tokenForm.MatchString(p.Text) {
		c.Errorf("to an address that has an account: %q", p.Text)
	}
	for _, who := range []string{"nobody@example.org", "ann@example.org"} {
		if got := c.want(202, "", "POST", "/auth/recover", `{"email": "`+who+`"}`); len(got) != 1 || got["status"] != "check_mail" {
			c.Errorf("recovery answers %v", got)
		}
	}
	c.follow(200, c.letters(1)["ann@example.org Choose a new password for Clinic"], "/auth/recover/confirm", `, "password": "a new password of mine"`)
	c.letters(1)
	in("ann@example.org", "a new password of mine")
	if p := c.letters(1)["ann@example.org New sign-in to Clinic"]; !strings.Contains(p.Text, "https://clinic.example/account/lock/confirm?token=") {
		c.Errorf("the notice of a new device: %q", p.Text)
	}
	c.want(202, "ann@example.org", "POST", "/auth/email", `{"email": "ann@new.example"}`)
	both := c.letters(2)
	c.follow(200, both["ann@new.example Confirm your new address for Clinic"], "/auth/email/confirm", "")
	if p := both["ann@example.org Your account at Clinic is to move to another address"]; strings.Contains(p.Text, "new.example") {
		c.Error("the notice tells the new address")
	}
	moved := c.letters(1)["ann@example.org Your account at Clinic has moved to another address"]
	c.tokens["ann@new.example"] = c.tokens["ann@example.org"]
	c.follow(200, moved, "/auth/lock/confirm", "")
	c.want(401, "", "POST", "/auth/sign-in", `{"email": "ann@new.example", "password": "a new password of mine"}`)
	if out := c.run("users", "invite", "bob@example.org", "--role", "member"); strings.Contains(out, "token=") {
		c.Errorf("production prints the link: %s", out)
	}
	c.follow(200, c.letters(1)["bob@example.org Your invitation to Clinic"], "/auth/enrol", `, "password": "`+password+`"`)
	c.want(401, "", "GET", "/dev/mail", "")

	c.post.Stop()
	signUp("late@example.org") // nobody waits for the server
	in("bob@example.org", password)
	for range 100 {
		if strings.Contains(c.said.String(), "could not be sent yet") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.post, c.seen = mailtest.Start(c.T, mailtest.Config{Implicit: true, Address: c.post.Addr, User: "clinic", Password: "open sesame"}), 0
	c.production()
	c.follow(200, c.letters(1)["late@example.org Confirm your address for Clinic"], "/auth/sign-up/confirm", `, "password": "`+password+`"`)
	for _, word := range []string{"example.org", "new.example", "token=", "sesame"} {
		if strings.Contains(c.said.String(), word) {
			c.Errorf("%q is in the log:\n%s", word, c.said)
		}
	}
}

// TestLettersOfDevelopment: what development would have sent is shown at /dev/mail; the HTML form stands in a sandbox.
func TestLettersOfDevelopment(t *testing.T) {
	t.Parallel()
	p := startPress(t, "")
	p.want(202, "", "POST", "/auth/sign-up", `{"email": "new@press.example", "password": "kettle of seven grey herons"}`)
	get := func(path string) (string, http.Header) {
		t.Helper()
		resp, err := p.client.Get(p.base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
		}
		return string(text), resp.Header
	}
	one := regexp.MustCompile(`/dev/mail/([0-9a-v]{26})"`)
	for range 100 {
		list, _ := get("/dev/mail")
		m := one.FindStringSubmatch(list)
		if m == nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		letter, header := get("/dev/mail/" + m[1])
		if !strings.Contains(letter, `<a href="`+p.base+`/account/confirm?token=`) || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the letter: %v %s", header, letter)
		}
		html, header := get("/dev/mail/" + m[1] + "/html")
		if csp := header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.HasPrefix(csp[0], "sandbox; default-src 'none';") || !strings.Contains(html, "Confirm your address") {
			t.Errorf("its HTML: %v %s", csp, html)
		}
		return
	}
	t.Fatal("no letter is shown")
}

// TestOpenSignUpNeedsAMailer: production with open sign-up starts exactly when a mailer is declared and complete.
func TestOpenSignUpNeedsAMailer(t *testing.T) {
	t.Parallel()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	head := "version: 1\nservice: {name: Clinic, host: clinic.example}\n"
	for text, want := range map[string]string{
		head + "sign_up: {mode: open, verify: email}\n":                                                                "add mail:",
		head + "sign_up: {mode: open, verify: email}\nmail: {from: \"a@clinic.example\"}\n":                            "add mail:",
		head + "mail: {from: \"a@clinic.example\"}\n":                                                                  "no server",
		head + "mail: {smtp: \"${env:SMTP_URL}\"}\n":                                                                   "fastness.yaml:3:",
		head + "mail: {from: \"not an address\", smtp: \"${env:SMTP_URL}\"}\n":                                         "fastness.yaml:3:",
		head + "mail: {from: \"a@clinic.example\", smtp: \"smtp://u:hunter2@mail.example\"}\n":                         "a secret does not belong",
		head + "sign_up: {mode: open, verify: email}\nmail: {from: \"a@clinic.example\", smtp: \"${env:SMTP_URL}\"}\n": "held",
		"version: 1\nservice: {name: Clinic, host: clinic.example, language: fr}\n":                                    "language",
		"version: 1\nservice: {name: Clinic, host: clinic.example, language: de}\n":                                    "held",
	} {
		dir := t.TempDir()
		save(t, filepath.Join(dir, "fastness.yaml"), []byte(text))
		out, err := exec.Command(bin, "check", "--elsewhere", dir).CombinedOutput()
		if !strings.Contains(string(out), want) || (err == nil) != (want == "held") || strings.Contains(string(out), "hunter2") {
			t.Errorf("%s%s: %v, want %q", text, out, err, want)
		}
	}
	dir := t.TempDir()
	save(t, filepath.Join(dir, "fastness.yaml"), []byte(head))
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "mail", "confirm.de.txt"), []byte("Subject: Hallo\n\n{{.Lnik}}\n"))
	if out, err := exec.Command(bin, "check", "--elsewhere", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "mail/confirm.de.txt:3:") {
		t.Errorf("a broken text: %v %s", err, out)
	}
}
