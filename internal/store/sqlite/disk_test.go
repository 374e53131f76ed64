package sqlite_test

import (
	"io"
	"math/rand/v2"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// disk is a file layer for SQLite that behaves like a drive with a volatile cache: what was written is read back at once, and
// is on the platter only after a sync. At operation cutAt the power goes: everything fails from then on, and survivors says what
// is found afterwards, for which each unsynced write was kept, dropped or torn at random.
//
// It promises what SQLite relies on for the operating system's own layer (a write does not harm the bytes around it,
// IOCAP_POWERSAFE_OVERWRITE), and nothing more: no atomic sectors, no order.
type disk struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	files map[string]*inode
	shm   string // folder for the shared memory of the WAL index, which is lost with the power
	ops   int
	cutAt int // 0: never
	dead  bool
	fault fault
}

// fault makes syncs fail while the power is there.
type fault struct {
	left    int  // how many syncs still fail
	persist bool // what was to be synced is on the platter all the same
}

type inode struct {
	synced  []byte // what a cut leaves for certain
	cached  []byte // what is read
	pending []change
	durable bool // its name survives a cut
	shared  int  // lock holders
	reserve *handle
	pend    bool
}

// change is one unsynced write, or a truncation when data is nil.
type change struct {
	off  int64
	data []byte
}

const torn = 512 // bytes; writes are kept or lost in pieces of this size, the last of which may be shorter still

// step counts an operation and reports whether the power is still there.
func (d *disk) step() bool {
	d.ops++
	if d.ops == d.cutAt {
		d.dead = true
	}
	return !d.dead
}

// survivors is the disk after the cut. No file is open any more.
func (d *disk) survivors() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	out := &disk{rnd: d.rnd, files: map[string]*inode{}, shm: d.shm}
	mood := d.rnd.IntN(4) // 0 loses all that was not synced, 3 keeps all; between them each piece is tossed for
	for name, f := range d.files {
		if !f.durable && mood < 3 && d.rnd.IntN(2) == 0 {
			continue
		}
		b := append([]byte(nil), f.synced...)
		for _, c := range f.pending {
			if mood == 0 {
				break
			}
			b = c.apply(b, func() bool { return mood == 3 || d.rnd.IntN(mood+1) > 0 }, d.rnd)
		}
		out.files[name] = &inode{synced: b, cached: append([]byte(nil), b...), durable: true}
	}
	return out
}

// apply writes the pieces of c that keep agrees to; now and then a piece is cut off in its middle.
func (c change) apply(b []byte, keep func() bool, rnd *rand.Rand) []byte {
	if c.data == nil {
		if keep() {
			b = resize(b, c.off)
		}
		return b
	}
	for at := 0; at < len(c.data); at += torn {
		piece := c.data[at:min(at+torn, len(c.data))]
		if !keep() {
			if rnd == nil || rnd.IntN(8) > 0 {
				continue
			}
			piece = piece[:rnd.IntN(len(piece))]
		}
		end := c.off + int64(at+len(piece))
		if int64(len(b)) < end {
			b = resize(b, end)
		}
		copy(b[c.off+int64(at):], piece)
	}
	return b
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

func (d *disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if name == "" || flags&(vfs.OPEN_TEMP_DB|vfs.OPEN_TEMP_JOURNAL|vfs.OPEN_SUBJOURNAL|vfs.OPEN_TRANSIENT_DB) != 0 {
		return &vfsutil.SliceFile{}, flags | vfs.OPEN_MEMORY, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, flags, sqlite3.IOERR
	}
	f := d.files[name]
	if f == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, sqlite3.CANTOPEN
		}
		f = &inode{}
		d.files[name] = f
	}
	return &handle{disk: d, inode: f, shm: vfs.NewSharedMemory(d.shm+"/shm", flags)}, flags, nil
}

func (d *disk) Delete(name string, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.step() {
		return sqlite3.IOERR_DELETE
	}
	if d.files[name] == nil {
		return sqlite3.IOERR_DELETE_NOENT
	}
	delete(d.files, name)
	return nil
}

func (d *disk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

func (d *disk) FullPathname(name string) (string, error) { return name, nil }

// handle is an open file.
type handle struct {
	*disk
	*inode
	shm  vfs.SharedMemory
	lock vfs.LockLevel
}

func (h *handle) SharedMemory() vfs.SharedMemory { return h.shm }

func (h *handle) Close() error {
	h.Unlock(vfs.LOCK_NONE)
	if h.shm != nil {
		return h.shm.Close()
	}
	return nil
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		return 0, sqlite3.IOERR_READ
	}
	if off >= int64(len(h.cached)) {
		return 0, io.EOF
	}
	n := copy(p, h.cached[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	alive := h.step()
	if !alive && h.ops != h.cutAt {
		return 0, sqlite3.IOERR_WRITE
	}
	c := change{off, append([]byte{}, p...)}
	h.pending = append(h.pending, c)
	h.cached = c.apply(h.cached, func() bool { return true }, nil)
	if !alive {
		return 0, sqlite3.IOERR_WRITE
	}
	return len(p), nil
}

func (h *handle) Truncate(size int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.step() {
		return sqlite3.IOERR_TRUNCATE
	}
	h.pending = append(h.pending, change{off: size})
	h.cached = resize(h.cached, size)
	return nil
}

func (h *handle) Sync(vfs.SyncFlag) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.step() {
		return sqlite3.IOERR_FSYNC
	}
	failed := h.fault.left > 0
	if failed {
		if h.fault.left--; !h.fault.persist {
			return sqlite3.IOERR_FSYNC
		}
	}
	for _, c := range h.pending {
		h.synced = c.apply(h.synced, func() bool { return true }, nil)
	}
	h.pending, h.durable = nil, true
	if failed {
		return sqlite3.IOERR_FSYNC
	}
	return nil
}

func (h *handle) Size() (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int64(len(h.cached)), nil
}

func (h *handle) Lock(want vfs.LockLevel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lock >= want:
		return nil
	case want == vfs.LOCK_SHARED:
		if h.pend {
			return sqlite3.BUSY
		}
		h.shared++
	case want == vfs.LOCK_RESERVED:
		if h.reserve != nil {
			return sqlite3.BUSY
		}
		h.reserve = h
	case want == vfs.LOCK_EXCLUSIVE:
		if h.reserve != nil && h.reserve != h {
			return sqlite3.BUSY
		}
		h.reserve, h.pend, h.lock = h, true, vfs.LOCK_PENDING
		if h.shared > 1 {
			return sqlite3.BUSY
		}
	}
	h.lock = want
	return nil
}

func (h *handle) Unlock(to vfs.LockLevel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock <= to {
		return nil
	}
	if h.reserve == h {
		h.reserve, h.pend = nil, false
	}
	if to == vfs.LOCK_NONE && h.lock >= vfs.LOCK_SHARED {
		h.shared--
	}
	h.lock = to
	return nil
}

func (h *handle) CheckReservedLock() (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reserve != nil, nil
}

func (h *handle) SectorSize() int { return torn }

func (h *handle) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_POWERSAFE_OVERWRITE | vfs.IOCAP_SUBPAGE_READ
}
