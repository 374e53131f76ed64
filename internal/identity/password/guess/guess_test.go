package guess_test

import (
	"bufio"
	"compress/gzip"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ccojocar/zxcvbn-go/frequency"

	"github.com/fastness-dev/fastness/internal/identity/password/guess"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestListIsSorted: the list is what a look-up by halves needs, and no larger than a megabyte.
func TestListIsSorted(t *testing.T) {
	list, err := os.ReadFile("list.bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) > 1<<20 || len(list)%guess.Size != 0 || guess.Entries() != len(list)/guess.Size || guess.Entries() < 100_000 {
		t.Fatalf("%d bytes, %d entries", len(list), guess.Entries())
	}
	for i := guess.Size; i < len(list); i += guess.Size {
		if string(list[i-guess.Size:i]) >= string(list[i:i+guess.Size]) {
			t.Fatalf("entry %d is not above the one before", i/guess.Size)
		}
	}
}

// TestSourcesAreRefused: whatever the lists of zxcvbn and our own hold is common.
func TestSourcesAreRefused(t *testing.T) {
	own, err := os.ReadFile("own.txt")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string][]string{"own": strings.Fields(string(own))}
	for name, l := range frequency.Lists {
		sources[name] = l.List
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		for _, w := range sources[name] {
			if len(guess.Plain(w)) >= 4 && !guess.Common(w) {
				t.Errorf("%s: %q passes", name, w)
			}
		}
	}
}

// TestDisguises: an entry stands for its variants; what only resembles one is nobody's first guess.
func TestDisguises(t *testing.T) {
	for password, common := range map[string]bool{
		"password": true, "PASSWORD": true, "Pa$$w0rd": true, "p455w0rd!": true, "pass word": true, "passwordpassword": true, "Password2026!": true,
		"1l0vey0u": true, "i|oveyou": true, "5unsh1ne": true, "Michael1987": true, "understanding": true, "Understanding99!": true,
		"1qaz2wsx3edc": true, "zaq12wsx": true, "qwertzuiop": true, "azertyuiop": true, "1q2w3e4r5t6y": true, "qweasdzxc": true, "0987654321": true,
		"aaaaaaaaaaaa": true, "        ": true, "........": true, "abcdefghijklmnop": true, "1qaz2wsx99!": true, "123456789!!": true, "12341234": true,
		"kettle of seven grey herons": false, "understanding herons": false, "xq7Lmw2vTp": false, "mapleTrout88kite": false,
	} {
		if got := guess.Common(password); got != common {
			t.Errorf("%q: %v", password, got)
		}
	}
}

// TestFewMistakes: of words that nobody chose hardly one is taken for a common one.
func TestFewMistakes(t *testing.T) {
	wrong := 0
	for i := range 100_000 {
		if guess.Common(string(rune('a'+i%26)) + "vqx" + strings.Repeat("zkw", 1+i%3) + string(rune('a'+i/26%26)) + "jq" + string(rune('a'+i/676%26)) + "w" + string(rune('a'+i/17576))) {
			wrong++
		}
	}
	if wrong > 3 {
		t.Errorf("%d of 100,000 are called common", wrong)
	}
}

// django is the list that Django refuses, as Debian ships it.
const django = "/usr/lib/python3/dist-packages/django/contrib/auth/common-passwords.txt.gz"

// TestDjangosListIsRefused: whatever Django refuses we refuse.
func TestDjangosListIsRefused(t *testing.T) {
	f, err := os.Open(hosttest.File(t, django, "install Debian's python3-django"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for s := bufio.NewScanner(z); s.Scan(); n++ {
		if !guess.Common(s.Text()) {
			t.Errorf("%q passes", s.Text())
		}
	}
	if n < 19_000 {
		t.Errorf("%d passwords were tried", n)
	}
}
