// Package isolation tells whether the packages of Python that a project has installed are its own, and are those of its lock.
package isolation

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
	"github.com/fastness-dev/fastness/internal/scan/supply"
	"github.com/fastness-dev/fastness/internal/scan/version"
)

// interpreter is the folder of an interpreter within an environment.
var interpreter = regexp.MustCompile(`(?:^|/)[Ll]ib/(python[0-9]+\.[0-9]+)(?:/|$)`)

// shared is the line of pyvenv.cfg that lets packages of the machine in.
var shared = regexp.MustCompile(`(?i)^\s*include-system-site-packages\s*=\s*true\s*$`)

// Judge judges the environments that the inventory met in a folder.
func Judge(dir string, inv *inventory.Inventory) (supply.Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return supply.Report{}, fmt.Errorf("open the project: %w; name a folder that exists", err)
	}
	defer root.Close()
	var r supply.Report
	found := map[string][]string{} // interpreters of each environment
	for _, f := range inv.Files {
		if f.Kind != "dist-info" {
			continue
		}
		home := environment(root, f.Path)
		if home == "" {
			r.Add(supply.Finding{Rule: "isolation:no-environment", Subject: f.Path, Severity: "low", File: f.Path,
				Text: "packages are installed outside of a virtual environment", Do: "make one: python3 -m venv .venv"})
			continue
		}
		if found[home] == nil {
			settings(root, home, &r)
		}
		m := interpreter.FindStringSubmatch(f.Path)
		if m == nil {
			m = []string{"", "python"}
		}
		if !slices.Contains(found[home], m[1]) {
			found[home] = append(found[home], m[1])
		}
		if len(found[home]) == 2 {
			r.Add(supply.Finding{Rule: "isolation:mixed", Subject: home, Severity: "medium", File: home,
				Text: "one environment holds packages of " + strings.Join(found[home], " and "), Do: "remove the environment and make it anew"})
		}
	}
	against(inv, &r)
	r.Sort()
	return r, nil
}

// environment is the virtual environment that a folder of packages lies in; "" for none.
func environment(root *os.Root, name string) string {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if _, err := root.Lstat(path.Join(name, "pyvenv.cfg")); err == nil {
			return name
		}
	}
	if _, err := root.Lstat("pyvenv.cfg"); err == nil {
		return "."
	}
	return ""
}

// settings reads the pyvenv.cfg of an environment.
func settings(root *os.Root, home string, r *supply.Report) {
	name := path.Join(home, "pyvenv.cfg")
	text, err := supply.Read(root, name)
	if err != nil {
		r.Unsure("isolation: %s: %s", name, err)
		return
	}
	for i, line := range strings.Split(string(text), "\n") {
		if shared.MatchString(line) {
			r.Add(supply.Finding{Rule: "isolation:shared", Subject: name, Severity: "medium", File: name, Line: i + 1,
				Text: "the environment also uses packages of the machine", Do: "make it anew without --system-site-packages"})
		}
	}
}

// against compares what is installed with what the files of the project pin. Of several pins, one that agrees is enough.
func against(inv *inventory.Inventory, r *supply.Report) {
	installed := map[string]bool{}
	for _, f := range inv.Files {
		installed[f.Path] = f.Kind == "dist-info"
	}
	locked := map[string][]string{}
	for _, x := range inv.Components {
		if x.Ecosystem == inventory.PyPI && x.Version != "" && !installed[path.Dir(path.Dir(x.File))] {
			locked[x.Name] = append(locked[x.Name], x.Version)
		}
	}
	for _, x := range inv.Components {
		if x.Ecosystem != inventory.PyPI || !installed[path.Dir(path.Dir(x.File))] || len(locked[x.Name]) == 0 {
			continue
		}
		if !slices.ContainsFunc(locked[x.Name], func(v string) bool {
			c, err := version.Compare(inventory.PyPI, v, x.Version)
			return v == x.Version || err == nil && c == 0
		}) {
			r.Add(supply.Finding{Rule: "isolation:drift", Subject: x.Ecosystem + "/" + x.Name, Severity: "medium", File: x.File, Line: x.Line,
				Text: fmt.Sprintf("%s %s is installed, and %s is locked", x.Name, x.Version, strings.Join(locked[x.Name], " or ")), Do: "install from the lock: uv sync, poetry sync, pip install -r"})
		}
	}
}
