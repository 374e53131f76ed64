package yard

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Answer is what the yardstick gives to every request that matches Pattern: the bytes that the server under test gave.
type Answer struct {
	Pattern string
	Status  int
	Header  http.Header
	Body    []byte
}

// bare is the handler of the yardstick: it reads the body to its end, sets the same headers and writes the same bytes, and does
// nothing else.
func bare(answers []Answer) http.Handler {
	mux := http.NewServeMux()
	for _, a := range answers {
		a.Header.Del("Date") // net/http writes its own
		mux.HandleFunc(a.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength != 0 {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return
				}
			}
			h := w.Header()
			for k, v := range a.Header {
				h[k] = v
			}
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body) // a client that went away is its own loss
		})
	}
	return mux
}

// Serve is the yardstick as a child process: it reads its answers from a file, prints its address and its certificate, and serves until
// its input ends.
func Serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var answers []Answer
	if err := json.Unmarshal(text, &answers); err != nil {
		return err
	}
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           bare(answers),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13},
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		srv.Close()
	}()
	if err := Greet(Greeting{URL: fmt.Sprintf("https://localhost:%d", ln.Addr().(*net.TCPAddr).Port)}, cert.Certificate[0]); err != nil {
		return err
	}
	if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "yardstick"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// StartBare starts the bare server as a child on core 0. stop ends it.
func StartBare(ctx context.Context, dir string, answers []Answer) (t Target, stop func(), err error) {
	text, err := json.Marshal(answers)
	if err != nil {
		return t, nil, err
	}
	file := filepath.Join(dir, "answers.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return t, nil, err
	}
	c, err := Start(ctx, nil, "yardstick", file)
	if err != nil {
		return t, nil, err
	}
	return c.Target, c.Stop, nil
}
