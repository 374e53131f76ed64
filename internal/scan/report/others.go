package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// pipAudit reads the list of dependencies of its JSON.
func (r *reading) pipAudit(list jsontext.Value) {
	type dependency struct {
		Name    string  `json:"name"`
		Version string  `json:"version"`
		Skip    *string `json:"skip_reason"`
		Vulns   []struct {
			ID      string   `json:"id"`
			Fixes   []string `json:"fix_versions"`
			Aliases []string `json:"aliases"`
		} `json:"vulns"`
	}
	each(r, r.list(list), func(d dependency, line int) {
		if d.Skip != nil {
			r.unknown(line, "pip-audit left %.100q out; pin it, or name an index that has it", d.Name)
		}
		for _, v := range d.Vulns {
			f := Finding{Kind: Hole, Tool: "pip-audit", Rule: v.ID, Severity: "high", Ecosystem: "PyPI", Package: d.Name, Version: d.Version}
			if v.ID != "" {
				f.IDs = append([]string{v.ID}, v.Aliases...)
			}
			if len(v.Fixes) > 0 {
				f.Fix = v.Fixes[0]
			}
			r.add(f, line)
		}
	})
}

// govulncheck reads its stream of messages. A hole is reported up to three times: for its module, package and function.
func (r *reading) govulncheck() {
	type message struct {
		OSV *struct {
			ID      string   `json:"id"`
			Aliases []string `json:"aliases"`
		} `json:"osv"`
		Finding *struct {
			OSV   string `json:"osv"`
			Fixed string `json:"fixed_version"`
			Trace []struct {
				Module   string `json:"module"`
				Version  string `json:"version"`
				Function string `json:"function"`
			} `json:"trace"`
		} `json:"finding"`
	}
	aliases := map[string][]string{}
	found := map[string]*Finding{}
	config := false
	d := jsontext.NewDecoder(bytes.NewReader(r.text))
	for {
		raw, err := d.ReadValue()
		if err == io.EOF {
			break
		}
		line := 1 + bytes.Count(r.text[:d.InputOffset()], []byte("\n"))
		if err != nil {
			var any map[string]jsontext.Value
			r.decode(r.text[d.InputOffset():], &any, line)
			return
		}
		config = config || bytes.Contains(raw, []byte(`"protocol_version"`))
		line -= bytes.Count(raw, []byte("\n"))
		var m message
		if !r.decode(raw, &m, line) {
			continue
		}
		if m.OSV != nil {
			aliases[m.OSV.ID] = m.OSV.Aliases
		}
		if f := m.Finding; f != nil {
			if f.OSV == "" || len(f.Trace) == 0 || f.Trace[0].Module == "" {
				r.unknown(line, "a finding has no module; run govulncheck again")
				continue
			}
			key := f.OSV + " " + f.Trace[0].Module
			if found[key] == nil {
				found[key] = &Finding{Kind: Hole, Tool: "govulncheck", Rule: f.OSV, Severity: "medium", Ecosystem: "Go", Package: f.Trace[0].Module,
					Version: strings.TrimPrefix(f.Trace[0].Version, "v"), Fix: strings.TrimPrefix(f.Fixed, "v")}
			}
			if f.Trace[0].Function != "" {
				found[key].Severity = "high" // the code calls it
			}
		}
	}
	if !config {
		r.unknown(1, "govulncheck's first message is missing; give all of its JSON")
	}
	for _, k := range slices.Sorted(maps.Keys(found)) {
		f := found[k]
		f.IDs = append([]string{f.Rule}, aliases[f.Rule]...)
		r.add(*f, 0)
	}
}

// npm reads the JSON of npm audit, version 2. An advisory stands with the package that has it; others only depend on it.
func (r *reading) npm(top map[string]jsontext.Value) {
	if v := strings.TrimSpace(string(top["auditReportVersion"])); v != "2" {
		r.unknown(1, "auditReportVersion is %.20s, and 2 is known; use npm 7 or later", v)
		return
	}
	type advisory struct {
		Name     string   `json:"dependency"`
		Title    string   `json:"title"`
		URL      string   `json:"url"`
		Severity string   `json:"severity"`
		CVE      []string `json:"cve"`
		Range    string   `json:"range"`
	}
	type vulnerable struct {
		Via []jsontext.Value `json:"via"` // an advisory, or the name of another package
	}
	var all map[string]jsontext.Value
	if !r.decode(top["vulnerabilities"], &all, r.lineOf(top["vulnerabilities"])) {
		return
	}
	for _, m := range members(top["vulnerabilities"]) {
		each(r, []jsontext.Value{m.value}, func(v vulnerable, line int) {
			for _, via := range v.Via {
				var a advisory
				if via.Kind() == '"' || !r.decode(via, &a, line) {
					continue
				}
				id := a.URL[strings.LastIndex(a.URL, "/")+1:]
				f := Finding{Kind: Hole, Tool: "npm audit", Rule: id, Title: a.Title, Severity: severity(a.Severity), Ecosystem: "npm", Package: a.Name}
				if id != "" {
					f.IDs = append([]string{id}, a.CVE...)
				}
				r.add(f, line)
			}
		})
	}
}

