package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

const providerDir = "../../internal/identity/oidc/testdata/provider"

// certificate makes a certificate for loopback that is its own authority, in PEM.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})
}

// realProvider starts npm oidc-provider and returns its issuer and what ends it. Without node or the package it skips, under CI it fails.
func realProvider(t *testing.T, redirect string, cert, key []byte) (issuer string, end func()) {
	t.Helper()
	hosttest.File(t, filepath.Join(providerDir, "node_modules", "oidc-provider"),
		"npm --prefix internal/identity/oidc/testdata/provider ci --ignore-scripts")
	cmd := exec.Command(hosttest.Tool(t, "node", "nodejs"), "provider.mjs")
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
	end = func() { in.Close(); cmd.Process.Kill(); cmd.Wait() }
	t.Cleanup(end)
	settings, _ := json.Marshal(map[string]string{"cert": string(cert), "key": string(key), "redirect": redirect, "secret": "a secret of the client"})
	fmt.Fprintf(in, "%s\n", settings)
	issuer, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider does not start: %v", err)
	}
	return strings.TrimSpace(issuer), end
}

// surfer is a browser: it keeps cookies and follows redirects.
type surfer struct {
	*press
	client *http.Client
}

func (p *press) surfer() *surfer {
	jar, _ := cookiejar.New(nil)
	return &surfer{p, &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
}

// ask sends a request as our own pages would.
func (s *surfer) ask(method, path, body string) (int, map[string]any) {
	s.Helper()
	req, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{}
	text, _ := io.ReadAll(resp.Body)
	json.Unmarshal(text, &out)
	return resp.StatusCode, out
}

// token is the browser's session cookie.
func (s *surfer) token() string {
	u, _ := url.Parse(s.base)
	for _, c := range s.client.Jar.Cookies(u) {
		if !strings.HasSuffix(c.Name, "-oidc") && !strings.HasSuffix(c.Name, "-device") {
			return c.Value
		}
	}
	s.Fatal("there is no session")
	return ""
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([\w-]+)"`)
var action = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)

// visit goes to an address and through the provider's pages as somebody, and returns where it ends.
func (s *surfer) visit(at, login string) *url.URL {
	s.Helper()
	resp, err := s.client.Get(at)
	for n := 0; ; n++ {
		if err != nil {
			s.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		form := action.FindSubmatch(text)
		if form == nil || strings.HasPrefix(resp.Request.URL.String(), s.base) {
			return resp.Request.URL
		}
		fields := url.Values{"login": {login}, "password": {"any"}}
		for _, f := range hidden.FindAllSubmatch(text, -1) { // the prompt; or, as another person than before, what ends the session there
			fields.Set(string(f[1]), string(f[2]))
		}
		if n > 8 || len(fields) < 3 {
			s.Fatalf("the provider shows at %s:\n%s", resp.Request.URL, text)
		}
		to, perr := resp.Request.URL.Parse(html.UnescapeString(string(form[1])))
		if perr != nil {
			s.Fatal(perr)
		}
		resp, err = s.client.PostForm(to.String(), fields)
	}
}

func (s *surfer) ends(at, login, want string) {
	s.Helper()
	if got := s.visit(s.base+at, login); got.RequestURI() != want {
		s.Fatalf("%s as %s ends at %s, want %s\n%s", at, login, got.RequestURI(), want, s.log)
	}
}

// TestRealProvider plays the whole story with a provider that others wrote, over TLS with its own authority: a newcomer, his next visit, an
// address without proof, proving again, an account that exists, linking, parting, and a provider that went away.
func TestRealProvider(t *testing.T) { onEach(t, realProviderStory) }

func realProviderStory(p *press) {
	cert, key := certificate(p.T)
	issuer, end := realProvider(p.T, p.base+"/auth/oidc/club/callback", cert, key)
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.file("club.pem", string(cert))
	path := filepath.Join(p.dir, "fastness.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		p.Fatal(err)
	}
	text = fmt.Appendf(text, "\nproviders:\n  club: {label: The Club, issuer: %q, client_id: fastness, client_secret: \"${file:%s}\", ca: club.pem, private: [127.0.0.0/8], roles: [author]}\n",
		issuer, p.file("club.secret", "a secret of the client\n"))
	p.file("fastness.yaml", string(bytes.TrimSpace(text))+"\n")
	p.serve()

	_, list := p.surfer().ask("GET", "/auth/oidc", "")
	if item := list["items"].([]any)[0].(map[string]any); item["label"] != "The Club" || item["start"] != "/auth/oidc/club" {
		p.Errorf("listed as %v", list)
	}
	first := p.surfer()
	first.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begun, err := first.client.Get(p.base + "/auth/oidc/club")
	if err != nil {
		p.Fatal(err)
	}
	begun.Body.Close()
	if c := begun.Cookies(); begun.StatusCode != 303 || len(c) != 1 || !strings.HasPrefix(c[0].Name, "__Host-") || !c[0].Secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].MaxAge != 600 {
		p.Errorf("a sign-in begins with %d and %v", begun.StatusCode, c)
	}
	ann := p.surfer()
	ann.ends("/auth/oidc/club?return=/account/profile", "ann", "/account/profile")
	status, me := ann.ask("GET", "/auth/session", "")
	if status != 200 || me["email"] != "ann@clinic.example" || fmt.Sprint(me["factors"]) != "[federated]" || fmt.Sprint(me["roles"]) != "[author]" {
		p.Fatalf("ann is %d %v", status, me)
	}
	u, _ := url.Parse(p.base)
	for _, c := range ann.client.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "-oidc") {
			p.Error("the cookie of the flow is left")
		}
	}
	again := p.surfer()
	again.ends("/auth/oidc/club", "ann", "/account/")
	if _, other := again.ask("GET", "/auth/session", ""); other["account"] != me["account"] || other["session"] == me["session"] {
		p.Errorf("ann comes again as %v, was %v", other, me)
	}
	p.surfer().ends("/auth/oidc/club", "cat", "/account/sign-in?error=address_unverified")
	for _, one := range []struct {
		login, ends string
		renewed     bool
	}{{"ben", "/account/step-up?return=%2Faccount%2Fprofile&error=another_person", false}, {"ann", "/account/profile", true}} {
		before := ann.token()
		status, out := ann.ask("POST", "/auth/oidc/club/step-up", `{"return": "/account/profile"}`)
		if status != 200 {
			p.Fatalf("step-up: %d %v", status, out)
		}
		if got := ann.visit(out["location"].(string), one.login); got.RequestURI() != one.ends {
			p.Errorf("proving again as %s ends at %s\n%s", one.login, got, p.log)
		}
		if renewed := ann.token() != before; renewed != one.renewed {
			p.Errorf("proving again as %s: a new token: %v", one.login, renewed)
		}
		if _, now := ann.ask("GET", "/auth/session", ""); now["session"] != me["session"] {
			p.Errorf("proving again as %s: in session %v", one.login, now)
		}
	}

	for _, route := range []string{"GET /auth/oidc/links", "POST /auth/oidc/club/step-up", "DELETE /auth/oidc/club/link", "POST /auth/oidc/club/link"} {
		method, at, _ := strings.Cut(route, " ")
		p.want(401, "", method, at, "")
	}
	link := strings.TrimSpace(p.tell("users", "add", "ben@clinic.example", "--role", "editor"))
	at, err := url.Parse(link[strings.LastIndex(link, "https://"):])
	if err != nil {
		p.Fatal(err)
	}
	p.want(200, "", "POST", "/auth/enrol", fmt.Sprintf(`{"token": %q, "password": "kettle of seven grey herons"}`, at.Query().Get("token")))
	ben := p.surfer()
	ben.ends("/auth/oidc/club", "ben", "/account/sign-in?error=account_exists")
	if status, out := ben.ask("POST", "/auth/sign-in", `{"email": "ben@clinic.example", "password": "kettle of seven grey herons"}`); status != 200 {
		p.Fatalf("ben: %d %v", status, out)
	}
	if status, out := ben.ask("DELETE", "/auth/oidc/club/link", ""); status != 404 {
		p.Errorf("parting from what is not linked: %d %v", status, out)
	}
	status, out := ben.ask("POST", "/auth/oidc/club/link", `{"return": "/account/factors"}`)
	if status != 200 {
		p.Fatalf("link: %d %v", status, out)
	}
	if got := ben.visit(out["location"].(string), "ben"); got.RequestURI() != "/account/factors" {
		p.Fatalf("linking ends at %s\n%s", got, p.log)
	}
	if said := p.tell("users", "explain", "ben@clinic.example"); !strings.Contains(said, "linked to an OpenID provider") {
		p.Error(said)
	}
	if status, out := ben.ask("GET", "/auth/oidc/links", ""); status != 200 || len(out["items"].([]any)) != 1 {
		p.Errorf("links: %d %v", status, out)
	}
	twice := p.surfer()
	twice.ends("/auth/oidc/club", "ben", "/account/")
	if _, who := twice.ask("GET", "/auth/session", ""); who["email"] != "ben@clinic.example" || !slices.Contains(who["roles"].([]any), any("editor")) {
		p.Errorf("ben comes as %v", who)
	}
	if status, out := twice.ask("DELETE", "/auth/oidc/club/link", ""); status != 200 || out["status"] != "unlinked" {
		p.Errorf("parting: %d %v", status, out)
	}
	if status, out := again.ask("DELETE", "/auth/oidc/club/link", ""); status != 409 || out["code"] != "last_way_in" {
		p.Errorf("ann, who has nothing else, parts: %d %v", status, out)
	}
	p.tell("users", "disable", "ann@clinic.example")
	p.surfer().ends("/auth/oidc/club", "ann", "/account/sign-in?error=refused")

	end()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.serve()
	if status, out := p.surfer().ask("GET", "/auth/oidc/club", ""); status != 503 || out["code"] != "provider_away" {
		p.Errorf("a provider that is away: %d %v", status, out)
	}
	req, err := http.NewRequest("GET", p.base+"/auth/oidc/club", nil)
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := p.surfer().client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	if page, _ := io.ReadAll(resp.Body); resp.StatusCode != 503 || !strings.Contains(string(page), "The provider cannot be reached now") || resp.Header.Get("Retry-After") == "" {
		p.Errorf("to a person: %d %s", resp.StatusCode, page)
	}
	if p.enters("ben@clinic.example", "kettle of seven grey herons") != 200 {
		p.Error("a provider that is away keeps others out")
	}
}
