package secret

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// maxGit is how long all of the history may take.
const maxGit = 10 * time.Minute

// git runs the program on a repository of ours: empty, with a configuration of ours, and with the project's folder of
// objects in the place of its own. So neither configuration, hooks, attributes nor references of the project are read.
// Every commit among the objects is history, whether a branch still leads to it or not.
type git struct {
	program, dir, objects string
}

// history searches the objects of Git. What stands in its way is an unknown, never an error; the end of ctx is one.
func (s *scan) history(ctx context.Context) error {
	why := s.obstacle()
	if why == "" {
		g, err := s.borrow()
		if g != nil {
			defer os.RemoveAll(g.dir)
		}
		if err == nil {
			limited, cancel := context.WithTimeout(ctx, maxGit)
			defer cancel()
			err = s.objects(limited, g)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("secret: the history: %w", ctx.Err())
		}
		if err != nil {
			why = err.Error()
		}
	}
	if why != "" {
		s.unknown("", why)
	}
	return nil
}

// obstacle says why the history cannot be searched at all, and notes what makes it incomplete.
func (s *scan) obstacle() string {
	for _, name := range []string{".git", ".git/objects"} {
		info, err := s.root.Lstat(name)
		switch {
		case os.IsNotExist(err):
			return "there is no Git history here; scan the folder that holds .git"
		case err != nil:
			return "the Git history cannot be read; scan as a user that may"
		case !info.IsDir():
			return name + " leads to another folder; scan the repository that it belongs to"
		}
	}
	for _, name := range []string{".git/objects/info/alternates", ".git/objects/info", ".git/objects/pack"} {
		info, err := s.root.Lstat(name)
		if err == nil && !info.IsDir() {
			return "the repository borrows objects from another folder; scan a full clone"
		}
	}
	if _, err := s.root.Lstat(".git/shallow"); err == nil {
		s.unknown("", "the clone is shallow, older commits are missing; fetch them: git fetch --unshallow")
	}
	if packs, err := s.root.Open(".git/objects/pack"); err == nil {
		names, _ := packs.Readdirnames(-1)
		packs.Close()
		for _, n := range names {
			if strings.HasSuffix(n, ".promisor") {
				s.unknown("", "the clone is partial, some objects are missing; scan a full clone")
				break
			}
		}
	}
	return ""
}

var sha256Format = regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*"?sha256`)

// borrow makes the repository of ours.
func (s *scan) borrow() (*git, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("the program git is missing; install it to have the history searched")
	}
	root, err := filepath.Abs(s.Root)
	if err != nil {
		return nil, fmt.Errorf("the folder has no absolute path; name it in full")
	}
	dir, err := os.MkdirTemp("", "fastness-scan-")
	if err != nil {
		return nil, fmt.Errorf("no temporary folder: %w; set TMPDIR to one that is writable", err)
	}
	g := &git{program, dir, filepath.Join(root, ".git", "objects")}
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if theirs, err := s.read(".git/config"); err == nil && sha256Format.Match(theirs) {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
	}
	files := map[string]string{"HEAD": "ref: refs/heads/none\n", "config": config}
	if cut, err := s.read(".git/shallow"); err == nil {
		files["shallow"] = string(cut)
	}
	for _, sub := range []string{"refs", "objects"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return g, fmt.Errorf("no temporary folder: %w; set TMPDIR to one that is writable", err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return g, fmt.Errorf("no temporary folder: %w; set TMPDIR to one that is writable", err)
		}
	}
	return g, nil
}

// command is git with one of its commands, none of which shows or changes files.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	set := []string{"--no-pager", "--no-replace-objects"}
	for _, c := range []string{"core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.commitGraph=false",
		"core.multiPackIndex=false", "protocol.allow=never", "protocol.file.allow=never", "protocol.ext.allow=never", "gc.auto=0"} {
		set = append(set, "-c", c)
	}
	cmd := exec.CommandContext(ctx, g.program, append(set, args...)...) // #nosec G204 -- git, found by its name, with fixed commands
	cmd.Dir, cmd.WaitDelay = g.dir, 5*time.Second
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + g.dir, "LC_ALL=C", "GIT_DIR=" + g.dir, "GIT_OBJECT_DIRECTORY=" + g.objects,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1"}
	return cmd
}

// run starts a command, writes its input beside reading its output, and waits. What git says on failure is not passed
// on: it may name objects, and the name of an object is a hash of its content.
func (g *git) run(ctx context.Context, input func(write func(string) bool), output func(*reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := g.command(ctx, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return failed(args)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return failed(args)
	}
	if err := cmd.Start(); err != nil {
		return failed(args)
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		defer in.Close()
		feed(in, input)
	}()
	err = output(newReader(out))
	if err != nil {
		cancel()
	}
	<-fed
	if wait := cmd.Wait(); wait != nil || err != nil {
		return failed(args)
	}
	return nil
}

func failed(args []string) error {
	return fmt.Errorf("git %s did not finish, the history is not searched in full; run git fsck, or scan a full clone", args[0])
}
