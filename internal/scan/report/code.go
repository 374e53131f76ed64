package report

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// list reads a member that is a list.
func (r *reading) list(raw jsontext.Value) []jsontext.Value {
	var out []jsontext.Value
	if len(raw) > 0 && raw.Kind() != 'n' {
		r.decode(raw, &out, r.lineOf(raw))
	}
	return out
}

// bandit reads its JSON. Files that bandit could not read are its errors.
func (r *reading) bandit(top map[string]jsontext.Value) {
	type failure struct {
		Filename string `json:"filename"`
	}
	each(r, r.list(top["errors"]), func(f failure, line int) {
		r.unknown(line, "bandit could not read %.200q; mend that file and run it again", f.Filename)
	})
	r.at, r.line = 0, 1
	type result struct {
		Filename string `json:"filename"`
		Severity string `json:"issue_severity"`
		Line     int    `json:"line_number"`
		ID       string `json:"test_id"`
		Name     string `json:"test_name"`
		CWE      struct {
			ID int `json:"id"`
		} `json:"issue_cwe"`
	}
	each(r, r.list(top["results"]), func(x result, line int) {
		f := Finding{Kind: Code, Tool: "bandit", Rule: x.ID, Title: x.Name, Severity: severity(x.Severity), File: r.file(x.Filename), Line: x.Line, Family: banditFamily(x.ID)}
		if f.Family == "" {
			f.Family = Family(strconv.Itoa(x.CWE.ID))
		}
		r.add(f, line)
	})
}

// gosec reads its JSON. A line may be a range.
func (r *reading) gosec(top map[string]jsontext.Value) {
	var failed map[string]jsontext.Value
	if raw := top["Golang errors"]; len(raw) > 0 && raw.Kind() == '{' && r.decode(raw, &failed, r.lineOf(raw)) {
		for name := range failed {
			r.unknown(r.line, "gosec could not read %.200q; mend that file and run it again", name)
		}
	}
	r.at, r.line = 0, 1
	type issue struct {
		Severity string `json:"severity"`
		CWE      struct {
			ID string `json:"id"`
		} `json:"cwe"`
		Rule         string           `json:"rule_id"`
		File         string           `json:"file"`
		Line         string           `json:"line"`
		Nosec        bool             `json:"nosec"`
		Suppressions []jsontext.Value `json:"suppressions"`
	}
	each(r, r.list(top["Issues"]), func(x issue, line int) {
		if x.Nosec || len(x.Suppressions) > 0 {
			return
		}
		begin, _, _ := strings.Cut(x.Line, "-")
		at, err := strconv.Atoi(begin)
		if err != nil {
			r.unknown(line, "the line of a finding is no number; write the report anew")
			return
		}
		f := Finding{Kind: Code, Tool: "gosec", Rule: x.Rule, Severity: severity(x.Severity), File: r.file(x.File), Line: at, Family: Family(x.CWE.ID)}
		if n := gosecs[x.Rule]; n > 0 {
			f.Family = Family(strconv.Itoa(n))
		}
		r.add(f, line)
	})
}

// semgrep reads its JSON.
func (r *reading) semgrep(top map[string]jsontext.Value) {
	type failure struct {
		Level string `json:"level"`
		Path  string `json:"path"`
	}
	each(r, r.list(top["errors"]), func(f failure, line int) {
		r.unknown(line, "semgrep could not read %.200q; mend that and run it again", f.Path)
	})
	r.at, r.line = 0, 1
	type result struct {
		ID    string `json:"check_id"`
		Path  string `json:"path"`
		Start struct {
			Line int `json:"line"`
		} `json:"start"`
		Extra struct {
			Severity string `json:"severity"`
			Ignored  bool   `json:"is_ignored"`
			Metadata struct {
				CWE jsontext.Value `json:"cwe"` // a text, or a list
			} `json:"metadata"`
		} `json:"extra"`
	}
	each(r, r.list(top["results"]), func(x result, line int) {
		if !x.Extra.Ignored {
			r.add(Finding{Kind: Code, Tool: "semgrep", Rule: x.ID, Severity: severity(x.Extra.Severity), File: r.file(x.Path), Line: x.Start.Line,
				Family: cweOf(string(x.Extra.Metadata.CWE))}, line)
		}
	})
}

