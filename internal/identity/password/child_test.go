package password

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/fastness-dev/fastness/internal/identity/foreign"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestMain lets the test binary be a worker, as the product's program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == Argument {
		if err := Serve(os.Stdin, os.Stdout, elsewhere); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// elsewhere is what workers of these tests verify hashes of other programs with. It reads two forms more: of "not in process 7" everything is
// the password in any process but that, and "the end" ends the process.
func elsewhere(password, encoded string) (ok, known bool) {
	if encoded == "the end" {
		os.Exit(1)
	}
	if id, mine := strings.CutPrefix(encoded, "not in process "); mine {
		return id != strconv.Itoa(os.Getpid()), true
	}
	return foreign.Verify(password, encoded)
}

func away(t testing.TB, cfg Config) *Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Command = []string{self, Argument}
	p := New(cfg)
	t.Cleanup(p.Close)
	return p
}

// TestWorkerAgrees: what a worker hashes verifies here, and the other way round.
func TestWorkerAgrees(t *testing.T) {
	here, there := New(Config{Params: cheap}), away(t, Config{Params: cheap})
	for _, pair := range [][2]*Pool{{here, there}, {there, here}} {
		phc, err := pair[0].Hash(t.Context(), secret("correct horse battery staple"))
		if err != nil {
			t.Fatal(err)
		}
		if ok, _, err := pair[1].Verify(t.Context(), secret("correct horse battery staple"), phc); !ok || err != nil {
			t.Fatalf("%v %v", ok, err)
		}
		if ok, _, err := pair[1].Verify(t.Context(), secret("incorrect horse"), phc); ok || err != nil {
			t.Fatalf("another password: %v %v", ok, err)
		}
	}
}

// TestWorkerIsReplaced: a worker that was killed costs nobody his sign-in.
func TestWorkerIsReplaced(t *testing.T) {
	p := away(t, Config{Params: cheap})
	for range 3 {
		if _, err := p.Hash(t.Context(), secret("x")); err != nil {
			t.Fatal(err)
		}
		if len(p.away.idle) != 1 {
			t.Fatalf("%d idle workers", len(p.away.idle))
		}
		p.away.idle[0].cmd.Process.Kill()
	}
}

// TestWorkerGivesWay: every thread of a worker has the lowest priority and is in the idle class, or reads wait behind hashes. One that
// starves there is replaced by one that is not, and nobody's sign-in fails for it; after a while the idle class is tried again.
func TestWorkerGivesWay(t *testing.T) {
	p := away(t, Config{Params: Least})
	hash := func(policy string) {
		t.Helper()
		if _, err := p.Hash(t.Context(), secret("x")); err != nil {
			t.Fatal(err)
		}
		c := p.away.idle[len(p.away.idle)-1]
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.cmd.Process.Pid))
		if len(stats) == 0 {
			if _, err := os.Stat("/proc/self/task"); err == nil {
				t.Fatal("the worker's threads cannot be seen")
			}
			return // a system without /proc promises nothing here
		}
		for _, path := range stats {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // the thread ended
			}
			_, rest, _ := strings.Cut(string(text), ") ")
			if f := strings.Fields(rest); f[16] != "19" || f[38] != policy { // fields 19 and 41 of proc(5): nice and policy
				t.Errorf("%s: nice %s, policy %s, want 19 and %s", path, f[16], f[38], policy)
			}
		}
	}
	const ordinaryClass, idleClass = "0", "5"
	p.away.floor = time.Minute // this machine may be as busy as it likes
	hash(idleClass)
	p.away.floor = time.Nanosecond // a child that does not get a moment
	hash(ordinaryClass)
	hash(ordinaryClass)
	if p.away.starved == nil || len(p.away.idle) != 1 {
		t.Fatalf("starved: %v, %d children", p.away.starved != nil, len(p.away.idle))
	}
	p.away.floor = time.Minute
	p.away.retry()
	hash(idleClass)
}

// TestWorkerIdle: without work a worker ends, and its memory is the system's again.
func TestWorkerIdle(t *testing.T) {
	p := away(t, Config{Params: cheap})
	if _, err := p.Hash(t.Context(), secret("x")); err != nil {
		t.Fatal(err)
	}
	c := p.away.idle[0]
	p.away.retire(c)
	if len(p.away.idle) != 0 || c.cmd.ProcessState == nil {
		t.Fatal("it goes on")
	}
}

// TestNoWorker: a program that is no worker is 503, never a yes and never a hash in the server's own process, be the stored one ours or another
// program's.
func TestNoWorker(t *testing.T) {
	here := func(string, string) (bool, bool) {
		t.Error("it was verified in this process")
		return true, true
	}
	ours := secret("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	for _, command := range [][]string{{"/nonexistent"}, {"/bin/true"}, {"/bin/echo", "fastpw1"}} {
		p := New(Config{Params: cheap, Command: command, Foreign: here})
		if _, err := p.Hash(t.Context(), secret("x")); types.KindOf(err) != types.Unavailable {
			t.Errorf("%v: %v", command, err)
		}
		for _, stored := range []types.Secret{ours, secret("$2b$10$kHbhTRddPyEvcQUeq1n72.5YClttjrLSX/Uhl3CRcr2ibuLskSfLK")} {
			if ok, _, err := p.Verify(t.Context(), secret("password"), stored); ok || types.KindOf(err) != types.Unavailable {
				t.Errorf("%v: %s: %v %v", command, stored.Reveal(), ok, err)
			}
		}
	}
}

