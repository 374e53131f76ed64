package osv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Update copies a database, a zip or a folder, to a folder of the user's and takes the place of the one before. One that cannot be read
// changes nothing.
func Update(ctx context.Context, from, to string) (*Database, error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, fmt.Errorf("keep the database of holes: %w; make that folder writable", err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(to), "osv-")
	if err != nil {
		return nil, fmt.Errorf("keep the database of holes: %w; make that folder writable", err)
	}
	defer os.RemoveAll(fresh)
	if err := copyAll(ctx, from, fresh); err != nil {
		return nil, err
	}
	db, err := Open(ctx, fresh, nil)
	if err != nil {
		return nil, err
	}
	if len(db.coverage) == 0 {
		return nil, fmt.Errorf("keep the database of holes: %s holds no entries; name a folder or a zip of OSV entries", from)
	}
	old := fresh + ".old"
	if err := os.Rename(to, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep the database of holes: %w; remove %s", err, to)
	}
	defer os.RemoveAll(old)
	if err := os.Rename(fresh, to); err != nil {
		return nil, fmt.Errorf("keep the database of holes: %w; call --update-db again", err)
	}
	return db, nil
}

// copyAll copies the entries and archives of a database.
func copyAll(ctx context.Context, from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("read the new database of holes: %w; name a folder or a zip that exists", err)
	}
	if !info.IsDir() {
		return copyOne(from, filepath.Join(to, "all.zip"))
	}
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the new database of holes: %w; let this account read it", err)
		}
		if ext := filepath.Ext(name); ctx.Err() != nil || !d.Type().IsRegular() || ext != ".json" && ext != ".zip" {
			return ctx.Err()
		}
		below, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, below)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("keep the database of holes: %w; make that folder writable", err)
		}
		return copyOne(name, target)
	})
}

func copyOne(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read the new database of holes: %w; let this account read it", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keep the database of holes: %w; make that folder writable", err)
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("keep the database of holes: %w; make room there", err)
	}
	return out.Close()
}
