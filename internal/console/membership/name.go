package membership

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// nameFields are the fields of accounts that hold what people call a person: the first of them that is declared as a text.
var nameFields = []string{"name", "full_name", "display_name"}

// atOnce is how many rows one list answers at most.
const atOnce = 200

func (p *Pages) nameField() string {
	for _, name := range nameFields {
		if slices.ContainsFunc(p.cfg.Plan.Accounts.Fields, func(f *plan.Field) bool { return f.Name == name && f.Type == plan.TextField }) {
			return name
		}
	}
	return ""
}

// names reads what members are called, as the caller may: it asks the collection accounts as the caller's own list would. Who may read no account
// at all is not asked about, since a refusal would be evidence of an attempt that nobody made.
func (p *Pages) names(ctx context.Context, who *types.Caller, members []organisation.Member) (map[types.ID]string, error) {
	out, called := map[types.ID]string{}, p.nameField()
	if called == "" {
		return out, nil
	}
	if _, _, err := judge.Permit(p.cfg.Plan, who, "accounts", types.Read); err != nil {
		return out, nil // who may read none sees none
	}
	for some := range slices.Chunk(members, atOnce) {
		ids := make([]string, 0, len(some))
		for _, m := range some {
			ids = append(ids, `"`+string(m.Account)+`"`)
		}
		a, err := p.cfg.Keep.List(ctx, who, keep.ListQuery{Collection: "accounts", Filter: "row.id in [" + strings.Join(ids, ", ") + "]", Fields: []string{"id", called}, Limit: atOnce})
		if types.CodeOf(err) == "field_not_allowed" || types.KindOf(err) == types.Forbidden {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []map[string]*string `json:"items"`
		}
		err = json.Unmarshal(a.Body, &page)
		a.Release()
		if err != nil {
			return nil, err
		}
		for _, row := range page.Items {
			if id, name := row["id"], row[called]; id != nil && name != nil {
				out[types.ID(*id)] = strings.TrimSpace(*name)
			}
		}
	}
	return out, nil
}
