package project

import (
	"os"
	"path/filepath"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/scan"
)

// declared compiles the declaration of this backend in a project, as fastness check does; nil when the project has none.
func declared(dir string) func() ([]string, error) {
	name := filepath.Join(dir, scan.Declaration)
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return func() ([]string, error) {
		p, err := fastness.Check(name, fastness.Options{Environment: "production"})
		if err != nil {
			return nil, err
		}
		return p.Warnings, nil
	}
}
