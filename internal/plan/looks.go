package plan

import "github.com/fastness-dev/fastness/internal/plan/rule"

// LooksAt reports whether some rule or check asks which rows the collection has. Then a row of an import may decide about the next. A
// reference does not: no row refers to one whose id the client has not been told.
func (p *Plan) LooksAt(collection string) bool {
	for _, c := range p.Collections {
		for _, list := range [][]*Rule{c.Reads, c.Creates} {
			for _, r := range list {
				if rule.Asks(r.When, collection) {
					return true
				}
			}
		}
		for _, check := range c.Checks {
			if rule.Asks(check.That, collection) {
				return true
			}
		}
	}
	return false
}
