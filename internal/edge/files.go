package edge

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// FileConfig names the files of production's certificate. All are required but Log.
type FileConfig struct {
	Certificate, Key string // PEM: the chain, leaf first, and its key, which its owner alone may read
	Host             string // what the certificate must be for
	Clock            types.Clock
	Log              *slog.Logger // nil: silence
}

// files serves what the files hold, and follows when they change: whoever renews a certificate need not restart the server.
type files struct {
	cfg FileConfig

	mu     sync.Mutex
	looked time.Time
	stamp  [2]fileStamp
	pair   *tls.Certificate
}

type fileStamp struct {
	size     int64
	modified time.Time
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = 10 * time.Second

// Files serves a certificate and key from files. What cannot be served at the start is an error; a change that cannot be served is logged,
// and the pair of before goes on.
func Files(cfg FileConfig) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if cfg.Certificate == "" || cfg.Key == "" {
		return nil, errors.New("edge: a certificate needs two files, its own and the one of its key")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &files{cfg: cfg, looked: cfg.Clock.Now()}
	var err error
	if f.stamp, err = f.stamps(); err != nil {
		return nil, err
	}
	if f.pair, err = f.load(); err != nil {
		return nil, err
	}
	return f.get, nil
}

func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := f.cfg.Clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := now.Sub(f.looked); age < lookEvery && age >= 0 {
		return f.pair, nil
	}
	f.looked = now
	stamp, err := f.stamps()
	if err == nil && stamp != f.stamp {
		var pair *tls.Certificate
		if pair, err = f.load(); err == nil {
			f.pair, f.stamp = pair, stamp
			f.cfg.Log.Info("a new certificate is served", "until", pair.Leaf.NotAfter)
		}
	}
	if err != nil {
		f.cfg.Log.Error("the new certificate is not served; the one of before goes on", "error", err.Error())
	}
	return f.pair, nil
}

func (f *files) stamps() (out [2]fileStamp, err error) {
	for i, path := range []string{f.cfg.Certificate, f.cfg.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return out, fmt.Errorf("edge: tls: %w; give the files of a certificate and its key", err)
		}
		if i == 1 && info.Mode().Perm()&0o077 != 0 {
			return out, fmt.Errorf("edge: %s can be read by others (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
		}
		out[i] = fileStamp{info.Size(), info.ModTime()}
	}
	return out, nil
}

// load reads the pair and refuses one that no client could accept.
func (f *files) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.cfg.Certificate, f.cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("edge: tls certificate: %w; both files are PEM, and the key belongs to the first certificate", err)
	}
	if err := pair.Leaf.VerifyHostname(f.cfg.Host); err != nil {
		return nil, fmt.Errorf("edge: the certificate in %s is not for %s: %w; get one for that host", f.cfg.Certificate, f.cfg.Host, err)
	}
	if now := f.cfg.Clock.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		return nil, fmt.Errorf("edge: the certificate in %s is good from %s to %s and not now; renew it", f.cfg.Certificate,
			pair.Leaf.NotBefore.Format(time.DateOnly), pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &pair, nil
}
