package foreign

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// vectors are real hashes: testdata/make.py made them with the real programs.
func vectors(t testing.TB) [][3]string {
	t.Helper()
	text, err := os.ReadFile("testdata/hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out [][3]string
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			t.Fatalf("a line of hashes.tsv has %d columns", len(f))
		}
		out = append(out, [3]string(f))
	}
	if len(out) < 50 {
		t.Fatalf("only %d vectors", len(out))
	}
	return out
}

// TestRealHashes: every hash that the real programs made opens with its password, and with no other.
func TestRealHashes(t *testing.T) {
	makers := map[string]int{}
	for _, v := range vectors(t) {
		maker, password, encoded := v[0], v[1], v[2]
		makers[maker]++
		if err := Check(encoded); err != nil {
			t.Errorf("%s: %v", maker, err)
			continue
		}
		if ok, known := Verify(password, encoded); !ok || !known {
			t.Errorf("%s: the right password: %v %v", maker, ok, known)
		}
		if makers[maker] > 1 {
			continue // the wrong one once for each maker: these hashes are slow
		}
		if ok, known := Verify("X"+password, encoded); ok || !known {
			t.Errorf("%s: a wrong password: %v %v", maker, ok, known)
		}
	}
	for maker, n := range makers {
		if n != 3 {
			t.Errorf("%s: %d vectors, want 3", maker, n)
		}
	}
}

var key32 = strings.Repeat("A", 43)

// TestAbsurdCosts: costs beyond the caps are refused before anything is computed.
func TestAbsurdCosts(t *testing.T) {
	for _, s := range []string{
		"pbkdf2_sha256$4000000000$salt$" + key32 + "=", "pbkdf2_sha256$0$salt$" + key32 + "=",
		"pbkdf2:sha256:2000001$salt$" + strings.Repeat("ab", 32), "$pbkdf2-sha256$99999999$c2FsdA$" + key32,
		"$pbkdf2$2000001$c2FsdA$" + key32, "$bcrypt-sha256$v=2,t=2b,r=15$" + strings.Repeat("a", 22) + "$" + strings.Repeat("a", 31),
		"$bcrypt-sha256$2b,3$" + strings.Repeat("a", 22) + "$" + strings.Repeat("a", 31),
		"scrypt$1073741824$salt$8$1$" + key32 + "=", "scrypt:32768:8:17$salt$" + strings.Repeat("ab", 32),
		"scrypt:131072:32:1$salt$" + strings.Repeat("ab", 32), "scrypt:32767:8:1$salt$" + strings.Repeat("ab", 32),
		"$scrypt$ln=40,r=8,p=1$c2FsdA$" + key32, "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + key32,
		"argon2$argon2id$v=19$m=65536,t=4000,p=1$c2FsdHNhbHQ$" + key32, "$argon2id$v=19$m=65536,t=10,p=1$c2FsdHNhbHQ$" + key32,
		"$argon2id$v=19$m=8,t=1,p=255$c2FsdHNhbHQ$" + key32, "$2b$31$" + strings.Repeat("a", 53), "$2b$15$" + strings.Repeat("a", 53),
		"$2b$03$" + strings.Repeat("a", 53),
	} {
		if err := Check(s); !errors.Is(err, ErrCost) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestUnknownForms(t *testing.T) {
	for _, s := range []string{
		"", "!", "plain", "md5$salt$0123456789abcdef", "sha1$salt$x", "sha256$salt$aa", "pbkdf2_md5$1000$salt$" + key32 + "=",
		"pbkdf2_sha256$+1000$salt$" + key32 + "=", "pbkdf2_sha256$01000$salt$" + key32 + "=", "pbkdf2_sha256$1000$$" + key32 + "=",
		"pbkdf2_sha256$1000$salt$", "pbkdf2_sha256$1000$salt$AAAA", "pbkdf2:sha256$salt$" + strings.Repeat("ab", 32),
		"$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + key32, "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$" + key32,
		"$2x$10$" + strings.Repeat("a", 53), "$2b$10$" + strings.Repeat("a", 52), "$2b$10$" + strings.Repeat("a", 54), "$2b$aa$" + strings.Repeat("a", 53),
		"$pbkdf2$1000$c2FsdA$" + strings.Repeat("A", 20), "$pbkdf2-$1000$c2FsdA$" + key32, "$pbkdf2-md5$1000$c2FsdA$" + key32,
		"$bcrypt-sha256$v=3,t=2b,r=10$" + strings.Repeat("a", 22) + "$" + strings.Repeat("a", 31),
		"$bcrypt-sha256$v=2,t=2a,r=10$" + strings.Repeat("a", 22) + "$" + strings.Repeat("a", 31),
		"$bcrypt-sha256$2b,05$" + strings.Repeat("a", 22) + "$" + strings.Repeat("a", 31), "$bcrypt-sha256$2b,10$" + strings.Repeat("a", 53),
		"$5$rounds=535000$salt$" + strings.Repeat("a", 43), "$6$rounds=656000$salt$" + strings.Repeat("a", 86),
		"$scrypt$r=8,ln=4,p=1$c2FsdA$" + key32, "pbkdf2_sha256$1000$salt$" + strings.Repeat("A", 600),
	} {
		if ok, known := Verify("x", s); ok || known || !errors.Is(Check(s), ErrUnknown) {
			t.Errorf("%q: %v %v %v", s, ok, known, Check(s))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v[2])
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parse(s)
		if (h == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", s, h, err)
		}
		if h != nil && len(h.key) == 0 {
			t.Fatalf("%q: an empty key equals anything empty", s)
		}
	})
}
