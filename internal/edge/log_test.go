package edge

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/types/meter"
)

// stuck is a writer that does not come back before it may.
type stuck struct {
	may     chan struct{}
	entered chan struct{}
	got     bytes.Buffer
	writes  int
}

func (w *stuck) Write(b []byte) (int, error) {
	if w.writes++; w.writes == 1 {
		close(w.entered)
	}
	<-w.may
	return w.got.Write(b)
}

// TestAccessLogIsBounded: lines that nobody takes away do not fill the memory, those that were dropped are counted, and what was taken is
// written whole, in order, in few writes, the last of them at the end.
func TestAccessLogIsBounded(t *testing.T) {
	w := &stuck{may: make(chan struct{}), entered: make(chan struct{})}
	m := &meter.Set{}
	l := newAccessLog(w, m)
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range muchLog/len(line) + 1 {
		l.add(line)
	}
	<-w.entered // much has gathered, and its write hangs
	for range 3 * mostLog / len(line) {
		l.add(line)
	}
	dropped := int(m.Get("fastness_access_log_dropped_total"))
	if held := cap(l.lines); held > 2*mostLog || dropped == 0 {
		t.Errorf("%d bytes wait, %d lines were dropped", held, dropped)
	}
	close(w.may)
	l.close()
	want := muchLog/len(line) + 1 + 3*mostLog/len(line) - dropped
	if got := bytes.Count(w.got.Bytes(), line); got != want || w.got.Len() != want*len(line) || w.writes > 5 {
		t.Errorf("%d lines in %d bytes and %d writes, want %d", got, w.got.Len(), w.writes, want)
	}
}
