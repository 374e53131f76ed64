package seal

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Vectors of https://c2sp.org/XAES-256-GCM, "Test vectors".
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key       byte
		aad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte{v.key}, 32))
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.sealWith(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), []byte(v.aad))
		if err != nil || hex.EncodeToString(got[xaesNonce:]) != v.want {
			t.Errorf("key %d: %x, %v", v.key, got, err)
		}
	}
}

// The accumulated vector: 10,000 random messages drawn from SHAKE-128 of nothing, their ciphertexts hashed by SHAKE-128.
func TestXAESAccumulated(t *testing.T) {
	in, out := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		in.Read(b)
		return b
	}
	for range 10000 {
		x, err := newXAES(read(32))
		if err != nil {
			t.Fatal(err)
		}
		nonce := read(24)
		plain := read(int(read(1)[0]))
		aad := read(int(read(1)[0]))
		sealed, err := x.sealWith(nil, nonce, plain, aad)
		if err != nil {
			t.Fatal(err)
		}
		back, err := x.open(nil, sealed, aad)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatal("a sealed value does not open")
		}
		out.Write(sealed[xaesNonce:])
	}
	sum := make([]byte, 32)
	out.Read(sum)
	if got := hex.EncodeToString(sum); got != "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939" {
		t.Errorf("accumulated: %s", got)
	}
}

func ring(t testing.TB, b byte) *Ring {
	t.Helper()
	r, err := New(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMovedValue: a value opens only in its place, for its purpose, unchanged.
func TestMovedValue(t *testing.T) {
	r := ring(t, 7)
	sealed, err := r.Seal(nil, Field, []byte("diagnosis"), "patients", "row1", "notes")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open(nil, Field, sealed, "patients", "row1", "notes"); err != nil || string(got) != "diagnosis" {
		t.Fatalf("%q, %v", got, err)
	}
	for name, place := range map[string][]string{"other row": {"patients", "row2", "notes"}, "other field": {"patients", "row1", "name"},
		"shifted": {"patientsr", "ow1", "notes"}, "joined": {"patients", "row1notes"}, "none": nil} {
		if _, err := r.Open(nil, Field, sealed, place...); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: it opened (%v)", name, err)
		}
	}
}

// TestPurposes: a value of one purpose is nothing to another, and neither is its MAC.
func TestPurposes(t *testing.T) {
	r := ring(t, 7)
	sealed, _ := r.Seal(nil, Field, []byte("x"), "a")
	for p := Purpose(1); p < purposes; p++ {
		if _, err := r.Open(nil, p, sealed, "a"); (err == nil) != (p == Field) {
			t.Errorf("purpose %d: %v", p, err)
		}
		if p != ETag && Equal(r.MAC(p, "a"), r.MAC(ETag, "a")) {
			t.Errorf("purpose %d shares its MAC key", p)
		}
	}
	if Equal(r.MAC(ETag, "ab", "c"), r.MAC(ETag, "a", "bc")) {
		t.Error("the parts of a MAC run into each other")
	}
}

func TestCanary(t *testing.T) {
	c, err := ring(t, 1).NewCanary()
	if err != nil {
		t.Fatal(err)
	}
	if err := ring(t, 1).CheckCanary(c); err != nil {
		t.Errorf("the right root: %v", err)
	}
	if err := ring(t, 2).CheckCanary(c); !errors.Is(err, ErrWrongRoot) {
		t.Errorf("a wrong root: %v", err)
	}
}

func TestRootIsNeverInvented(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "root.key")
	if _, _, err := LoadRoot(RootConfig{Path: path}); !errors.Is(err, ErrNoRoot) {
		t.Fatalf("over existing data: %v", err)
	}
	if _, _, err := LoadRoot(RootConfig{Path: path, MayCreate: true}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, _, err := LoadRoot(RootConfig{Path: path}); err != nil {
		t.Errorf("reading it back: %v", err)
	}
}

func TestSecretFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Resolve("${file:" + path + "}"); err == nil {
		t.Error("a file that everybody can read was accepted")
	}
	os.Chmod(path, 0o600)
	if s, env, err := Resolve("${file:" + path + "}"); err != nil || env || s.Reveal() != "secret" {
		t.Errorf("%v %v", s.Reveal(), err)
	}
	t.Setenv("FASTNESS_TEST_SECRET", "x")
	if s, env, err := Resolve("${env:FASTNESS_TEST_SECRET}"); err != nil || !env || s.Reveal() != "x" {
		t.Errorf("environment: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, 9)
	good, _ := r.Seal(nil, Field, []byte("plain"), "p")
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(make([]byte, 41))
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := r.Open(nil, Field, b, "p"); err == nil && !bytes.Equal(b, good) {
			t.Errorf("a forged value opened as %q", plain)
		}
	})
}

func BenchmarkSeal100(b *testing.B) {
	r, plain, buf := ring(b, 1), make([]byte, 100), make([]byte, 0, 200)
	for b.Loop() {
		buf, _ = r.Seal(buf[:0], Field, plain, "c", "r", "f")
	}
}
