package password

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/foreign"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

var cheap = Params{1 << 10, 1}

func secret(s string) types.Secret { return types.NewSecret(s) }

// TestReferenceVector: the hash that the reference implementation's own test gives (phc-winner-argon2, test.c).
func TestReferenceVector(t *testing.T) {
	p := New(Config{})
	stored := secret("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if ok, stale, err := p.Verify(t.Context(), secret("password"), stored); !ok || stale || err != nil {
		t.Fatalf("the reference hash: %v %v %v", ok, stale, err)
	}
	if ok, _, err := p.Verify(t.Context(), secret("Password"), stored); ok || err != nil {
		t.Fatalf("another password: %v %v", ok, err)
	}
}

// TestArgon2Command: the command of Argon2's authors computes the very hash that is made here, and what it makes is verified here.
func TestArgon2Command(t *testing.T) {
	command := hosttest.Tool(t, "argon2", "argon2")
	const password = "correct horse battery staple"
	theirs := func(salt string, c Params) string {
		cmd := exec.Command(command, salt, "-id", "-e", "-p", "1", "-l", "32", "-t", fmt.Sprint(c.Time), "-k", fmt.Sprint(c.MemoryKiB))
		cmd.Stdin = strings.NewReader(password)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, c := range []Params{Least, Most} {
		p := New(Config{Params: c})
		ours, salt := secret(""), []byte{0}
		for bytes.ContainsRune(salt, 0) { // which no argument of a program can hold
			var err error
			if ours, err = p.Hash(t.Context(), secret(password)); err != nil {
				t.Fatal(err)
			}
			h, err := parse(ours.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			salt = h.salt
		}
		if got := theirs(string(salt), c); got != ours.Reveal() {
			t.Errorf("%+v: it makes %s of what is %s here", c, got, ours.Reveal())
		}
		if ok, stale, err := p.Verify(t.Context(), secret(password), secret(theirs("a salt of theirs", c))); !ok || stale || err != nil {
			t.Errorf("%+v: what it makes is not right here: %v, %v, %v", c, ok, stale, err)
		}
	}
}

func TestHashAndVerify(t *testing.T) {
	p := New(Config{Params: cheap})
	one, err := p.Hash(t.Context(), secret("jörg und die Fähre"))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := p.Hash(t.Context(), secret("jörg und die Fähre"))
	if one.Reveal() == two.Reveal() || !strings.HasPrefix(one.Reveal(), "$argon2id$v=19$m=1024,t=1,p=1$") {
		t.Fatal("two hashes of one password are alike, or not in PHC form")
	}
	if ok, stale, err := p.Verify(t.Context(), secret("jo\u0308rg und die Fa\u0308hre"), one); !ok || stale || err != nil {
		t.Fatalf("the same password in another normal form: %v %v %v", ok, stale, err)
	}
	if ok, stale, _ := New(Config{}).Verify(t.Context(), secret("jörg und die Fähre"), one); !ok || !stale {
		t.Fatal("a weaker hash is not called stale")
	}
}

// TestAbsurdHashes: what a tampered row may say costs nothing.
func TestAbsurdHashes(t *testing.T) {
	for _, s := range []string{"", "x", "$argon2id$", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
		"$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
		"$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", "$argon2id$v=19$m=65536,t=2,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
		"$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", "$argon2id$v=19$m=065536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
		"$argon2id$v=19$m=65536,t=2,p=1$$", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 500),
		"$argon2id$v=19$m=+65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", "$argon2id$v=19$t=2,m=65536,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q"} {
		if h, err := parse(s); err == nil {
			t.Errorf("%q was taken as %+v", s, h.params)
		}
	}
}

// TestMalformedHashDoesTheWork: a row that cannot be read is an error and no quick answer.
func TestMalformedHashDoesTheWork(t *testing.T) {
	if ok, _, err := New(Config{Params: cheap}).Verify(t.Context(), secret("x"), secret("$argon2id$nonsense")); ok || !errors.Is(err, errHash) {
		t.Fatalf("%v %v", ok, err)
	}
}

// TestImportedHashes: what other programs made opens, Argon2id with their eight lanes included, and is to be replaced.
func TestImportedHashes(t *testing.T) {
	p := New(Config{Params: cheap, Foreign: foreign.Verify})
	for _, s := range []string{
		"$argon2id$v=19$m=102400,t=2,p=8$qRWC8J4zhjDGOKeUMubcuw$B1U9vUjJAyLOU2hfzZDtDg",
		"$2b$10$kHbhTRddPyEvcQUeq1n72.5YClttjrLSX/Uhl3CRcr2ibuLskSfLK",
	} {
		if ok, stale, err := p.Verify(t.Context(), secret("correct horse battery staple"), secret(s)); !ok || !stale || err != nil {
			t.Errorf("%s: %v %v %v", s, ok, stale, err)
		}
		if ok, _, err := p.Verify(t.Context(), secret("another"), secret(s)); ok || err != nil {
			t.Errorf("%s: another password: %v %v", s, ok, err)
		}
	}
}

// TestPoolIsBounded: so many run, so many wait, the next is told to come back; one who gives up leaves the queue.
func TestPoolIsBounded(t *testing.T) {
	hold, running := make(chan struct{}), make(chan struct{}, 10)
	p := New(Config{Params: cheap, Workers: 1, Waiting: 1, Foreign: func(string, string) (bool, bool) {
		running <- struct{}{}
		<-hold
		return true, true
	}})
	verify := func(ctx context.Context) error {
		_, _, err := p.Verify(ctx, secret("x"), secret("foreign"))
		return err
	}
	results := make(chan error, 2)
	go func() { results <- verify(t.Context()) }()
	<-running
	gone, leave := context.WithCancel(t.Context())
	go func() { results <- verify(gone) }()
	for len(p.slots) < 2 {
		runtime.Gosched()
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := verify(soon); types.KindOf(err) != types.Unavailable || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("one more than may wait: %v", err)
	}
	if len(running) != 0 {
		t.Fatal("two hashes run at once where one may")
	}
	leave()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Fatalf("who gave up: %v", err)
	}
	close(hold)
	if err := <-results; err != nil {
		t.Fatal(err)
	}
	if len(p.slots) != 0 || len(p.run) != 0 {
		t.Fatal("places were not given back")
	}
}

