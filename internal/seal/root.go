package seal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// RootConfig says where to look for the root key.
type RootConfig struct {
	Service     string // name of the service; a folder name
	Development bool   // look in the user's configuration folder instead of /etc
	MayCreate   bool   // no data exist yet: a missing key may be made
	Path        string // overrides the search; "" searches
}

// ErrNoRoot: there is no root key and none may be made, because data exist.
var ErrNoRoot = errors.New("seal: there is no root key")

// LoadRoot finds the root key: $CREDENTIALS_DIRECTORY/fastness-root (systemd), else /etc/fastness/SERVICE/root.key; in
// development $XDG_CONFIG_HOME/fastness/SERVICE/root.key. It makes one (mode 0600) only when MayCreate says that no data
// exist: a new key over old data would make them unreadable for good. The file holds 64 hexadecimal digits.
func LoadRoot(cfg RootConfig) (*Ring, string, error) {
	path, err := rootPath(cfg)
	if err != nil {
		return nil, "", err
	}
	text, err := ReadSecretFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !cfg.MayCreate {
			return nil, path, fmt.Errorf("%w at %s, and there are data that were sealed under one; restore the file from where you keep its copy", ErrNoRoot, path)
		}
		text, err = createRoot(path)
	}
	if err != nil {
		return nil, path, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, path, fmt.Errorf("seal: %s does not hold a root key (64 hexadecimal digits)", path)
	}
	ring, err := New(key)
	return ring, path, err
}

func rootPath(cfg RootConfig) (string, error) {
	if cfg.Path != "" {
		return cfg.Path, nil
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if path := filepath.Join(dir, "fastness-root"); exists(path) {
			return path, nil
		}
	}
	folder := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(cfg.Service))
	if !cfg.Development {
		return filepath.Join("/etc/fastness", folder, "root.key"), nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("seal: no folder for the root key: %w; set XDG_CONFIG_HOME", err)
	}
	return filepath.Join(base, "fastness", folder, "root.key"), nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func createRoot(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("seal: root key: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	text := hex.EncodeToString(key)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("seal: root key: %w", err)
	}
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		if dir, e := os.Open(filepath.Dir(path)); e == nil { // the name must survive a power cut too
			err = dir.Sync()
			dir.Close()
		}
	}
	return text, err
}

// ReadSecretFile reads a small secret file and refuses one that others on this host can read or that is another user's, unless it lies on a mount
// that is read-only or in memory, as secret stores of systemd, Docker and Kubernetes are.
func ReadSecretFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe in its place must not hold the start
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return "", fmt.Errorf("seal: %s is not a small regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 && !secretMount(f) {
		return "", fmt.Errorf("seal: %s can be read by others (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() && !secretMount(f) {
		return "", fmt.Errorf("seal: %s belongs to user %d, who could put another secret in its place; run: chown %d %s", path, stat.Uid, os.Geteuid(), path)
	}
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return string(b), err
}
