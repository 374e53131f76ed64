package account

import "github.com/fastness-dev/fastness/internal/plan"

// Adopt gives pages of other rooms, such as the beginning of a sign-in with a provider, the look of ours when they have to say no.
func (p *Pages) Adopt(routes []plan.Route) []plan.Route {
	for i := range routes {
		if routes[i].Page && routes[i].Problem == nil {
			routes[i].Problem = p.kit.Problem
		}
	}
	return routes
}
