package sqlite

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sys/unix"

	"github.com/fastness-dev/fastness/internal/types"
)

// room is what a file system must still have, and a file must still be allowed to grow, for a failed write to have had another cause
// than a full storage: more than the largest single write of SQLite.
const room = 128 << 10

func storageFull(err error) error {
	return &types.Error{Kind: types.Full, Code: "storage_full", Detail: "the storage is full; nothing was changed, try again later", Err: err}
}

// trouble is translate for what writes: SQLite says of a disk without room and of a broken one that input or output failed, and by the time
// we are told the operating system's reason is lost. So the disk is asked.
func (db *DB) trouble(err error) error {
	if errors.Is(err, sqlite3.IOERR) && db.full() {
		return storageFull(err)
	}
	return translate(err)
}

// full reports whether the file system has no room left, or a file of the database is as large as this process may make it.
func (db *DB) full() bool {
	var fs unix.Statfs_t
	if unix.Statfs(db.cfg.Dir, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) < room {
		return true
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil {
		return false
	}
	for _, name := range []string{"fastness.db", "fastness.db-wal"} {
		if info, err := os.Stat(filepath.Join(db.cfg.Dir, name)); err == nil && uint64(info.Size())+room > limit.Cur {
			return true
		}
	}
	return false
}