// TestForeignElsewhere: where there are workers they verify hashes of other programs, and this process does not. One that is killed costs nobody
// his sign-in; one that dies of every such question is 503.
func TestForeignElsewhere(t *testing.T) {
	mark := secret(fmt.Sprint("not in process ", os.Getpid()))
	if ok, stale, err := New(Config{Params: cheap, Foreign: elsewhere}).Verify(t.Context(), secret("x"), mark); ok || !stale || err != nil {
		t.Fatalf("without workers: %v %v %v", ok, stale, err)
	}
	p := away(t, Config{Params: cheap, Foreign: elsewhere})
	for range 2 {
		if ok, stale, err := p.Verify(t.Context(), secret("x"), mark); !ok || !stale || err != nil {
			t.Fatalf("with workers: %v %v %v", ok, stale, err)
		}
		p.away.idle[0].cmd.Process.Kill()
	}
	imported := secret("$2b$10$kHbhTRddPyEvcQUeq1n72.5YClttjrLSX/Uhl3CRcr2ibuLskSfLK")
	if ok, stale, err := p.Verify(t.Context(), secret("correct horse battery staple"), imported); !ok || !stale || err != nil {
		t.Errorf("the password: %v %v %v", ok, stale, err)
	}
	if ok, stale, err := p.Verify(t.Context(), secret("another"), imported); ok || !stale || err != nil {
		t.Errorf("another password: %v %v %v", ok, stale, err)
	}
	for _, s := range []string{"nobody's", "$2b$31$" + strings.Repeat("a", 53), strings.Repeat("x", 1<<20)} {
		if ok, _, err := p.Verify(t.Context(), secret("x"), secret(s)); ok || !errors.Is(err, errForeign) {
			t.Errorf("%.20s: %v %v", s, ok, err)
		}
	}
	if ok, _, err := p.Verify(t.Context(), secret("x"), secret("the end")); ok || types.KindOf(err) != types.Unavailable {
		t.Errorf("a worker that dies: %v %v", ok, err)
	}
	if ok, _, err := p.Verify(t.Context(), secret(strings.Repeat("x", 1<<20)), imported); ok || types.KindOf(err) != types.Invalid {
		t.Errorf("a megabyte: %v %v", ok, err)
	}
}

// TestForeignIsDearer: a hash of another program may cost more than ours without being taken for one that starves.
func TestForeignIsDearer(t *testing.T) {
	p := away(t, Config{Params: cheap, Foreign: elsewhere})
	if p.away.theirFloor < 4*p.away.floor {
		t.Errorf("ours may take %v and theirs %v", p.away.floor, p.away.theirFloor)
	}
	p.away.floor, p.away.theirFloor = time.Nanosecond, time.Minute // this machine may be as busy as it likes
	if ok, _, err := p.Verify(t.Context(), secret("x"), secret("not in process 0")); !ok || err != nil || p.away.starved != nil {
		t.Errorf("%v %v, starved: %v", ok, err, p.away.starved != nil)
	}
}

func TestHugePassword(t *testing.T) {
	p := New(Config{Params: cheap})
	if _, err := p.Hash(t.Context(), secret(strings.Repeat("x", 1<<20))); types.KindOf(err) != types.Invalid {
		t.Errorf("a megabyte: %v", err)
	}
}

// TestManyAtOnce: answers do not get mixed up between those who wait.
func TestManyAtOnce(t *testing.T) {
	p := away(t, Config{Params: cheap, Workers: 2})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			pw := fmt.Sprint("password ", i)
			salt := []byte(fmt.Sprintf("salt%012d", i))
			key, err := p.derive(t.Context(), pw, salt, cheap, 1, 32)
			if err != nil || !bytes.Equal(key, argon2.IDKey([]byte(pw), salt, cheap.Time, cheap.MemoryKiB, 1, 32)) {
				t.Errorf("%d: %x, %v", i, key, err)
			}
		})
	}
	wg.Wait()
}

func TestAbsurdQuestions(t *testing.T) {
	here := func(string, string) (bool, bool) {
		t.Error("something was verified")
		return true, true
	}
	for _, q := range [][]byte{nil, make([]byte, 20), {ours}, append([]byte{ours}, bytes.Repeat([]byte{255}, 40)...), {ours, 0, 0, 0, 1, 0, 0, 0, 8, 1, 32, 200},
		{theirs}, {theirs, 0}, {theirs, 0, 2, 'x'}, {theirs, 255, 255, 'x'}, append([]byte{theirs}, make([]byte, maxQuestion)...)} {
		if _, err := answer(q, here); !errors.Is(err, errChild) {
			t.Errorf("%v: %v", q, err)
		}
	}
	if a, err := answer([]byte{theirs, 0, 1, 'x', 'y'}, nil); err != nil || a[0] != unknown {
		t.Errorf("without a verifier: %v %v", a, err)
	}
}

func BenchmarkHashInWorker(b *testing.B) {
	p := away(b, Config{})
	for b.Loop() {
		if _, err := p.Hash(b.Context(), secret("correct horse battery staple")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareArgon2id(b *testing.B) {
	for b.Loop() {
		argon2.IDKey([]byte("correct horse battery staple"), dummySalt[:], Least.Time, Least.MemoryKiB, 1, keyLen)
	}
}