// TestTurnsComeInTime: whoever's turn does not come is told to come back, before his connection is given up; he is not let in and does not
// run beside the others.
func TestTurnsComeInTime(t *testing.T) {
	p := New(Config{Params: cheap, Workers: 1, Wait: time.Millisecond})
	p.run <- struct{}{} // somebody's hash takes its time
	limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var e *types.Error
	if err := p.Dummy(limited, secret("x")); !errors.As(err, &e) || e.Code != "sign_in_busy" || e.RetryAfter <= 0 || limited.Err() != nil {
		t.Fatalf("a turn that does not come: %v", err)
	}
	<-p.run
	if err := p.Dummy(limited, secret("x")); err != nil || len(p.slots) != 0 {
		t.Errorf("afterwards: %v, and %d wait", err, len(p.slots))
	}
}

func TestPolicy(t *testing.T) {
	p := &Policy{}
	for _, c := range []struct {
		password string
		mfa      bool
		code     string
	}{
		{"kettle of seven grey herons", false, ""}, {"vierzehn Zeich", false, "too_short"}, {"qZ7!kTw2", true, ""}, {"qZ7!kTw", true, "too_short"},
		{"bbbbbbbbbbbbbbbbbbbc", false, "guessable"}, {"aaaaaaaabbbbbbbb", false, "guessable"},
		{"aaaaaaaaaaaaaaaaaaaa", false, "common"}, {"123456789012345678", false, "common"},
		{"ann.smith@example.org", false, "context"}, {"ann smith clinic 1", false, "context"}, {"Пароль из четырёх разных слов", false, ""},
	} {
		err := p.Check(secret(c.password), c.mfa, []string{"ann", "smith", "example", "org", "ann.smith@example.org", "Clinic"})
		code := ""
		var e *types.Error
		if errors.As(err, &e) {
			code = e.Fields[0].Code
		}
		if code != c.code {
			t.Errorf("%q: %q (%v), want %q", c.password, code, err, c.code)
		}
		if err != nil && strings.Contains(err.Error(), c.password) {
			t.Errorf("the refusal of %q echoes it", c.password)
		}
	}
	composed := &Policy{Compose: []string{"digit"}}
	if err := composed.Check(secret("kettle of seven grey herons"), false, nil); err == nil {
		t.Error("a declared composition was not asked for")
	}
}

// TestBreached: every line is found, whatever its place, and nothing else.
func TestBreached(t *testing.T) {
	var lines []string
	for n := range 1000 {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum(fmt.Appendf(nil, "leaked horse battery staple %d", n)), n+1))
	}
	slices.Sort(lines)
	for name, end := range map[string]string{"unix": "\n", "windows": "\r\n"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, end)), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := OpenBreached(path)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for n := range 1000 {
			if found, err := b.Has(fmt.Sprintf("leaked horse battery staple %d", n)); !found || err != nil {
				t.Fatalf("%s: password %d: %v %v", name, n, found, err)
			}
			if found, err := b.Has(fmt.Sprintf("unknown %d", n)); found || err != nil {
				t.Fatalf("%s: an unknown password: %v %v", name, found, err)
			}
		}
		if err := (&Policy{Breached: b, Min: 8}).Check(secret("leaked horse battery staple 7"), false, nil); err == nil {
			t.Fatal("a leaked password was accepted")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c29tc2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parse(s)
		if err != nil {
			return
		}
		if h.params.MemoryKiB > maxMemoryKiB || h.params.Time > maxTime || h.lanes > maxLanes || encode(h.params, h.lanes, h.salt, h.key) != s {
			t.Fatalf("%q was taken as %+v", s, h)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	p := New(Config{})
	for b.Loop() {
		if _, err := p.Hash(b.Context(), secret("correct horse battery staple")); err != nil {
			b.Fatal(err)
		}
	}
}
