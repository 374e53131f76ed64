package edge

import (
	"github.com/fastness-dev/fastness/internal/types"
)

// checkAccess decides, before a byte of the body is read, whether the caller may use the route at all. Unknown paths are 401 for
// those who did not say who they are, so that nobody can map the house from outside.
func (x *exchange) checkAccess() error {
	anonymous := x.caller.Kind == types.Anonymous
	if x.route == nil {
		if anonymous && !x.publicPath() {
			return types.Refuse(types.Unauthenticated, "sign_in_required", "sign in first")
		}
		return x.missing()
	}
	a := x.route.Access
	if anonymous {
		if a.Public == "" {
			return types.Refuse(types.Unauthenticated, "sign_in_required", "sign in first")
		}
	} else if !a.SignedIn && a.Public == "" && a.Rule == "" && !x.caller.Roles.Any(a.Roles) {
		if x.caller.Dormant.Any(a.Roles) {
			return types.Refuse(types.Forbidden, "factor_required", "sign in with another factor to use this")
		}
		return types.Refuse(types.Forbidden, "not_allowed", "none of your roles may use this")
	}
	if a.Rule != "" && x.s.cfg.May != nil {
		if err := x.s.cfg.May(x.r.Context(), x.caller, a.Rule, a.Action); err != nil {
			return err
		}
	}
	if a.Fresh > 0 && !x.caller.Fresh(x.begun, a.Fresh) {
		return types.Refuse(types.Forbidden, "step_up_required", "prove a factor again, at /auth/step-up, and repeat the request")
	}
	return nil
}

// publicPath reports whether anonymous callers may use the path with some verb, so that it is no secret.
func (x *exchange) publicPath() bool {
	for _, m := range x.methods {
		if m.Access.Public != "" {
			return true
		}
	}
	return false
}
