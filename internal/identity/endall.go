package identity

import (
	"context"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// atOnce is how many accounts EndAll moves on in one transaction.
const atOnce = 1000

var (
	lastOf   = store.SQL(`SELECT id FROM fastness_account WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?`)
	moveMany = store.SQL(`UPDATE fastness_account SET epoch = epoch + 1 WHERE id > ? AND id <= ? AND state <> 'erased'`)
	waiting  = []*store.Stmt{store.SQL(`DELETE FROM fastness_session`), store.SQL(`DELETE FROM fastness_link`), store.SQL(`DELETE FROM fastness_attempt`)}
	invited  = store.SQL(`DELETE FROM fastness_organisation_invitation`)
)

// EndAll ends for cause every session and API token, and voids every link, invitation and sign-in under way, of all accounts. The root calls
// it before anybody is served, when what the database says of them is old.
func (i *Identity) EndAll(ctx context.Context, reason string) error {
	for from := types.ID(""); ; {
		to := types.ID("~") // behind every id
		err := i.db.Write(ctx, func(tx store.Tx) error {
			to = "~"
			rows, err := tx.Query(ctx, lastOf, types.IDValue(from), types.IntValue(atOnce-1))
			if err != nil {
				return err
			}
			if rows.Next() {
				to = types.ID(rows.Text(0))
			}
			err = rows.Err()
			if e := rows.Close(); err == nil {
				err = e
			}
			if err == nil {
				_, err = tx.Exec(ctx, moveMany, types.TextValue(string(from)), types.IDValue(to))
			}
			return err
		})
		if err != nil {
			return err
		}
		if from = to; to == "~" {
			break
		}
	}
	e := types.NewEntry(types.SignOut, types.Done, &types.Caller{Kind: types.System, Reason: reason}, i.cfg.Clock.Now())
	e.Code = "all_ended"
	return i.db.Write(ctx, func(tx store.Tx) error {
		statements := waiting
		if i.cfg.Plan.Organisations != nil {
			statements = append(statements[:len(statements):len(statements)], invited)
		}
		for _, s := range statements {
			if _, err := tx.Exec(ctx, s); err != nil {
				return err
			}
		}
		return tx.Record(e)
	})
}
