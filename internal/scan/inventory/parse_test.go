package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// names are one file of each format that is text.
var names = []string{"requirements.txt", "poetry.lock", "uv.lock", "pylock.toml", "package-lock.json", "yarn.lock", "go.mod", "Dockerfile", "x.dist-info/METADATA"}

// TestBroken: what is broken is refused with its line.
func TestBroken(t *testing.T) {
	deep := strings.Repeat("[", 1000)
	for name, cases := range map[string]map[string]int{
		"requirements.txt":     {"a==1\n==2\n": 2, "a==1\n\xff\n": 2, "a ! b\n": 1},
		"poetry.lock":          {"[[package]]\nname = \"a\"\nname = \"b\"\n": 3, "x = " + deep: 1, "[[package]]\nversion = \"1\"\n": 1},
		"uv.lock":              {"[[package]]\n": 1, "version = 1\nx = \"\"\"\n": 2, "version = 1\nx = " + deep: 2},
		"pylock.toml":          {"lock-version = \"9\"\n": 1, "lock-version = 1\n": 1},
		"package-lock.json":    {"{\n\"lockfileVersion\": 4}": 1, "{\n\"lockfileVersion\": 3,\n}": 2, "{\"lockfileVersion\": 3,\n\"a\":" + strings.Repeat("[", 20000): 2},
		"yarn.lock":            {"__metadata:\n": 1, "a@1:\n  resolved x\n": 1, "  version \"1\"\n": 1, "a@1:\n  version \"1\"\nb\n": 3},
		"go.mod":               {"module x\nfoo y\n": 2, "require (\n": 2, "module x\nrequire a\n": 2, "replace a b\n": 1},
		"Dockerfile":           {"FROM\n": 1, "FROM --platform=x\n": 1},
		"x.dist-info/METADATA": {"Name: x\n\nVersion: 1\n": 1},
	} {
		_, read := format(name)
		for text, line := range cases {
			_, err := read([]byte(text))
			var b *broken
			if !errors.As(err, &b) || b.line != line {
				t.Errorf("%s %.40q: %+v, want line %d", name, text, err, line)
			}
		}
	}
}

// TestRequirements reads the forms of pip's documentation and PEP 508.
func TestRequirements(t *testing.T) {
	for line, want := range map[string]string{
		"a==1.0": "a 1.0", "A.b_C == 1.0": "a-b-c 1.0", "a[x,y]==1; python_version<'3'": "a 1", "a===1.0+local": "a 1.0+local", "a (==1.0)": "a 1.0",
		"a>=1": "a ", "a==1.*": "a ", "a==1,<2": "a ", "a": "a ", "a @ https://x.example/a.whl": "a ", "https://x.example/a.whl": "https://x.example/a.whl ",
		"./local": "./local ", "a==1 --hash=sha256:00": "a 1 hashed", "a==1 # b==2": "a 1", "a~=1.1": "a ",
	} {
		got, err := readRequirements([]byte(line + "\n"))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v %v", line, got, err)
			continue
		}
		text := got[0].Name + " " + got[0].Version
		if got[0].Hashed {
			text += " hashed"
		}
		if text != want {
			t.Errorf("%s: %q, want %q", line, text, want)
		}
	}
	for _, line := range []string{"", "# x", "--index-url https://x.example", "-r requirements-more.txt", "-c requirements-c.txt"} {
		if got, err := readRequirements([]byte(line + "\n")); err != nil || len(got) > 0 {
			t.Errorf("%s: %v %v", line, got, err)
		}
	}
}

// TestHashed: a digest is seen where the file has it, and not elsewhere.
func TestHashed(t *testing.T) {
	inv, err := Read(t.Context(), filepath.Join("..", "testdata"))
	if err != nil || len(inv.Problems) > 0 {
		t.Fatal(err, inv)
	}
	got := map[string]bool{}
	for _, c := range inv.Components {
		if dir, rest, _ := strings.Cut(c.File, "/open/"); rest != "" {
			got[dir+" "+c.Name] = c.Hashed
		}
	}
	for what, want := range map[string]bool{
		"pip django": true, "pip requests": false, "pip python": false, "pip registry.example:5000/base/run": true, "poetry django": true, "poetry requests": false,
		"uv django": true, "pylock requests": true, "yarn lodash": true, "yarn minimist": false, "service golang.org/x/text": true, "service golang.org/x/net": false,
	} {
		if has, ok := got[what]; !ok || has != want {
			t.Errorf("%s: hashed %v (there: %v), want %v", what, has, ok, want)
		}
	}
}

// TestTooLarge: a file beyond the bound is named, and not read.
func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "uv.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxSize+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, strings.Repeat("d/", maxDepth+2))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	inv, err := Read(t.Context(), dir)
	if err != nil || len(inv.Problems) != 2 {
		t.Fatalf("%v %+v", err, inv)
	}
	if text := fmt.Sprint(inv.Problems); !strings.Contains(text, "larger than 100 MB") || !strings.Contains(text, "deep") {
		t.Error(text)
	}
}

// FuzzParsers: any text is read or refused, with a line that it has.
func FuzzParsers(f *testing.F) {
	seeds := 0
	for i, name := range names {
		files, _ := filepath.Glob(filepath.Join("..", "testdata", "*", "*", name))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(i, text)
			seeds++
		}
	}
	if seeds < 14 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, which int, text []byte) {
		if which < 0 || which >= len(names) {
			return
		}
		_, read := format(names[which])
		found, err := read(text)
		lines := strings.Count(string(text), "\n") + 1
		var b *broken
		if errors.As(err, &b) && (b.line < 0 || b.line > lines) {
			t.Errorf("line %d of %d: %v", b.line, lines, err)
		}
		for _, c := range found {
			if c.Name == "" || c.Line < 0 || c.Line > lines {
				t.Errorf("%+v", c)
			}
		}
	})
}
