package edge

import (
	"crypto/rand"
	"crypto/tls"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// tlsConfig: TLS 1.3, and 1.2 with ephemeral keys and AEAD below level 3. The key exchange prefers the post-quantum hybrid.
// Keys of session tickets are in memory, one a day (see tickets): what was captured is not opened by a key that is found later.
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
	t := &tickets{clock: s.cfg.Clock, base: c.Clone()}
	c.GetConfigForClient = t.today
	return c
}

// tickets gives each day a key of its own for session tickets. Go's own rotation keeps old keys for a week, in which whoever takes the
// memory of the process reads the sessions that were resumed under them.
type tickets struct {
	clock types.Clock
	base  *tls.Config
	mu    sync.Mutex
	born  time.Time
	now   *tls.Config
}

const ticketLife = 24 * time.Hour

// today is the configuration of a connection that begins now. A clock that goes back ends the day too.
func (t *tickets) today(*tls.ClientHelloInfo) (*tls.Config, error) {
	at := t.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := at.Sub(t.born); t.now == nil || age >= ticketLife || age < 0 {
		var key [32]byte
		rand.Read(key[:])
		t.now, t.born = t.base.Clone(), at
		t.now.SetSessionTicketKeys([][32]byte{key})
	}
	return t.now, nil
}
