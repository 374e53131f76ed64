package osv

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// Limits of a database.
const (
	maxEntry   = 16 << 20  // bytes of an entry
	maxEntries = 2_000_000 // entries
	maxBytes   = 8 << 30   // bytes of all entries
)

// Package names what a scan wants to know about.
type Package struct{ Ecosystem, Name string }

// reading is one reading of a database.
type reading struct {
	ctx    context.Context
	db     *Database
	wanted map[string]bool
	count  int
	bytes  int64
}

// Open reads a database: a zip, or a folder of .json and .zip files. It keeps the entries of the packages wanted, and counts all.
func Open(ctx context.Context, at string, wanted []Package) (*Database, error) {
	r := &reading{ctx: ctx, db: &Database{entries: map[string][]*Entry{}, coverage: map[string]Coverage{}}, wanted: map[string]bool{}}
	for _, p := range wanted {
		r.wanted[key(p.Ecosystem, p.Name)] = true
	}
	info, err := os.Stat(at)
	if err != nil {
		return nil, fmt.Errorf("open the database of holes: %w; fetch one with fastness scan --update-db", err)
	}
	if !info.IsDir() {
		if err := r.zip(at); err != nil {
			return nil, err
		}
		return r.db, nil
	}
	root, err := os.OpenRoot(at) // a link within leads nowhere else
	if err != nil {
		return nil, fmt.Errorf("open the database of holes: %w; let this account read it", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the database of holes: %w; let this account read it", err)
		}
		switch {
		case !d.Type().IsRegular():
			return nil
		case filepath.Ext(name) == ".zip":
			return r.zip(filepath.Join(at, name))
		case filepath.Ext(name) == ".json":
			f, err := root.Open(name)
			if err != nil {
				return fmt.Errorf("read the database of holes: %w; let this account read it", err)
			}
			defer f.Close()
			return r.entry(filepath.Join(at, name), f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.db, nil
}

// zip reads the entries of an archive. Nothing is unpacked, so that their names lead nowhere.
func (r *reading) zip(at string) error {
	z, err := zip.OpenReader(at)
	if err != nil {
		return fmt.Errorf("read the database of holes: %s: %w; name a folder or a zip of OSV entries", at, err)
	}
	defer z.Close()
	for _, f := range z.File {
		if path.Ext(f.Name) != ".json" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return fmt.Errorf("read the database of holes: %s: %s: %w; fetch it anew", at, f.Name, err)
		}
		err = r.entry(at+": "+f.Name, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// entry reads one entry.
func (r *reading) entry(name string, in io.Reader) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEntry+1))
	if err != nil {
		return fmt.Errorf("read the database of holes: %s: %w; fetch it anew", name, err)
	}
	r.count++
	r.bytes += int64(len(text))
	if len(text) > maxEntry || r.count > maxEntries || r.bytes > maxBytes {
		return fmt.Errorf("read the database of holes: %s: the database is larger than any real one; fetch it anew", name)
	}
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("read the database of holes: %s: %w; fetch it anew", name, err)
	}
	if e.ID == "" || e.Modified.IsZero() {
		return fmt.Errorf("read the database of holes: %s: no entry in the OSV format; name a folder or a zip of OSV entries", name)
	}
	seen := map[string]bool{}
	for _, a := range e.Affected {
		ecosystem, _, _ := strings.Cut(a.Package.Ecosystem, ":")
		if !seen[ecosystem] {
			c := r.db.coverage[ecosystem]
			c.Entries++
			if e.Modified.After(c.Newest) {
				c.Newest = e.Modified
			}
			r.db.coverage[ecosystem] = c
			seen[ecosystem] = true
		}
		k := key(a.Package.Ecosystem, a.Package.Name)
		if r.wanted[k] && e.Withdrawn == nil && !seen[k] {
			seen[k] = true
			r.db.entries[k] = append(r.db.entries[k], &e)
		}
	}
	return nil
}
