package password

import (
	"bytes"
	"crypto/sha1" // #nosec G505 -- the published lists of leaked passwords are SHA-1; nothing is protected by it here
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// Breached is a file of leaked passwords in the format of Have I Been Pwned: lines "SHA1HEX:COUNT" in order of the hash. It is
// searched in place; nothing leaves the machine.
type Breached struct {
	file io.ReaderAt
	size int64
	end  func() error
}

// OpenBreached opens the file.
func OpenBreached(path string) (*Breached, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("password: open the list of leaked passwords: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Breached{file: f, size: info.Size(), end: f.Close}, nil
}

// Close closes the file.
func (b *Breached) Close() error { return b.end() }

// longestLine bounds one line of the list.
const longestLine = 64

// Has reports whether the password is in the list, by a binary search over the file.
func (b *Breached) Has(password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) // #nosec G401 -- the published lists are SHA-1
	want := strings.ToUpper(hex.EncodeToString(sum[:]))
	low, high := int64(0), b.size // the line that starts in [low, high)
	for low < high {
		mid := low + (high-low)/2
		line, start, next, err := b.lineAt(mid)
		if err != nil {
			return false, err
		}
		hash, _, _ := strings.Cut(line, ":")
		switch strings.Compare(strings.ToUpper(hash), want) {
		case 0:
			return true, nil
		case -1:
			low = next
		default:
			high = start
		}
	}
	return false, nil
}

// lineAt returns the line that covers the offset, where it starts and where the next one does.
func (b *Breached) lineAt(offset int64) (line string, start, next int64, err error) {
	from := max(offset-longestLine, 0)
	buf := make([]byte, 2*longestLine)
	n, err := b.file.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return "", 0, 0, err
	}
	buf = buf[:n]
	at := int(offset - from)
	begin := bytes.LastIndexByte(buf[:at], '\n') + 1
	if begin == 0 && from > 0 {
		return "", 0, 0, fmt.Errorf("password: the list of leaked passwords has a line of more than %d bytes", longestLine)
	}
	end := bytes.IndexByte(buf[at:], '\n')
	if end < 0 {
		end = n - at
	}
	stop := at + end
	return strings.TrimSpace(string(buf[begin:stop])), from + int64(begin), from + int64(stop) + 1, nil
}
