package report

import (
	"regexp"
	"strconv"
	"strings"
)

// same are weaknesses that tools name by different numbers for the same fault.
var same = map[int]int{259: 798, 321: 798, 547: 798, 522: 798, 77: 78, 88: 78, 564: 89, 80: 79, 326: 327, 328: 327, 95: 94, 36: 22, 23: 22, 73: 22, 297: 295, 599: 295, 338: 330,
	776: 611, 1333: 400, 770: 400}

// Family is what weaknesses are compared by: CWE-259 is the family CWE-798.
func Family(cwe string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.ToUpper(cwe), "CWE-"))
	if err != nil || n <= 0 {
		return ""
	}
	if m := same[n]; m > 0 {
		n = m
	}
	return "CWE-" + strconv.Itoa(n)
}

// bandits are the weaknesses of bandit's tests, which ruff and flake8 name S101 instead of B101. Some stand closer to the fault than bandit's
// own number, so that other tools' findings meet them: B201 is a debugger, B307 is eval. Source: bandit's documentation of its plugins.
var bandits = map[string]int{"101": 703, "102": 94, "103": 732, "104": 605, "105": 798, "106": 798, "107": 798, "108": 377, "110": 703, "112": 703, "113": 400, "201": 489, "202": 22,
	"301": 502, "302": 502, "303": 327, "304": 327, "305": 327, "306": 377, "307": 94, "308": 79, "310": 22, "311": 330, "312": 319, "313": 611, "314": 611, "315": 611, "316": 611,
	"317": 611, "318": 611, "319": 611, "320": 611, "321": 319, "323": 295, "324": 327, "401": 319, "402": 319, "403": 502, "404": 78, "405": 611, "406": 611, "407": 611, "408": 611,
	"409": 611, "410": 611, "411": 611, "412": 284, "413": 327, "415": 319, "501": 295, "502": 327, "503": 327, "504": 327, "505": 327, "506": 502, "507": 295, "508": 319, "509": 319,
	"601": 78, "602": 78, "603": 78, "604": 78, "605": 78, "606": 78, "607": 78, "608": 89, "609": 78, "610": 89, "611": 89, "612": 94, "613": 22, "614": 502, "701": 79, "702": 79, "703": 79, "704": 79}

// gosecs are rules of gosec that meet our own rules by another number than gosec's.
var gosecs = map[string]int{"G112": 400, "G114": 319, "G101": 798}

var banditCode = regexp.MustCompile(`^[BS](\d{3})$`)

// banditFamily is the family of bandit's B101, or S101 of ruff and flake8; "" is none.
func banditFamily(code string) string {
	m := banditCode.FindStringSubmatch(code)
	if m == nil || bandits[m[1]] == 0 {
		return ""
	}
	return "CWE-" + strconv.Itoa(bandits[m[1]])
}

// severities are the words of the tools.
var severities = map[string]string{"critical": "critical", "high": "high", "error": "high", "medium": "medium", "moderate": "medium", "warning": "medium", "low": "low", "info": "low",
	"note": "low", "none": "low", "informational": "low", "undefined": "low"}

// severity is a tool's word in ours; medium when it has none.
func severity(word string) string {
	if s := severities[strings.ToLower(word)]; s != "" {
		return s
	}
	return "medium"
}

// scored is the severity of a CVSS score.
func scored(score float64) string {
	switch {
	case score >= 9:
		return "critical"
	case score >= 7:
		return "high"
	case score >= 4:
		return "medium"
	}
	return "low"
}

var cweNumber = regexp.MustCompile(`(?i)cwe[-/ _]?0*(\d{1,5})`)

// cweOf finds a number in what a tool writes: "CWE-89: SQL Injection", "external/cwe/cwe-089".
func cweOf(texts ...string) string {
	for _, t := range texts {
		if m := cweNumber.FindStringSubmatch(t); m != nil {
			return Family(m[1])
		}
	}
	return ""
}
