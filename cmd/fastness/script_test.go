package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts drives the built program as a person would, by testdata/script/*.txt. Beyond testscript's own commands there are
//
//	code N COMMAND…      runs a command that must end with the exit code N; its output is for stdout and stderr
//	serve DIR [ARG…]     starts a server on DIR in development, on a free port, and waits until it takes commands
//	unserve DIR [kill]   ends it, with SIGTERM and exit code 0, or with SIGKILL
//	take NAME REGEXP     keeps what the first group matches in the last standard output as $NAME
func TestScripts(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("there are %d scripts: %v", len(scripts), err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("HOME", e.WorkDir)
			e.Values["servers"] = map[string]*exec.Cmd{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": scriptCode, "serve": scriptServe, "unserve": scriptUnserve, "take": scriptTake},
	})
}

func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N command…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%s ended with %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	bin, err := program()
	ts.Check(err)
	cmd := exec.Command(bin, append([]string{"serve", "--env", "development", "--no-access-log", "--no-calibrate", dir}, args[1:]...)...)
	log, err := os.Create(dir + ".log")
	ts.Check(err)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+ts.Getenv("XDG_CONFIG_HOME"), "HOME="+ts.Getenv("HOME"))
	port, err := hosttest.Port()
	ts.Check(err)
	ts.Setenv("PORT", port)
	path := filepath.Join(dir, "fastness.yaml")
	text, err := os.ReadFile(path)
	ts.Check(err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "listen:") {
			lines[i] = ""
		}
	}
	ts.Check(os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\nlisten: {https: \"127.0.0.1:"+port+"\"}\n"), 0o600))
	ts.Check(cmd.Start())
	ts.Defer(func() { cmd.Process.Kill(); cmd.Wait() })
	servers(ts)[args[0]] = cmd
	for range 1000 {
		if conn, err := net.Dial("unix", filepath.Join(dir, "data", "control.sock")); err == nil {
			conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(dir + ".log")
	ts.Fatalf("the server takes no commands:\n%s", said)
}

func scriptUnserve(ts *testscript.TestScript, _ bool, args []string) {
	cmd := servers(ts)[args[0]]
	if len(args) > 1 {
		cmd.Process.Kill()
		cmd.Wait()
		return
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Check(cmd.Wait())
}

func servers(ts *testscript.TestScript) map[string]*exec.Cmd {
	return ts.Value("servers").(map[string]*exec.Cmd)
}

func scriptTake(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("%q has no one group in:\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}
