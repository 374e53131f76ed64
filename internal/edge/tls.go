package edge

import (
	"crypto/tls"
	"fmt"
	"os"
)

// tlsConfig: TLS 1.3, and 1.2 with ephemeral keys and AEAD below level 3. The key exchange prefers the post-quantum hybrid.
// Session tickets are Go's own: keys in memory, rotated daily.
func (s *Server) tlsConfig() *tls.Config {
	c := &tls.Config{
		MinVersion:       tls.VersionTLS12,
		GetCertificate:   s.cfg.Certificate,
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
		NextProtos: []string{"h2", "http/1.1"},
	}
	if s.cfg.Plan.Decl.Service.Level >= 3 {
		c.MinVersion = tls.VersionTLS13
	}
	return c
}

// Files serves a certificate and key from files. The key file must be readable by its owner alone.
func Files(certificate, key string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if certificate == "" || key == "" {
		return nil, fmt.Errorf("edge: production needs a certificate; add tls: {certificate: …, key: …} to the declaration")
	}
	info, err := os.Stat(key)
	if err != nil {
		return nil, fmt.Errorf("edge: tls key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("edge: %s can be read by others (mode %04o); run: chmod 600 %s", key, info.Mode().Perm(), key)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("edge: tls certificate: %w", err)
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
}