// sarifRule is a rule of a run in SARIF.
type sarifRule struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Short struct {
		Text string `json:"text"`
	} `json:"shortDescription"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		Tags     []string       `json:"tags"`
		Security jsontext.Value `json:"security-severity"` // a text, or a number
		CWE      jsontext.Value `json:"cwe"`
	} `json:"properties"`
	Relationships []struct {
		Target struct {
			ID string `json:"id"`
		} `json:"target"`
	} `json:"relationships"`
}

// sarifRun is a run in SARIF 2.1.0.
type sarifRun struct {
	Tool struct {
		Driver struct {
			Name  string      `json:"name"`
			Rules []sarifRule `json:"rules"`
		} `json:"driver"`
	} `json:"tool"`
	Invocations []struct {
		Successful *bool `json:"executionSuccessful"`
	} `json:"invocations"`
	Results []jsontext.Value `json:"results"`
}

// sarifResult is a result in SARIF 2.1.0.
type sarifResult struct {
	RuleID    string `json:"ruleId"`
	RuleIndex *int   `json:"ruleIndex"`
	Rule      struct {
		ID    string `json:"id"`
		Index *int   `json:"index"`
	} `json:"rule"`
	Level     string `json:"level"`
	Kind      string `json:"kind"`
	Baseline  string `json:"baselineState"`
	Locations []struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region struct {
				Line int `json:"startLine"`
			} `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	Suppressions []struct {
		Status string `json:"status"`
	} `json:"suppressions"`
}

// sarif reads SARIF 2.1.0.
func (r *reading) sarif(top map[string]jsontext.Value) {
	var version string
	if json.Unmarshal(top["version"], &version); version != "2.1.0" {
		r.unknown(1, "version of SARIF is %.20q, and 2.1.0 is known; write the report anew", version)
		return
	}
	for _, raw := range r.list(top["runs"]) {
		var run sarifRun
		line := r.lineOf(raw)
		if !r.decode(raw, &run, line) {
			continue
		}
		tool := strings.ToLower(run.Tool.Driver.Name)
		if tool == "" {
			r.unknown(line, "a run of SARIF names no tool; write the report anew")
			continue
		}
		for _, i := range run.Invocations {
			if i.Successful != nil && !*i.Successful {
				r.unknown(line, "%.60s says that it did not end well; run it again", tool)
			}
		}
		rules := map[string]*sarifRule{}
		for i := range run.Tool.Driver.Rules {
			rules[run.Tool.Driver.Rules[i].ID] = &run.Tool.Driver.Rules[i]
		}
		each(r, run.Results, func(x sarifResult, line int) { r.sarifResult(tool, run.Tool.Driver.Rules, rules, x, line) })
	}
}

// sarifResult takes a result that holds, and was neither suppressed nor is gone.
func (r *reading) sarifResult(tool string, all []sarifRule, rules map[string]*sarifRule, x sarifResult, line int) {
	for _, s := range x.Suppressions {
		if s.Status == "" || s.Status == "accepted" {
			return
		}
	}
	if x.Baseline == "absent" || x.Kind != "" && x.Kind != "fail" && x.Kind != "open" && x.Kind != "review" {
		return
	}
	id, index := x.RuleID, x.RuleIndex
	if id == "" {
		id = x.Rule.ID
	}
	if index == nil {
		index = x.Rule.Index
	}
	rule := rules[id]
	if rule == nil && index != nil && *index >= 0 && *index < len(all) {
		rule = &all[*index]
		if id == "" {
			id = rule.ID
		}
	}
	f := Finding{Kind: Code, Tool: tool, Rule: id, Severity: severity(x.Level)}
	if len(x.Locations) > 0 {
		f.File, f.Line = r.file(x.Locations[0].Physical.Artifact.URI), x.Locations[0].Physical.Region.Line
	}
	if strings.Contains(tool, "bandit") || strings.Contains(tool, "ruff") {
		f.Family = banditFamily(id)
	}
	if rule != nil {
		f.Title = rule.Short.Text
		if x.Level == "" && rule.Default.Level != "" {
			f.Severity = severity(rule.Default.Level)
		}
		if score, err := strconv.ParseFloat(strings.Trim(string(rule.Properties.Security), `"`), 64); err == nil {
			f.Severity = scored(score)
		}
		tags := append(rule.Properties.Tags, string(rule.Properties.CWE))
		for _, to := range rule.Relationships {
			tags = append(tags, "cwe-"+to.Target.ID, to.Target.ID)
		}
		if f.Family == "" {
			f.Family = cweOf(tags...)
		}
	}
	if tool == "gosec" && gosecs[id] > 0 {
		f.Family = Family(strconv.Itoa(gosecs[id]))
	}
	r.add(f, line)
}

