package fastness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckReadsOwnPages: what is wrong with a team's own page is said by the check and at the start; its logo may lie beside it.
func TestCheckReadsOwnPages(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := place(t, "")
	folder := filepath.Join(dir, "pages")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	declaration := filepath.Join(dir, "fastness.yaml")
	text, err := os.ReadFile(declaration)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{declaration: string(text) + "\npages: {logo: pages/logo.svg}\n", filepath.Join(folder, "logo.svg"): "<svg/>",
		filepath.Join(folder, "de.txt"): "Sign in\n\tHerein\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Check(dir, Options{Environment: "development"}); err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	if err := os.WriteFile(filepath.Join(folder, "page-sign-in.html"), []byte(`{{define "content"}}hello{{end}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "pages/page-sign-in.html:1: "
	if _, err := Check(dir, Options{Environment: "development"}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the check says %v", err)
	}
	if a, err := Open(dir, Options{Environment: "development"}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the start says %v", err)
		if err == nil {
			a.Close()
		}
	}
}
