// Command mklist makes the list of common passwords from its sources: Django's list, as Debian ships it in python3-django, the lists of zxcvbn, words
// of our own, and walks over keyboards. It runs through go generate, in the folder of the list, and says how much came from where.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/ccojocar/zxcvbn-go/frequency"

	"github.com/fastness-dev/fastness/internal/identity/password/guess"
)

// django is where Debian's python3-django keeps its list.
const django = "/usr/lib/python3/dist-packages/django/contrib/auth/common-passwords.txt.gz"

// maxList is the most bytes of the list.
const maxList = 1 << 20

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mklist:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	set := map[string]bool{}
	note := func(what string, words []string, least int) {
		before := len(set)
		for _, w := range words {
			plain := guess.Plain(w)
			for _, form := range []string{plain, guess.Once(plain)} {
				if len([]rune(form)) >= least {
					set[form] = true
				}
			}
			if core := guess.Core(plain); len([]rune(core)) >= 5 {
				set[core] = true
			}
		}
		fmt.Fprintf(out, "%s: %d, of which %d are new\n", what, len(words), len(set)-before)
	}
	theirs, err := djangos()
	if err != nil {
		return err
	}
	own, err := os.ReadFile("own.txt")
	if err != nil {
		return err
	}
	note("Django", theirs, 1)
	for _, name := range slices.Sorted(maps.Keys(frequency.Lists)) {
		note("zxcvbn "+name, frequency.Lists[name].List, 4)
	}
	note("our own", strings.Fields(string(own)), 4)
	note("walks and runs", walks(), 1)
	return write(out, set)
}

func djangos() ([]string, error) {
	f, err := os.Open(django)
	if err != nil {
		return nil, fmt.Errorf("%w; install python3-django", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var out []string
	s := bufio.NewScanner(z)
	for s.Scan() {
		out = append(out, s.Text())
	}
	return out, s.Err()
}

func write(out io.Writer, set map[string]bool) error {
	hashes := make([][guess.Size]byte, 0, len(set))
	for form := range set {
		hashes = append(hashes, guess.Hash(form))
	}
	slices.SortFunc(hashes, func(a, b [guess.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	hashes = slices.Compact(hashes)
	var list []byte
	for _, h := range hashes {
		list = append(list, h[:]...)
	}
	if len(list) > maxList {
		return fmt.Errorf("the list would have %d bytes, more than %d; take a source away", len(list), maxList)
	}
	fmt.Fprintf(out, "%d entries, %d bytes\n", len(hashes), len(list))
	return os.WriteFile("list.bin", list, 0o644) // #nosec G306 -- a list of hashes that the repository publishes
}