// linted makes a finding of a linter's code: those of flake8-bandit are faults, all others lint.
func (r *reading) linted(tool, code, file string, at, line int) {
	f := Finding{Kind: Lint, Tool: tool, Rule: code, Severity: "low", File: r.file(file), Line: at}
	if family := banditFamily(code); family != "" && code[0] == 'S' {
		f.Kind, f.Family, f.Severity = Code, family, "medium"
	}
	r.add(f, line)
}

// ruff reads its JSON. A file that is no Python has no code.
func (r *reading) ruff(list []jsontext.Value) {
	type issue struct {
		Code     *string `json:"code"`
		Filename string  `json:"filename"`
		Location struct {
			Row int `json:"row"`
		} `json:"location"`
	}
	each(r, list, func(x issue, line int) {
		if x.Code == nil || *x.Code == "invalid-syntax" {
			r.unknown(line, "ruff could not read %.200q; mend that file and run it again", x.Filename)
			return
		}
		r.linted("ruff", *x.Code, x.Filename, x.Location.Row, line)
	})
}

// flake tells whether an object is one of flake8-json: lists by the names of files.
func flake(top map[string]jsontext.Value) bool {
	for _, v := range top {
		if v.Kind() != '[' {
			return false
		}
	}
	return true
}

// flake8 reads the JSON of flake8-json.
func (r *reading) flake8() {
	type issue struct {
		Code string `json:"code"`
		Line int    `json:"line_number"`
	}
	for _, m := range members(r.text) {
		each(r, r.list(m.value), func(x issue, line int) { r.flaked(x.Code, m.name, x.Line, line) })
	}
}

// flaked takes a code of flake8. E9 and E902 are files that it could not read.
func (r *reading) flaked(code, file string, at, line int) {
	if strings.HasPrefix(code, "E9") {
		r.unknown(line, "flake8 could not read %.200q; mend that file and run it again", file)
		return
	}
	r.linted("flake8", code, file, at, line)
}

var (
	linterLine = regexp.MustCompile(`^(.{1,1000}?):(\d{1,8}):(?:\d{1,8}:)? ([A-Z]{1,5}\d{1,5})(?: |$)`)
	linterEnd  = regexp.MustCompile(`^(?:Found \d+ errors?|\[\*\] \d+ fixable|No fixes available|All checks passed!|\d+$)`)
)

// lines reads the text of flake8, or ruff's concise one. A line of another kind could not be told.
func (r *reading) lines() {
	bad := 0
	for n, line := range strings.Split(string(r.text), "\n") {
		line = strings.TrimRight(line, "\r \t")
		m := linterLine.FindStringSubmatch(line)
		switch {
		case line == "" || linterEnd.MatchString(line):
		case m != nil:
			at, _ := strconv.Atoi(m[2])
			r.flaked(m[3], m[1], at, n+1)
		default:
			if bad++; bad == 1 {
				r.unknown(n+1, "no line of flake8 or ruff, and no format of another tool; give JSON of the tool, or SARIF 2.1.0")
			}
		}
	}
}
