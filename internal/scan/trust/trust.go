// Package trust judges whether what a project takes from others is what it asked for: digests, other sources, names that look like a
// well-known one, programs that run at installation, versions that nobody had time to look at, and components without a version or a use.
// It reads files and nothing else. What it is not sure of is no finding; what it was asked and cannot know is untold.
package trust

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
	"github.com/fastness-dev/fastness/internal/scan/supply"
)

// CoolDown is how old a version must be when nothing else is asked for.
const CoolDown = 7 * 24 * time.Hour

// Config says what to judge.
type Config struct {
	Dir       string
	Inventory *inventory.Inventory
	Now       time.Time
	CoolDown  time.Duration // how old a version must be; what has no time is untold. 0: CoolDown, where the lock has a time
}

// judge is one run.
type judge struct {
	Config
	root    *os.Root
	report  supply.Report
	kinds   map[string]string // of files
	locked  map[string]bool   // ecosystem and name with a version somewhere
	sources map[string]int    // components of a file that have a digest
}

// Find judges the components of a project.
func Find(ctx context.Context, c Config) (supply.Report, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return supply.Report{}, fmt.Errorf("open the project: %w; name a folder that exists", err)
	}
	defer root.Close()
	j := &judge{Config: c, root: root, kinds: map[string]string{}, locked: map[string]bool{}, sources: map[string]int{}}
	for _, f := range c.Inventory.Files {
		j.kinds[f.Path] = f.Kind
	}
	for _, x := range c.Inventory.Components {
		if x.Version != "" {
			j.locked[x.Ecosystem+"/"+x.Name] = true
		}
	}
	j.digests()
	young := map[string]bool{}
	for _, x := range c.Inventory.Components {
		j.source(x)
		j.name(x)
		j.scripts(x)
		j.age(x, young)
		j.pinned(x)
	}
	j.duplicates()
	for _, f := range c.Inventory.Files {
		if f.Kind == "requirements.txt" {
			j.options(f.Path)
		}
	}
	if err := j.files(ctx); err != nil {
		if ctx.Err() != nil {
			return supply.Report{}, ctx.Err()
		}
		j.report.Unsure("trust: %s", err)
	}
	j.report.Sort()
	return j.report, nil
}

// subject names a component in the register.
func subject(x inventory.Component) string { return x.Ecosystem + "/" + x.Name }

// add records a finding about a component.
func (j *judge) add(rule, severity string, x inventory.Component, text, do string) {
	j.report.Add(supply.Finding{Rule: "trust:" + rule, Subject: subject(x), Severity: severity, Text: text, Do: do, File: x.File, Line: x.Line})
}

// rightDigest are the forms of digests that pip, poetry, uv and npm write, but those of broken hashes.
var rightDigest = regexp.MustCompile(`^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|` +
	`sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==)$`)

// brokenHash are digests whose hash no longer keeps a file from being replaced.
var brokenHash = regexp.MustCompile(`^(?:md5|sha1)[:-]`)

// digests judges whether files have digests, and of which form. A file where some have one and some do not is judged by component; one
// without any is one finding.
func (j *judge) digests() {
	for _, x := range j.Inventory.Components {
		if x.Hashed {
			j.sources[x.File]++
		}
	}
	for _, x := range j.Inventory.Components {
		kind := j.kinds[x.File]
		if kind == "" || kind == "dist-info" || kind == "Go program" || kind == "Dockerfile" || x.Name == "stdlib" {
			continue
		}
		if kind == "requirements.txt" && j.elsewhere(x) || strings.HasPrefix(x.Source, "git+") {
			continue
		}
		switch {
		case x.Hashed:
			j.form(x)
		case j.sources[x.File] > 0:
			j.add("unhashed", "medium", x, x.Name+" has no digest, though others of the file have one", "write the lock anew, with digests of all")
		default:
			j.report.Add(supply.Finding{Rule: "trust:no-hashes", Subject: x.File, Severity: "medium", File: x.File,
				Text: "no component has a digest, so what is installed may be replaced", Do: "write them: pip-compile --generate-hashes, npm install, go mod tidy"})
		}
	}
}

// elsewhere tells whether an open requirement is pinned by another file: that one is judged.
func (j *judge) elsewhere(x inventory.Component) bool {
	return x.Version == "" && j.locked[subject(x)]
}

// form judges how digests are written. npm may write several; one that is right is enough.
func (j *judge) form(x inventory.Component) {
	right, list := 0, strings.Fields(x.Digests)
	for _, d := range list {
		d, _, _ = strings.Cut(d, "?")
		if rightDigest.MatchString(d) {
			right++
		}
	}
	switch {
	case len(list) == 0, right == len(list), right > 0 && x.Ecosystem == inventory.NPM:
	case brokenHash.MatchString(list[0]):
		j.add("weak-hash", "medium", x, x.Name+" has a digest of MD5 or SHA-1, which can be forged", "write the lock anew, with SHA-256 or SHA-512")
	default:
		j.add("bad-hash", "high", x, x.Name+" has a digest that is none", "write the lock anew by the tool that made it")
	}
}

// registries are the hosts of each ecosystem from which a name means what everybody means by it.
var registries = map[string][]string{
	inventory.PyPI: {"pypi.org", "files.pythonhosted.org"},
	inventory.NPM:  {"registry.npmjs.org", "registry.yarnpkg.com"},
}

