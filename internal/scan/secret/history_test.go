package secret

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingOfTheProjectRuns: a project that names programs in every place where git looks for them runs none.
func TestNothingOfTheProjectRuns(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "one\n")
	r.commit()
	r.write("a.txt", "gh"+"p_"+invented(70, 36, alnum)+"\n")
	r.write(".gitattributes", "* diff=evil filter=evil merge=evil\n")
	r.commit()
	marker := filepath.Join(t.TempDir(), "marker")
	evil := filepath.Join(r.dir, ".git", "evil.sh")
	if err := os.WriteFile(evil, []byte("#!/bin/sh\ntouch "+marker+"\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := "\n[core]\n\tfsmonitor = EVIL\n\thooksPath = .git\n\tpager = EVIL\n\tsshCommand = EVIL\n\tgitProxy = EVIL\n\teditor = EVIL\n\talternateRefsCommand = EVIL\n" +
		"[diff]\n\texternal = EVIL\n[diff \"evil\"]\n\ttextconv = EVIL\n\tcommand = EVIL\n[filter \"evil\"]\n\tclean = EVIL\n\tsmudge = EVIL\n\tprocess = EVIL\n" +
		"[pager]\n\trev-list = EVIL\n\tcat-file = EVIL\n\tdiff-tree = EVIL\n[gpg]\n\tprogram = EVIL\n[log]\n\tshowSignature = true\n[credential]\n\thelper = EVIL\n" +
		"[protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n[remote \"origin\"]\n\turl = ext::EVIL\n\tpromisor = true\n\tuploadpack = EVIL\n" +
		"[extensions]\n\tpartialClone = origin\n[alias]\n\trev-list = !EVIL\n"
	f, err := os.OpenFile(filepath.Join(r.dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, strings.ReplaceAll(config, "EVIL", evil))
	f.Close()
	// A blob that is missing would be fetched by a partial clone.
	id := r.git("-c", "core.fsmonitor=false", "rev-parse", "HEAD~1:a.txt")
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
	os.Remove(marker)
	got, report := find(t, r.dir)
	if _, err := os.Stat(marker); !os.IsNotExist(err) {
		t.Fatal("a program of the project ran")
	}
	if len(got) != 1 || got[0].Commit == "" {
		t.Errorf("findings %+v", got)
	}
	if !strings.Contains(fmt.Sprint(report.Unknowns), "1 objects are missing") {
		t.Errorf("unknown %v; the missing blob is not named", report.Unknowns)
	}
}

// TestHistoryThatCannotBeToldIsUnknown: never clean, never an error.
func TestHistoryThatCannotBeToldIsUnknown(t *testing.T) {
	base := newRepo(t)
	base.write("a.txt", "one\n")
	base.commit()
	base.write("a.txt", "two\n")
	base.commit()
	clone := func(t *testing.T, args ...string) string {
		dir := filepath.Join(t.TempDir(), "clone")
		base.git("config", "uploadpack.allowFilter", "true")
		base.git(append(append([]string{"clone", "-q"}, args...), "file://"+base.dir, dir)...)
		return dir
	}
	for name, c := range map[string]struct {
		make func(t *testing.T) string
		want string
	}{
		"no repository": {func(t *testing.T) string { return t.TempDir() }, "no Git history"},
		"shallow":       {func(t *testing.T) string { return clone(t, "--depth=1") }, "shallow"},
		"without blobs": {func(t *testing.T) string { return clone(t, "--filter=blob:none", "--no-checkout") }, "partial"},
		"without trees": {func(t *testing.T) string { return clone(t, "--filter=tree:0", "--no-checkout") }, "2 commits cannot be read"},
		"borrowed":      {func(t *testing.T) string { d := clone(t); alternates(t, d, base.dir); return d }, "borrows objects"},
		"worktree": {func(t *testing.T) string {
			dir := filepath.Join(t.TempDir(), "w")
			base.git("worktree", "add", "-q", "--detach", dir)
			return dir
		}, "leads to another folder"},
		"link": {func(t *testing.T) string {
			dir := t.TempDir()
			if err := os.Symlink(filepath.Join(base.dir, ".git"), filepath.Join(dir, ".git")); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "leads to another folder"},
		"submodule": {func(t *testing.T) string {
			r := newRepo(t)
			r.git("submodule", "--quiet", "add", "file://"+base.dir, "sub")
			r.commit()
			return r.dir
		}, "submodule"},
		"broken": {func(t *testing.T) string {
			d := clone(t)
			packs, _ := filepath.Glob(filepath.Join(d, ".git/objects/pack/*.pack"))
			for _, p := range packs {
				os.Chmod(p, 0o600)
				if err := os.WriteFile(p, []byte("PACK"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return d
		}, "did not finish"},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := find(t, c.make(t))
			if got := fmt.Sprint(report.Unknowns); !strings.Contains(got, c.want) {
				t.Errorf("unknown %s; want %q", got, c.want)
			}
		})
	}
}

func alternates(t *testing.T, dir, other string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, ".git/objects/info"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git/objects/info/alternates"), []byte(other+"/.git/objects\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMergesAndReturns: a secret that a merge brings is found, and one that came back is there.
func TestMergesAndReturns(t *testing.T) {
	value := "gh" + "p_" + invented(80, 36, alnum)
	r := newRepo(t)
	r.write("a.txt", value+"\n")
	first := r.commit()
	r.write("a.txt", "clean\n")
	r.commit()
	r.write("a.txt", "more\n"+value+"\n")
	r.commit()
	r.git("checkout", "-q", "-b", "side", "HEAD~1")
	r.write("b.txt", "side\n")
	r.commit()
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-commit", "side")
	r.write("evil.txt", "xo"+"xb-"+invented(81, 30, alnum))
	merge := r.commit()
	got, report := find(t, r.dir)
	if len(report.Unknowns) != 0 || len(got) != 2 || got[0].Commit != first || got[0].RemovedIn != "" || got[0].Line != 2 || got[1].Commit != merge {
		t.Errorf("findings %+v, unknown %v; first %s, merge %s", got, report.Unknowns, first, merge)
	}
}

// TestACommitWithoutItsTreeHidesNoOther: git prunes by age, so what was given up may lie there in parts.
func TestACommitWithoutItsTreeHidesNoOther(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "one\n")
	r.commit()
	r.write("b.txt", "two\n")
	r.commit()
	tree := r.git("rev-parse", "HEAD^{tree}")
	r.git("reset", "-q", "--hard", "HEAD~1")
	r.write("c.txt", "xo"+"xb-"+invented(85, 30, alnum))
	kept := r.commit()
	r.git("rm", "-q", "c.txt")
	gone := r.commit()
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	got, report := find(t, r.dir)
	if len(got) != 1 || got[0].Path != "c.txt" || got[0].Commit != kept || got[0].RemovedIn != gone {
		t.Errorf("findings %+v", got)
	}
	if !strings.Contains(fmt.Sprint(report.Unknowns), "1 commits cannot be read") {
		t.Errorf("unknown %v", report.Unknowns)
	}
}

// TestEachBlobIsSearchedOnce: the work is that of the blobs, however many commits hold them.
func TestEachBlobIsSearchedOnce(t *testing.T) {
	const commits = 5000
	r := newRepo(t)
	var b strings.Builder
	for i := range commits {
		text := fmt.Sprintf("line %d\n%s", i, strings.Repeat("the same text again and again\n", 20))
		if i == commits/2 {
			text += "gl" + "pat-" + invented(90, 20, alnum) + "\n"
		}
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter a <a@a.test> %d +0000\ndata 1\nx\nM 100644 inline d%d/f%d.txt\ndata %d\n%s\n", 1_700_000_000+i, i%10, i%100, len(text), text)
	}
	stream := filepath.Join(t.TempDir(), "stream")
	if err := os.WriteFile(stream, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r.git("-c", "alias.load=!git fast-import --quiet < "+stream, "load")
	calls, last := 0, 0
	got, report, err := Find(context.Background(), Config{Root: r.dir, History: true, Progress: func(done, all int) { calls, last = calls+1, max(last, all) }})
	if err != nil {
		t.Fatal(err)
	}
	if report.Commits != commits || report.Blobs != commits || last != commits || calls < 10 || len(report.Unknowns) != 0 {
		t.Errorf("report %+v after %d calls of progress to %d", report, calls, last)
	}
	if len(got) != 1 || got[0].RemovedIn == "" || got[0].Line != 22 {
		t.Errorf("findings %+v", got)
	}
}

// TestTheEndOfTheContextIsAnError: a scan that was broken off must not be taken for one that found nothing.
func TestTheEndOfTheContextIsAnError(t *testing.T) {
	r := newRepo(t)
	r.commit()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Find(ctx, Config{Root: r.dir, History: true}); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v", err)
	}
}
