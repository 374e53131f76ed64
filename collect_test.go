package fastness

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// TestMemoryOfTheCgroup: the lowest limit around the process counts, of either version, also where a container hides the path.
func TestMemoryOfTheCgroup(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2":              {map[string]string{"proc/self/cgroup": "0::/app.slice/x\n", "sys/fs/cgroup/app.slice/x/memory.max": "max\n", "sys/fs/cgroup/app.slice/memory.max": "536870912\n"}, 512 << 20},
		"the lower one":          {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "100\n", "sys/fs/cgroup/a/b/memory.max": "50\n"}, 50},
		"a container":            {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n"}, 1000},
		"a path that is hidden":  {map[string]string{"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "1000\n"}, 1000},
		"version 1":              {map[string]string{"proc/self/cgroup": "5:cpu,memory:/docker/x\n1:name=systemd:/y\n", "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "2000\n"}, 2000},
		"version 1 without one":  {map[string]string{"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, math.MaxInt64},
		"none":                   {map[string]string{"proc/self/cgroup": "0::/x\n"}, math.MaxInt64},
		"a system without these": {nil, math.MaxInt64},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := cgroupMemory(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestMemoryIsLimited: seven tenths of the cgroup's limit bound the process; without a limit it stays as it was.
func TestMemoryIsLimited(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(was) })
	root := t.TempDir()
	limitMemory(root)
	if got := debug.SetMemoryLimit(-1); got != was {
		t.Errorf("without a cgroup the limit is %d, was %d", got, was)
	}
	for path, text := range map[string]string{"proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/x/memory.max": "10000000000\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	limitMemory(root)
	if got := debug.SetMemoryLimit(-1); got != 7_000_000_000 {
		t.Errorf("the limit is %d", got)
	}
}

// TestSlackOfTheCollector: a small heap may grow to four times its size, a large one by a half; between, what lies about is bounded.
func TestSlackOfTheCollector(t *testing.T) {
	for live, want := range map[uint64]int{0: 300, 8 << 20: 300, 16 << 20: 300, 48 << 20: 100, 96 << 20: 50, 4 << 30: 50} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB in use: %d %%, want %d", live>>20, got, want)
		}
	}
}
