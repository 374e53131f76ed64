package osv

import (
	"math"
	"slices"
	"strings"
)

// ranks are the severities in ascending order.
var ranks = []string{"low", "medium", "high", "critical"}

// Rank is the place of a severity among them; -1 for another word.
func Rank(severity string) int { return slices.Index(ranks, severity) }

// severity is what the entry says, or what its vector of CVSS 3 comes to. An entry that says neither counts as high; one of a package
// that was made to harm is critical.
func (e *Entry) severity(ecosystem, name string) string {
	if strings.HasPrefix(e.ID, "MAL-") {
		return "critical"
	}
	if word, ok := e.Specific.Severity.(string); ok {
		word = strings.ToLower(word)
		if word == "moderate" {
			word = "medium"
		}
		if Rank(word) >= 0 {
			return word
		}
	}
	scores := e.Severity
	for _, a := range e.Affected {
		if key(a.Package.Ecosystem, a.Package.Name) == key(ecosystem, name) && len(a.Severity) > 0 {
			scores = a.Severity
		}
	}
	for _, s := range scores {
		if n, ok := base(s.Score); s.Type == "CVSS_V3" && ok {
			switch {
			case n >= 9:
				return "critical"
			case n >= 7:
				return "high"
			case n >= 4:
				return "medium"
			}
			return "low"
		}
	}
	return "high"
}

// weights are the metrics of CVSS 3.1, section 7.4; "PR" is that of an unchanged scope.
var weights = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}, "AC": {"L": 0.77, "H": 0.44}, "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
	"UI": {"N": 0.85, "R": 0.62}, "S": {"U": 0, "C": 1}, "C": {"H": 0.56, "L": 0.22, "N": 0}, "I": {"H": 0.56, "L": 0.22, "N": 0}, "A": {"H": 0.56, "L": 0.22, "N": 0},
}

// base is the base score of a vector of CVSS 3, section 7.1.
func base(vector string) (float64, bool) {
	got := map[string]float64{}
	low := ""
	for _, part := range strings.Split(vector, "/") {
		metric, value, _ := strings.Cut(part, ":")
		if w, ok := weights[metric][value]; ok {
			got[metric] = w
			if metric == "PR" {
				low = value
			}
		}
	}
	if len(got) != len(weights) {
		return 0, false
	}
	changed := got["S"] == 1
	if changed && low == "L" {
		got["PR"] = 0.68
	} else if changed && low == "H" {
		got["PR"] = 0.5
	}
	iss := 1 - (1-got["C"])*(1-got["I"])*(1-got["A"])
	impact := 6.42 * iss
	if changed {
		impact = 7.52*(iss-0.029) - 3.25*math.Pow(iss-0.02, 15)
	}
	if impact <= 0 {
		return 0, true
	}
	score := impact + 8.22*got["AV"]*got["AC"]*got["PR"]*got["UI"]
	if changed {
		score *= 1.08
	}
	return math.Ceil(math.Round(math.Min(score, 10)*100000)/10000) / 10, true
}
