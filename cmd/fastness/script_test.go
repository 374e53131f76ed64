package main

import (
	"errors"
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
//
// and the conditions [root] and [tool:NAME], by which a script that cannot go on says so; with CI=true it fails instead.
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
			e.Setenv("SABOTEUR", os.Getenv("SABOTEUR")) // which control the program lacks: sabotage/schemata.go
			e.Values["servers"] = map[string]*exec.Cmd{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			return has(cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": scriptCode, "serve": scriptServe, "unserve": scriptUnserve, "take": scriptTake},
	})
}

// has judges the conditions root and tool:NAME. Where nothing may be skipped (CI=true) a script fails by the name of
// what is missing, whatever it would do without it.
func has(cond string) (bool, error) {
	if name, ok := strings.CutPrefix(cond, "tool:"); ok {
		return hosttest.Has(name)
	}
	if cond != "root" {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	root := os.Getuid() == 0
	if !root && hosttest.Strict() {
		return false, errors.New("the script takes root")
	}
	return root, nil
}

// TestScriptsMissTools: a tool that a script needs and this machine has not is told by name where nothing may be
// skipped, and is a condition that does not hold elsewhere. No script asks in a way that would pass over it.
func TestScriptsMissTools(t *testing.T) {
	for ci, told := range map[string]string{"true": "no-such-tool is needed here", "": ""} {
		t.Setenv("CI", ci)
		there, err := has("tool:no-such-tool")
		if there || (err == nil) != (told == "") || err != nil && !strings.Contains(err.Error(), told) {
			t.Errorf("CI=%q: %v, %v", ci, there, err)
		}
	}
	if there, err := has("tool:go"); !there || err != nil {
		t.Errorf("the go command: %v, %v", there, err)
	}
	if _, err := has("rot"); err == nil {
		t.Error("a condition that nobody knows holds or does not")
	}
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("there are %d scripts: %v", len(scripts), err)
	}
	quiet := regexp.MustCompile(`(?m)^\[!?exec:.*|^\[.*\] +(stop|skip) *$`)
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range quiet.FindAllString(string(text), -1) {
			t.Errorf("%s: %s: write [!tool:NAME] skip 'what was not shown'", path, line)
		}
	}
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
