package scan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reported scans a project with reports of testdata.
func reported(t *testing.T, dir string, names ...string) *Report {
	t.Helper()
	for i, n := range names {
		if !strings.HasPrefix(n, "/") {
			names[i] = filepath.Join("testdata", "reports", n)
		}
	}
	r, err := Run(context.Background(), Config{Dir: dir, Database: "testdata/database", Now: now, Reports: names})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReports: each tool's findings are in the register once. What two tools say of one place, or of one hole, is one; so is what we found
// ourselves. No value and no message of a tool is there.
func TestReports(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "app.py"), "import os\neval(x)\n")
	write(t, filepath.Join(dir, "requirements.txt"), "Django==3.2.4\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"crypto/tls\"\n\nvar c = tls.Config{InsecureSkipVerify: true}\n")
	all := []string{"bandit.json", "ruff.json", "flake8.txt", "flake8.json", "semgrep.sarif", "gosec.json", "pip-audit.json", "govulncheck.json", "npm-audit.json", "zap.json", "scan.nessus"}
	r := reported(t, dir, slices.Concat(all, all)...)
	var got []string
	for _, f := range r.Found() {
		got = append(got, f.Severity+" "+f.ID)
		if strings.HasPrefix(f.ID, "CVE-2021-35042") && !strings.Contains(f.Evidence, "also pip-audit") ||
			strings.HasPrefix(f.ID, "settings:go-tls") && !strings.Contains(f.Evidence, "also gosec G402") ||
			f.ID == "code:CWE-94:app.py" && !strings.Contains(f.Evidence, "bandit B307, ruff S307, semgrep oss python.eval") ||
			f.ID == "lint:E501" && !strings.Contains(f.Evidence, "app.py:4, other.py:5") {
			t.Errorf("%+v", f)
		}
	}
	want := []string{"critical CVE-2021-35042:PyPI/django", "high INV-2026-1:PyPI/django", "high settings:go-tls-unverified:main.go",
		"high code:CWE-94:app.py", "medium code:CWE-798:app.py", "medium code:CWE-94:app.py#2", "low lint:F401", "low lint:E501", "critical code:CWE-89:app.py", "medium code:CWE-22:main.go",
		"high CVE-2026-11111:PyPI/Django", "high CVE-2026-22222:Go/golang.org/x/text", "critical GHSA-xvch-5gv4-984h:npm/minimist",
		"high remote:zap/40012:shop.example", "high remote:nessus/20007:192.0.2.7:443",
		"high support:ended:django 3.2", "low trust:unused:PyPI/django", "medium trust:no-hashes:requirements.txt"} // what the project itself says
	for i := range want {
		want[i] = strings.Replace(want[i], "PyPI/Django", "PyPI/django", 1)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(r.Untold) > 0 {
		t.Errorf("got\n%s\nwant\n%s\nuntold %q", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Untold)
	}
	if text := fmt.Sprintf("%+v %+v", r, r.Found()); strings.Contains(text, "invented") {
		t.Errorf("the report holds a message of a tool: %s", text)
	}
}

// TestBrokenReports: a report that is broken, or says that it is not whole, could not be told, with its line; it is never clean.
func TestBrokenReports(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", ": the report is empty"},
		"cut":           {"{\"results\": [\n{\"a\"", ":2: the report is broken"},
		"twice":         {"{\"runs\": [],\n\"runs\": []}", ":2: the report is broken"},
		"unknown":       {`{"x": 1}`, ":1: no format"},
		"deep":          {strings.Repeat("[", 100_000), "the report is broken"},
		"text":          {"app.py:1:1: E501 x\nTraceback (most recent call last):\n", ":2: no line of flake8"},
		"syntax":        {"app.py:1:1: E999 SyntaxError\n", ":1: flake8 could not read"},
		"bandit failed": {"{\"metrics\": {}, \"results\": [],\n\"errors\": [\n{\"filename\": \"a.py\", \"reason\": \"x\"}]}", ":3: bandit could not read"},
		"bandit place":  {"{\"metrics\": {}, \"errors\": [], \"results\": [\n\n{\"test_id\": \"B101\"}]}", ":3: a finding of bandit has no rule or no place"},
		"bandit type":   {"{\"metrics\": {}, \"errors\": [], \"results\": [\n{\"test_id\": 7}]}", ":2: the report is broken"},
		"gosec failed":  {`{"Issues": [], "Stats": {}, "Golang errors": {"a.go": [{"line": 1}]}}`, "gosec could not read"},
		"sarif version": {`{"version": "1.0.0", "runs": []}`, "2.1.0 is known"},
		"sarif tool":    {"{\"version\": \"2.1.0\", \"runs\": [\n{\"results\": []}]}", ":2: a run of SARIF names no tool"},
		"sarif failed":  {`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "invocations": [{"executionSuccessful": false}]}]}`, "did not end well"},
		"pip skipped":   {`{"dependencies": [{"name": "x", "skip_reason": "y"}]}`, "pip-audit left"},
		"npm failed":    {`{"error": {"code": "ENOLOCK"}}`, "says that it failed"},
		"npm old":       {`{"auditReportVersion": 1}`, "2 is known"},
		"govulncheck":   {`{"osv": {"id": "GO-1"}}`, "first message is missing"},
		"govuln cut":    {"{\"config\": {\"protocol_version\": \"v1.0.0\"}}\n{\"finding\": {", ":2: the report is broken"},
		"zap risk":      {`{"site": [{"@name": "https://a", "alerts": [{"pluginid": "1", "riskcode": "9"}]}]}`, "riskcode is"},
		"xml root":      {"<html></html>", ":1: the root is"},
		"xml entity":    {"<!DOCTYPE x [<!ENTITY a \"b\">]>\n<NessusClientData_v2/>", "document type"},
		"xml own":       {"<NessusClientData_v2>\n&a;</NessusClientData_v2>", ":2: the report is no XML"},
		"xml deep":      {"<NessusClientData_v2>" + strings.Repeat("<a>", 100), "more than 32 deep"},
		"xml cut":       {"<NessusClientData_v2>\n<Report>", "the report is no XML"},
		"ruff syntax":   {"[\n{\"code\": null, \"filename\": \"a.py\", \"location\": {\"row\": 1}}]", ":2: ruff could not read"},
	} {
		file := filepath.Join(t.TempDir(), "report")
		write(t, file, c.text)
		r := reported(t, t.TempDir(), file)
		if len(r.Untold) != 1 || !strings.Contains(r.Untold[0], c.want) {
			t.Errorf("%s: %q, want %q", name, r.Untold, c.want)
		}
	}
	large := filepath.Join(t.TempDir(), "large")
	write(t, large, "")
	if err := os.Truncate(large, 100<<20); err != nil {
		t.Fatal(err)
	}
	if r := reported(t, t.TempDir(), large, "/nowhere/x", t.TempDir()); len(r.Untold) != 3 {
		t.Errorf("%q", r.Untold)
	}
}
