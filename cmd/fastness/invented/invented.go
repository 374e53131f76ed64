// Package invented fills an empty press with accounts and articles that nobody wrote, for trying things out.
package invented

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/types"
)

// seedRows is how many invented articles an empty press gets, so that lists and cursors mean something.
const seedRows = 2000

// Press fills an empty press with one account per role and invented articles, and returns one working curl per role. The operator's
// acts are evidence.
func Press(ctx context.Context, app *fastness.App, by *types.Caller) ([]string, error) {
	if !app.Plan.Development() || app.Plan.Collection("articles") == nil {
		return nil, fmt.Errorf("--seed fills examples/press in development only")
	}
	lines := []string{fmt.Sprintf("anonymous: curl -sk '%s/api/v1/articles?limit=2'", app.Base())}
	for _, role := range app.Plan.RoleNames() {
		email := role + "@press.example"
		added, err := app.Identity.AddUser(ctx, by, email, []string{role})
		var id types.ID
		if err == nil {
			id = added.ID
		} else if acc, e := app.Identity.Find(ctx, by, email); e == nil {
			id = acc.ID
		} else {
			return nil, err
		}
		s, err := app.Identity.DevSession(ctx, by, id)
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%s: curl -sk -H 'Authorization: Bearer %s' '%s/api/v1/articles?limit=2'", role, s.Token.Reveal(), app.Base()))
		if role == "author" {
			if err := seedArticles(ctx, app, by, id); err != nil {
				return nil, err
			}
		}
	}
	return lines, nil
}

var (
	subjects = []string{"A quiet harbour", "The second orchestra", "Winter wheat", "An honest clock", "Night trains", "The long meadow", "Salt and light"}
	sections = []string{"news", "science", "culture", "sport"}
)

// seedArticles makes the rows through the same door as every client, in batches.
func seedArticles(ctx context.Context, app *fastness.App, by *types.Caller, author types.ID) error {
	page, err := app.Keep.List(ctx, by, keep.ListQuery{Collection: "articles", Limit: 1})
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(page.Body), `{"items":[]`) {
		return nil
	}
	for from := 0; from < seedRows; from += 50 {
		var do []map[string]any
		for i := from; i < from+50; i++ {
			do = append(do, map[string]any{"create": "articles", "new": map[string]any{
				"title": fmt.Sprintf("%s, part %d", subjects[i%len(subjects)], i+1), "slug": fmt.Sprintf("invented-%d", i+1), "author": author,
				"body": "<p>Invented text for trying things out.</p>", "section": sections[i%len(sections)], "words": 100 + i%900}})
			if i%4 != 3 { // the newest is a draft, which the tour looks at
				do = append(do, map[string]any{"update": "articles", "id": fmt.Sprintf("@%d", len(do)-1), "new": map[string]any{"status": "review"}},
					map[string]any{"update": "articles", "id": fmt.Sprintf("@%d", len(do)-1), "new": map[string]any{"status": "published",
						"published_on": fmt.Sprintf("2026-%02d-%02d", 1+i%12, 1+i%28)}})
			}
			if len(do) > 90 {
				if err := seedBatch(ctx, app, by, do); err != nil {
					return err
				}
				do = nil
			}
		}
		if err := seedBatch(ctx, app, by, do); err != nil {
			return err
		}
	}
	return nil
}

func seedBatch(ctx context.Context, app *fastness.App, by *types.Caller, do []map[string]any) error {
	if len(do) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"do": do})
	if err != nil {
		return err
	}
	_, err = app.Keep.Batch(ctx, by, body, keep.Write{})
	return err
}
