package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Authority is development's own certificate authority: it can vouch for localhost and the loopback addresses only (name
// constraints, RFC 5280 section 4.2.1.10), so that trusting it gives nobody anything else. Its key never leaves its folder.
type Authority struct {
	clock types.Clock
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	path  string

	mu   sync.Mutex
	leaf *tls.Certificate
}

// OpenAuthority reads the authority of the folder, or makes it.
func OpenAuthority(dir, service string, clock types.Clock) (*Authority, error) {
	a := &Authority{clock: clock, path: filepath.Join(dir, "ca.pem")}
	keyPath := filepath.Join(dir, "ca.key")
	pair, err := tls.LoadX509KeyPair(a.path, keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		if err = a.create(dir, keyPath, service); err == nil {
			pair, err = tls.LoadX509KeyPair(a.path, keyPath)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("edge: development certificates: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if a.cert, err = x509.ParseCertificate(pair.Certificate[0]); err != nil || !ok {
		return nil, fmt.Errorf("edge: %s is not ours; remove it and its key", a.path)
	}
	a.key = key
	return a, nil
}

// Path is the file of the authority's certificate, to be trusted.
func (a *Authority) Path() string { return a.path }

func (a *Authority) create(dir, keyPath, service string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := a.clock.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Fastness development: " + service},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(5 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(a.path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// Certificate gives the leaf for localhost, renewed a week before it ends.
func (a *Authority) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-7*24*time.Hour)) && now.After(a.leaf.Leaf.NotBefore) {
		return a.leaf, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a.leaf = &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}
	return a.leaf, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
