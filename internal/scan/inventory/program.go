package inventory

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// program reads the modules of a Go program from what the linker left in it. Other files that can be executed hold none, and pass.
func (w *walk) program(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		w.problem(name, fmt.Errorf("cannot be read: %w; let this account read it", err))
		return nil
	}
	if info.Mode()&0o111 == 0 && !strings.HasSuffix(name, ".exe") {
		return nil
	}
	f, err := w.root.Open(name)
	if err != nil {
		w.problem(name, fmt.Errorf("cannot be opened: %w; let this account read it", err))
		return nil
	}
	defer f.Close()
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || !linked(string(head[:])) {
		return nil
	}
	found, err := readProgram(f)
	if err != nil {
		w.problem(name, err)
		return nil
	}
	if found != nil {
		w.add(name, "Go program", found)
	}
	return nil
}

// linked tells by its first bytes whether a file is an ELF, PE or Mach-O program.
func linked(head string) bool {
	return head == "\x7fELF" || head[:2] == "MZ" || head == "\xcf\xfa\xed\xfe" || head == "\xce\xfa\xed\xfe" || head == "\xfe\xed\xfa\xcf" || head == "\xfe\xed\xfa\xce"
}

// readProgram lists the modules of a program; nil for one that Go did not make. The standard library says of its readers of programs
// that they are not hardened, so a panic of theirs is an answer too.
func readProgram(r io.ReaderAt) (found []Component, err error) {
	defer func() {
		if recover() != nil {
			found, err = nil, fmt.Errorf("is no program that can be read; build it anew or remove it")
		}
	}()
	info, failed := buildinfo.Read(r)
	if failed != nil {
		return nil, nil
	}
	if v := toolchain(info.GoVersion); v != "" {
		found = append(found, Component{Ecosystem: Go, Name: "stdlib", Version: v})
	}
	for _, m := range info.Deps {
		hashed := m.Sum != ""
		if m.Replace != nil {
			m, hashed = m.Replace, m.Replace.Sum != ""
		}
		if m.Version == "" || m.Version == "(devel)" {
			continue // a folder of the project itself
		}
		found = append(found, Component{Ecosystem: Go, Name: m.Path, Version: m.Version, Hashed: hashed})
	}
	return found, nil
}

// toolchain is the semantic version of a Go release: go1.22rc1 is 1.22.0-rc.1, as the database of Go's holes writes it.
func toolchain(text string) string {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "go"), " ")
	text, _, _ = strings.Cut(text, "-")
	for _, kind := range []string{"rc", "beta"} {
		if release, n, ok := strings.Cut(text, kind); ok {
			return filled(release) + "-" + kind + "." + n
		}
	}
	if text == "" || text[0] < '0' || text[0] > '9' {
		return ""
	}
	return filled(text)
}

// filled appends the patch level that a release of Go leaves out.
func filled(release string) string {
	if strings.Count(release, ".") == 1 {
		return release + ".0"
	}
	return release
}
