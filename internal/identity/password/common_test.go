package password

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestCommonPasswords: what every list of guesses begins with is refused in its usual disguises, and a person's own words are not.
func TestCommonPasswords(t *testing.T) {
	p := &Policy{Min: 8}
	for password, refused := range map[string]bool{
		"Correct Horse Battery Staple": true, "correct-horse-battery-staple1!": true, "ToBeOrNotToBe,thatisthequestion!": false,
		"To be or not to be that is the question": true, "Thequickbrownfoxjumpsoverthelazydog99": true, "SuperCalifragilisticExpialidocious!!": true,
		"M4yTheF0rceBeWithY0u": true, "winter is coming 2026": true, "maytheforcebewithyoumaytheforcebewithyou": true,
		"kettle of seven grey herons": false, "Fähre nach Hiddensee um neun": false, "dragonfruit over the roof tiles": false,
	} {
		var e *types.Error
		err := p.Check(secret(password), false, nil)
		if got := errors.As(err, &e) && e.Fields[0].Code == "common"; got != refused {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// TestNoPasswordOfDjangosList: of the passwords that Django refuses, none that is long enough passes, with a second factor and without one.
func TestNoPasswordOfDjangosList(t *testing.T) {
	f, err := os.Open(hosttest.File(t, "/usr/lib/python3/dist-packages/django/contrib/auth/common-passwords.txt.gz", "install Debian's python3-django"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	p, n := &Policy{}, map[bool]int{}
	for s := bufio.NewScanner(z); s.Scan(); {
		for mfa, least := range map[bool]int{false: 15, true: 8} {
			if len([]rune(s.Text())) < least {
				continue
			}
			n[mfa]++
			var e *types.Error
			if err := p.Check(secret(s.Text()), mfa, nil); !errors.As(err, &e) || e.Fields[0].Code != "common" {
				t.Errorf("%q, with a second factor %v: %v", s.Text(), mfa, err)
			}
		}
	}
	if n[true] < 8_000 || n[false] < 40 {
		t.Errorf("tried were %v", n)
	}
}

// TestThousandWait: a storm of a thousand waiting sign-ins costs no memory to speak of, and everybody gets an answer.
func TestThousandWait(t *testing.T) {
	p := away(t, Config{Params: cheap, Workers: 2, Wait: time.Hour})
	stored, err := p.Hash(t.Context(), secret("kettle of seven grey herons"))
	if err != nil {
		t.Fatal(err)
	}
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			if ok, _, err := p.Verify(t.Context(), secret(fmt.Sprint("guess ", i)), stored); ok || err != nil {
				t.Errorf("%d: %v %v", i, ok, err)
			}
		})
	}
	most := 0
	for n := 0; most < 500 && n < 1_000_000; n++ {
		most = max(most, len(p.slots))
		runtime.Gosched()
	}
	runtime.GC()
	runtime.ReadMemStats(&during)
	wg.Wait()
	if most < 500 {
		t.Fatalf("only %d waited at once: nothing was measured", most)
	}
	grown := int64(during.HeapInuse+during.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("%d KiB for those who wait", grown>>10)
	if grown > 32<<20 {
		t.Errorf("%d KiB for those who wait", grown>>10)
	}
}
