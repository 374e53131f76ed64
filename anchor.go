package fastness

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// An anchor says when this server was last known to run on its database, and under which random name. One is kept in the database and one
// outside. A database that is behind the one outside is a copy that was put back: sessions that were ended since, and links that were used,
// would live again.
type anchor struct {
	at         int64 // microseconds; grows with each mark
	generation types.ID
}

// markEvery is how often a running server drops its anchor anew; a copy made since the last time is not told from the database itself.
const markEvery = time.Minute

func (s anchor) String() string { return fmt.Sprintf("%d %s\n", s.at, s.generation) }

// readAnchor is the zero anchor for what does not say one.
func readAnchor(text string) (s anchor) {
	if n, err := fmt.Sscanf(text, "%d %s", &s.at, &s.generation); err != nil || n != 2 {
		return anchor{}
	}
	return s
}

// behind reports whether a database with this anchor is older than what is known outside. Of servers on one database each has its own
// anchor outside, and the database's is the newest of all.
func (s anchor) behind(outside anchor) bool {
	return s.at < outside.at || s.at == outside.at && s.generation != outside.generation
}

// anchors are the files outside the database: one in the data folder and one beside the root key, which the copy of a whole data folder does
// not bring back. The name is the database's, so that others of the same service do not meet.
func (a *App) anchors(ctx context.Context) ([]string, error) {
	canary, err := a.meta(ctx, "canary")
	if err != nil {
		return nil, err
	}
	sum := fnv.New64a()
	sum.Write(canary)
	name := fmt.Sprintf("anchor-%016x", sum.Sum64())
	return []string{filepath.Join(a.DataDir(), name), filepath.Join(filepath.Dir(a.rootKey), name)}, nil
}

// anchored ends what a database that was put back would revive, and marks this start.
func (a *App) anchored(ctx context.Context) error {
	paths, err := a.anchors(ctx)
	if err != nil {
		return err
	}
	var outside anchor
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("fastness: %w", err)
		}
		if found := readAnchor(string(text)); found.at > outside.at {
			outside = found
		}
	}
	inside, err := a.meta(ctx, "anchor")
	if err != nil {
		return err
	}
	if have := readAnchor(string(inside)); have.behind(outside) {
		a.opt.Log.Warn("the database is a copy of an earlier time: all sessions and API tokens are ended, and links that waited are void; what was changed since is as it was then, passwords and roles too",
			"database", types.FromMicros(have.at).Format(time.RFC3339), "last_run", types.FromMicros(outside.at).Format(time.RFC3339))
		if err := a.Identity.EndAll(ctx, "a copy of the database was put back"); err != nil {
			return err
		}
	}
	return a.mark(ctx, paths, outside)
}

var writeAnchor = store.SQL("INSERT INTO fastness_meta (name, value) VALUES ('anchor', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")

// mark drops the anchor anew: first in the database, then outside, so that the one outside is never ahead of a database that was not put back.
func (a *App) mark(ctx context.Context, paths []string, outside anchor) error {
	next := anchor{generation: types.RandomID()}
	err := a.DB.Write(ctx, func(tx store.Tx) error {
		rows, err := tx.Query(ctx, readMeta, types.TextValue("anchor"))
		if err != nil {
			return err
		}
		var have anchor
		if rows.Next() {
			have = readAnchor(string(rows.Bytes(0)))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		next.at = max(types.Micros(a.opt.Clock.Now()), have.at+1, outside.at+1)
		_, err = tx.Exec(ctx, writeAnchor, types.BytesValue([]byte(next.String())))
		return err
	})
	if err != nil {
		return err
	}
	if err := replace(paths[0], next.String()); err != nil {
		return fmt.Errorf("fastness: %w; give the data folder to the user that runs this", err)
	}
	replace(paths[1], next.String()) // the key's folder is often another's; the data folder has one
	return nil
}

// remark is mark while the server runs.
func (a *App) remark(ctx context.Context) {
	paths, err := a.anchors(ctx)
	if err == nil {
		err = a.mark(ctx, paths, anchor{})
	}
	if err != nil && ctx.Err() == nil {
		a.opt.Log.Warn("that this server runs was not written down", "error", err.Error())
	}
}

// replace puts a small file in the place of another at once.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".anchor")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