// source judges where a component comes from.
func (j *judge) source(x inventory.Component) {
	if x.Source == "" || registries[x.Ecosystem] == nil {
		return
	}
	u, err := url.Parse(x.Source)
	switch {
	case strings.Contains(x.Source, "git+") || strings.HasPrefix(x.Source, "git:") || strings.HasPrefix(x.Source, "git@") || err == nil && (u.Scheme == "ssh" || u.Scheme == "hg"):
		j.add("repository", "medium", x, x.Name+" is installed from a repository, not from a release", "take a release from the registry, or keep a copy of your own")
	case err != nil || u.Host == "":
		return // a folder or file of the project
	case u.Scheme == "http":
		j.add("plain-source", "high", x, x.Name+" is fetched without TLS from "+u.Hostname(), "name the registry by https")
	case !known(x.Ecosystem, u.Hostname()):
		j.add("other-source", "medium", x, x.Name+" comes from "+u.Hostname()+", not from the public registry", "keep one index; accept this finding when that host is yours")
	}
}

// known tells whether a host is a public registry of an ecosystem.
func known(ecosystem, host string) bool {
	for _, h := range registries[ecosystem] {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// scripts names what runs a program of its own when it is installed.
func (j *judge) scripts(x inventory.Component) {
	if x.Scripts {
		j.add("install-script", "medium", x, x.Name+" runs a program of its own at installation", "install with --ignore-scripts, or read the script and accept it")
	}
}

// age judges how long a version could be looked at by others.
func (j *judge) age(x inventory.Component, named map[string]bool) {
	least := j.CoolDown
	if least == 0 {
		least = CoolDown
	}
	switch {
	case x.Ecosystem == inventory.Docker || x.Name == "stdlib" || x.Version == "":
	case !x.Uploaded.IsZero():
		if old := j.Now.Sub(x.Uploaded); old < least {
			j.add("too-new", "medium", x, fmt.Sprintf("%s %s was published on %s, less than %d days ago", x.Name, x.Version, x.Uploaded.UTC().Format(time.DateOnly),
				int(least.Hours()/24)), "wait, or take the version before it")
		}
	case j.CoolDown > 0 && !named[x.File]:
		named[x.File] = true
		j.report.Unsure("trust: %s does not say when its components were published, so --cool-down could not be judged; uv.lock and pylock.toml say it", x.File)
	}
}

// pinned names what is installed in whatever version there is that day.
func (j *judge) pinned(x inventory.Component) {
	if x.Version != "" && x.Version != "latest" || j.elsewhere(x) || x.Source != "" {
		return
	}
	switch {
	case x.Ecosystem == inventory.Docker && x.Hashed:
	case x.Ecosystem == inventory.Docker:
		j.add("unpinned", "medium", x, "the image "+x.Name+" has no version", "write IMAGE:TAG@DIGEST")
	case x.Ecosystem == inventory.PyPI:
		j.add("unpinned", "medium", x, x.Name+" has no version, so each installation may bring another", "write NAME==VERSION with --hash, or keep a lock")
	}
}

// duplicates names packages that one requirements file asks for twice, and that two files of a folder pin differently.
func (j *judge) duplicates() {
	first := map[string]inventory.Component{}
	for _, x := range j.Inventory.Components {
		if j.kinds[x.File] != "requirements.txt" && x.Ecosystem != inventory.Go || j.kinds[x.File] == "Go program" {
			continue
		}
		key := x.File + " " + subject(x)
		if was, ok := first[key]; ok && was.Line != x.Line {
			j.add("duplicate", "low", x, fmt.Sprintf("%s stands twice, in lines %d and %d", x.Name, was.Line, x.Line), "take one of them out")
			continue
		}
		first[key] = x
	}
}

// indexOption are the lines of requirements.txt that name places to install from.
var indexOption = regexp.MustCompile(`^\s*(--index-url|-i|--extra-index-url|--find-links|-f|--trusted-host)[\s=]+(\S+)`)

// options judges the lines of a requirements.txt that say where pip looks.
func (j *judge) options(name string) {
	text, err := supply.Read(j.root, name)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			j.report.Unsure("trust: %s: %s", name, err)
		}
		return
	}
	for i, line := range strings.Split(string(text), "\n") {
		m := indexOption.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		j.index(name, i+1, m[1], m[2])
	}
}

// index judges one place to install from. Its address may hold a password, so only the host is shown.
func (j *judge) index(name string, line int, option, address string) {
	host := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = u.Hostname()
		if u.Scheme == "http" {
			j.place("plain-index", "high", name, line, "packages are fetched without TLS from "+host, "name the index by https")
		}
	}
	switch {
	case option == "--trusted-host" || option == "trusted-host":
		j.place("trusted-host", "high", name, line, "the certificate of "+path.Base(host)+" is not verified", "take the option out")
	case strings.Contains(option, "extra-index"):
		j.place("second-index", "high", name, line, "a second index ("+host+") may answer for names of the first", "keep one index that serves both")
	case strings.HasPrefix(option, "--f") || option == "-f" || option == "find-links":
		j.place("find-links", "medium", name, line, "packages are also taken from "+path.Base(host), "keep one index")
	case !known(inventory.PyPI, host) && !strings.HasPrefix(option, "registry"), strings.HasPrefix(option, "registry") && !known(inventory.NPM, host):
		j.place("other-index", "low", name, line, "the index is "+host+", not the public one", "accept this finding when that host is yours")
	}
}

// place records a finding about a file.
func (j *judge) place(rule, severity, name string, line int, text, do string) {
	j.report.Add(supply.Finding{Rule: "trust:" + rule, Subject: name, Severity: severity, Text: text, Do: do, File: name, Line: line})
}