// zap reads ZAP's traditional JSON. An alert of a site is one finding; its first address stands for all.
func (r *reading) zap(top map[string]jsontext.Value) {
	type alert struct {
		Plugin    string `json:"pluginid"`
		Name      string `json:"name"`
		Risk      string `json:"riskcode"`
		CWE       string `json:"cweid"`
		Instances []struct {
			URI string `json:"uri"`
		} `json:"instances"`
	}
	type site struct {
		Name   string           `json:"@name"`
		Alerts []jsontext.Value `json:"alerts"`
	}
	each(r, r.list(top["site"]), func(s site, _ int) {
		each(r, s.Alerts, func(a alert, line int) {
			if a.Risk == "0" {
				return // for information alone
			}
			f := Finding{Kind: Remote, Tool: "zap", Rule: a.Plugin, Title: a.Name, Family: Family(a.CWE), Where: address(s.Name),
				Severity: map[string]string{"1": "low", "2": "medium", "3": "high"}[a.Risk]}
			if len(a.Instances) > 0 && f.Where == "" {
				f.Where = address(a.Instances[0].URI)
			}
			if f.Severity == "" {
				r.unknown(line, "riskcode is %.20q, and 0 to 3 are known; write the report anew", a.Risk)
				return
			}
			r.add(f, line)
		})
	})
}

// address is a URL without its query and without a password, which may hold what ZAP attacked with.
func address(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// maxNesting is how deep elements of XML may lie in each other.
const maxNesting = 32

// nessus reads version 2 of .nessus. Entities are not resolved, and a document type is refused.
func (r *reading) nessus() {
	d := xml.NewDecoder(bytes.NewReader(r.text))
	d.Strict = true
	line := func() int { n, _ := d.InputPos(); return n }
	var stack []string
	host := ""
	var item *Finding
	at := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			r.unknown(line(), "the report is no XML there; export it anew")
			return
		}
		switch x := tok.(type) {
		case xml.Directive:
			r.unknown(line(), "the report has a document type, which is not taken; export it anew")
			return
		case xml.StartElement:
			if len(stack) == 0 && x.Name.Local != "NessusClientData_v2" {
				r.unknown(line(), "the root is %.60q, and NessusClientData_v2 is known; export the scan as .nessus", x.Name.Local)
				return
			}
			if stack = append(stack, x.Name.Local); len(stack) > maxNesting {
				r.unknown(line(), "elements lie more than %d deep; export the report anew", maxNesting)
				return
			}
			has := map[string]string{}
			for _, a := range x.Attr {
				has[a.Name.Local] = a.Value
			}
			switch x.Name.Local {
			case "ReportHost":
				host = has["name"]
			case "ReportItem":
				at = line()
				item = &Finding{Kind: Remote, Tool: "nessus", Rule: has["pluginID"], Title: has["pluginName"],
					Severity: map[string]string{"0": "-", "1": "low", "2": "medium", "3": "high", "4": "critical"}[has["severity"]]}
				if host != "" {
					item.Where = host + ":" + has["port"] + "/" + has["protocol"]
				}
			}
		case xml.CharData:
			if item != nil && len(x) < 200 {
				switch text := strings.TrimSpace(string(x)); {
				case text == "":
				case stack[len(stack)-1] == "cve":
					item.IDs = append(item.IDs, text)
				case stack[len(stack)-1] == "cwe" && item.Family == "":
					item.Family = Family(text)
				}
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
			if x.Name.Local != "ReportItem" || item == nil {
				continue
			}
			switch item.Severity {
			case "-": // for information alone
			case "":
				r.unknown(at, "the severity of a finding is none of 0 to 4; export the report anew")
			default:
				r.add(*item, at)
			}
			item = nil
		}
	}
	if len(stack) > 0 || r.text == nil {
		r.unknown(line(), "the report ends too early; export it anew")
	}
}
