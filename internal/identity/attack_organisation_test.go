package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on organisations. Each test has a saboteur of its own.

// two is a town with two organisations, each with an owner and a member.
type two struct {
	*town
	ann, bob, eve *browser // owner and member of herons, owner of ravens
	annID, bobID  types.ID
	herons        string
	ravens        string
}

func eachTwo(t *testing.T, fn func(t *testing.T, w *two)) {
	t.Helper()
	eachOrganised(t, nil, func(t *testing.T, town *town) { fn(t, newTwo(town)) })
}

func newTwo(town *town) *two {
	w := &two{town: town}
	w.annID, w.bobID = w.person("ann@example.org"), w.person("bob@example.org")
	w.person("eve@example.org")
	w.ann, w.bob, w.eve = w.in("ann@example.org"), w.in("bob@example.org"), w.in("eve@example.org")
	w.herons, w.ravens = w.found(w.ann, "Herons"), w.found(w.eve, "Ravens")
	w.joined(w.ann, w.bob, "bob@example.org", "member")
	w.enter(w.bob, w.herons).want(200)
	return w
}

// TestSwitchTakesMembership: an organisation of others is entered like one that does not exist: not at all.
func TestSwitchTakesMembership(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		theirs := w.enter(w.eve, w.herons).want(404)
		absent := w.enter(w.eve, string(types.RandomID())).want(404)
		if theirs.Code != absent.Code || theirs.Err.Error() != absent.Err.Error() {
			t.Fatalf("%v, and of what does not exist %v", theirs.Err, absent.Err)
		}
		w.stands(w.eve, "owner", w.ravens)
		if w.evidence(types.OrgChange, types.Refused) != 2 {
			t.Error("the refusals are not in evidence")
		}
	})
}

// TestRoleHoldsWhereItWasGiven: the owner of one organisation who is a member in another is a member there.
func TestRoleHoldsWhereItWasGiven(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.joined(w.ann, w.eve, "eve@example.org", "member")
		w.enter(w.eve, w.herons).want(200)
		w.stands(w.eve, "member", w.herons)
	})
}

// TestSwitchGivesANewToken: the token of before is refused at once, and other sessions stay where they are.
func TestSwitchGivesANewToken(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		other := w.in("ann@example.org")
		before := *w.ann
		w.enter(w.ann, nil).want(200)
		if w.ann.session.Reveal() == before.session.Reveal() || w.alive(&before) {
			t.Fatal("the token from before the switch is honoured")
		}
		w.stands(other, "owner", w.herons)
	})
}

// TestRemovalIsAtOnce: a session and an API token that are in use lose the organisation with the answer that removes their owner; in
// another process, whose cache had the session, within a second.
func TestRemovalIsAtOnce(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		program := w.token(w.bob)
		w.do("GET", "/auth/session", program, nil).want(200) // they are in the cache
		w.stands(w.bob, "member", w.herons)
		w.do("DELETE", "/auth/organisation/members/"+string(w.bobID), w.ann, nil).want(204)
		w.stands(w.bob, "", "")
		w.stands(program, "", "")
	})
	t.Run("elsewhere", removalReachesAnotherProcess)
}

// token issues an API token with the role of a member.
func (w *two) token(b *browser) *browser {
	w.t.Helper()
	made := w.do("POST", "/auth/tokens", b, map[string]any{"name": "ci", "roles": []string{"member"},
		"expires": w.clock.Now().Add(time.Hour).Format(time.RFC3339)}).want(201)
	return &browser{bearer: types.NewSecret(made.text("token"))}
}

func removalReachesAnotherProcess(t *testing.T) {
	storetest.Each(t, storetest.Options{Tables: organisationTables(t)}, func(t *testing.T, db store.DB) {
		one, other, _ := replicas(t, db, withOrganisations)
		w := newTwo(one)
		time.Sleep(300 * time.Millisecond)
		other.stands(w.bob, "member", w.herons)
		kept := *w.bob
		w.do("DELETE", "/auth/organisation/members/"+string(w.bobID), w.ann, nil).want(204)
		if !eventually(time.Second, func() bool { b := kept; _, org := other.roles(&b); return org == "" }) {
			t.Fatal("another process honours the membership for more than a second")
		}
	})
}

// TestStaleSessionManagesNothing: what a session was told it holds is not what counts; the membership of the moment is.
func TestStaleSessionManagesNothing(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.ann, map[string]any{"role": "owner"}).want(204)
		stale, _, err := w.Authenticate(w.ctx(), w.bob.session, false, w.ann.addr(), "")
		if err != nil {
			t.Fatal(err)
		}
		w.do("DELETE", "/auth/organisation/members/"+string(w.bobID), w.ann, nil).want(204)
		if err := w.Organisations().Remove(w.ctx(), stale, types.ID(w.herons), w.annID); types.CodeOf(err) != "organisation_required" {
			t.Fatalf("an owner of yesterday removes the owner of today: %v", err)
		}
		w.stands(w.ann, "owner", w.herons)
	})
}

// TestAnotherOrganisationIsNotManaged: whatever is asked goes to the active organisation, whose members alone are found.
func TestAnotherOrganisationIsNotManaged(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.eve, map[string]any{"role": "member"}).want(404)
		w.do("DELETE", "/auth/organisation/members/"+string(w.bobID), w.eve, nil).want(404)
		w.invite(w.ann, "cyd@example.org", "member").want(202)
		id := w.do("GET", "/auth/organisation/invitations", w.ann, nil).want(200).JSON["items"].([]any)[0].(map[string]any)["id"].(string)
		w.do("DELETE", "/auth/organisation/invitations/"+id, w.eve, nil).want(404)
		eve, _, err := w.Authenticate(w.ctx(), w.eve.session, false, w.eve.addr(), "")
		if err != nil {
			t.Fatal(err)
		}
		o, herons := w.Organisations(), types.ID(w.herons)
		_, members := o.Members(w.ctx(), eve, herons)
		_, rename := o.Rename(w.ctx(), eve, herons, "Mine")
		for what, err := range map[string]error{"put": o.Put(w.ctx(), eve, herons, w.bobID, "owner"), "remove": o.Remove(w.ctx(), eve, herons, w.bobID),
			"invite": o.Invite(w.ctx(), eve, herons, "eve2@example.org", "owner"), "members": members, "rename": rename} {
			if types.CodeOf(err) != "organisation_required" {
				t.Errorf("%s in another organisation: %v", what, err)
			}
		}
	})
}

// TestMembersDoNotManage: what takes the highest role is refused to everybody else: names, members, and oneself.
func TestMembersDoNotManage(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.do("PATCH", "/auth/organisation", w.bob, map[string]any{"name": "Mine"}).want(403)
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.bob, map[string]any{"role": "owner"}).want(403)
		w.do("PATCH", "/auth/organisation/members/"+string(w.annID), w.bob, map[string]any{"role": "member"}).want(403)
		w.do("DELETE", "/auth/organisation/members/"+string(w.annID), w.bob, nil).want(403)
		w.stands(w.ann, "owner", w.herons)
	})
}

// TestAddressesAreForWhoManages: a member sees who belongs, and the addresses of none.
func TestAddressesAreForWhoManages(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		if seen := w.do("GET", "/auth/organisation/members", w.bob, nil).want(200); strings.Contains(seen.Raw, "@") || !strings.Contains(seen.Raw, string(w.annID)) {
			t.Fatalf("a member is shown %s", seen.Raw)
		}
		if seen := w.do("GET", "/auth/organisation/members", w.ann, nil).want(200); !strings.Contains(seen.Raw, "bob@example.org") {
			t.Fatalf("an owner is shown %s", seen.Raw)
		}
	})
}

// TestMembersDoNotInvite: only the roles that the declaration names send invitations, list them and cancel them.
func TestMembersDoNotInvite(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.invite(w.bob, "bob2@example.org", "member").want(403)
		for range 10 { // nor does it use up what others may send
			w.invite(w.bob, "new@example.org", "member").want(403)
		}
		w.invite(w.ann, "new@example.org", "member").want(202)
		w.do("GET", "/auth/organisation/invitations", w.bob, nil).want(403)
		w.do("DELETE", "/auth/organisation/invitations/"+string(types.RandomID()), w.bob, nil).want(403)
	})
}

// TestNobodyRaisesHimselfInAnOrganisation: not through an invitation to a role above his own either.
func TestNobodyRaisesHimselfInAnOrganisation(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.ann, map[string]any{"role": "treasurer"}).want(204)
		w.enrol(w.bobID, types.TOTP, 1)
		bob := w.inWith("bob@example.org", "totp")
		w.stands(bob, "treasurer", w.herons)
		w.invite(bob, "cyd@example.org", "treasurer").want(202)
		if r := w.invite(bob, "bob2@example.org", "owner").want(403); r.Code != "role_not_held" {
			t.Fatalf("refused as %s", r.Code)
		}
	})
}

// TestDormantRoleInvitesNobody: a role that requires a factor manages nothing before it is proved.
func TestDormantRoleInvitesNobody(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.ann, map[string]any{"role": "treasurer"}).want(204)
		w.stands(w.bob, "", w.herons)
		if r := w.invite(w.bob, "cyd@example.org", "member").want(403); r.Code != "factor_required" {
			t.Fatalf("refused as %s", r.Code)
		}
	})
}

// TestLastOwner: of two owners who remove each other at once exactly one wins, and the one who is left can neither leave nor step
// down. An owner whose account is disabled does not count.
func TestLastOwner(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		for n := range 5 {
			email := fmt.Sprintf("o%d@example.org", n)
			id := w.person(email)
			b := w.in(email)
			w.joined(w.ann, b, email, "owner")
			w.enter(b, w.herons).want(200)
			race(func() { w.do("DELETE", "/auth/organisation/members/"+string(id), w.ann, nil) },
				func() { w.do("DELETE", "/auth/organisation/members/"+string(w.annID), b, nil) })
			left := w.rows("SELECT account FROM memberships WHERE org = ? AND role = 'owner'", types.TextValue(w.herons))
			if len(left) != 1 {
				t.Fatalf("%d owners left, want 1", len(left))
			}
			if left[0][0] == string(id) {
				w.ann, w.annID = b, id
			}
		}
		if r := w.do("POST", "/auth/organisation/leave", w.ann, nil).want(409); r.Code != "last_owner" {
			t.Fatalf("refused as %s", r.Code)
		}
		w.do("PATCH", "/auth/organisation/members/"+string(w.annID), w.ann, map[string]any{"role": "member"}).want(409)
		if err := w.Organisations().Remove(w.ctx(), operator, types.ID(w.herons), w.annID); types.CodeOf(err) != "last_owner" {
			t.Fatalf("an operator took the last owner: %v", err)
		}
		w.do("PATCH", "/auth/organisation/members/"+string(w.bobID), w.ann, map[string]any{"role": "owner"}).want(204)
		if err := w.Disable(w.ctx(), operator, w.bobID); err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/auth/organisation/leave", w.ann, nil).want(409)
	})
}

func race(fns ...func()) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for _, fn := range fns {
		wg.Go(func() { <-gate; fn() })
	}
	close(gate)
	wg.Wait()
}

// TestInvitationIsForItsAddress: whoever else gets hold of it is refused, and it stays good for whom it was sent to.
func TestInvitationIsForItsAddress(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.person("cyd@example.org")
		cyd := w.in("cyd@example.org")
		w.invite(w.ann, "cyd@example.org", "owner").want(202)
		token := w.invitation("cyd@example.org")
		if r := w.do("POST", "/auth/organisations/accept", w.eve, map[string]any{"token": token}).want(403); r.Code != "other_address" {
			t.Fatalf("refused as %s", r.Code)
		}
		if r := w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).want(409); r.Code != "account_exists" {
			t.Fatalf("refused as %s", r.Code)
		}
		w.do("POST", "/auth/organisations/accept", cyd, map[string]any{"token": token}).want(200)
	})
}

// TestInvitationWorksOnce: also when it is used twice at the same time.
func TestInvitationWorksOnce(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.invite(w.ann, "cyd@example.org", "member").want(202)
		token := w.invitation("cyd@example.org")
		status := make([]int, 2)
		race(func() {
			status[0] = w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).Status
		}, func() {
			status[1] = w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).Status
		})
		if status[0]+status[1] != 200+422 {
			t.Fatalf("two uses at once: %v", status)
		}
		cyd := w.in("cyd@example.org")
		w.do("POST", "/auth/organisations/accept", cyd, map[string]any{"token": token}).want(422)
		id := w.rows("SELECT account FROM memberships WHERE org = ? AND role = 'member' AND account <> ?", types.TextValue(w.herons), types.IDValue(w.bobID))[0][0]
		w.do("DELETE", "/auth/organisation/members/"+id, w.ann, nil).want(204)
		w.do("POST", "/auth/organisations/accept", cyd, map[string]any{"token": token}).want(422)
	})
}

// TestInvitationExpires after seven days.
func TestInvitationExpires(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		w.invite(w.ann, "cyd@example.org", "member").want(202)
		token := w.invitation("cyd@example.org")
		w.clock.Advance(organisation.Valid)
		w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).want(422)
	})
}

// TestInvitationDiesWithItsSender: an owner who is removed or put back does not come back through a letter he sent himself.
func TestInvitationDiesWithItsSender(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		for _, end := range []func(id string){
			func(id string) { w.do("DELETE", "/auth/organisation/members/"+id, w.ann, nil).want(204) },
			func(id string) {
				w.do("PATCH", "/auth/organisation/members/"+id, w.ann, map[string]any{"role": "treasurer"}).want(204)
			},
		} {
			w.clock.Advance(16 * time.Minute)
			w.alive(w.ann)
			email := types.Token(4) + "@example.org"
			id := w.person(email)
			b := w.in(email)
			w.joined(w.ann, b, email, "owner")
			w.enter(b, w.herons).want(200)
			w.invite(b, "again"+email, "owner").want(202)
			end(string(id))
			w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": w.invitation("again" + email), "password": goodPassword}).want(422)
		}
	})
}

// TestInvitationTellsNothing: of an address with an account, one without, and one that belongs already, an inviter gets the same
// answer, and each gets a letter. Who belongs already stays what he is.
func TestInvitationTellsNothing(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		answers := map[string]bool{}
		for _, email := range []string{"eve@example.org", "nobody@example.org", "bob@example.org"} {
			before := w.mails.letters()
			r := w.invite(w.ann, email, "member").want(202)
			answers[r.Raw] = true
			if w.mails.letters() != before+1 {
				t.Errorf("%s got %d letters", email, w.mails.letters()-before)
			}
			if m := w.mails.last(t, email, signup.LetterOrgInvite); m.Valid != organisation.Valid {
				t.Errorf("the letter says %v", m.Valid)
			}
		}
		if len(answers) != 1 {
			t.Errorf("answers differ: %v", answers)
		}
		w.joined(w.ann, w.bob, "bob@example.org", "owner")
		w.stands(w.bob, "member", w.herons)
	})
}

// TestInvitationsFloodNobody: five letters to one address in a quarter of an hour, whoever asks.
func TestInvitationsFloodNobody(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		for range 5 {
			w.invite(w.ann, "victim@example.org", "member").want(202)
		}
		w.invite(w.ann, "victim@example.org", "member").want(429)
		w.invite(w.eve, "victim@example.org", "member").want(429)
	})
}

// TestInvitersAreCounted: fifty letters in a quarter of an hour by one member, to whomever.
func TestInvitersAreCounted(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		for n := range 49 { // and one for bob before
			w.invite(w.ann, fmt.Sprintf("v%d@example.org", n), "member").want(202)
		}
		w.invite(w.ann, "one-more@example.org", "member").want(429)
		w.invite(w.eve, "one-more@example.org", "member").want(202)
	})
}

// TestTokenStaysInItsOrganisation: an API token carries the organisation it was made in, wherever its owner is now.
func TestTokenStaysInItsOrganisation(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		program := w.token(w.bob)
		w.joined(w.eve, w.bob, "bob@example.org", "member")
		w.enter(w.bob, w.ravens).want(200)
		w.stands(program, "member", w.herons)
	})
}

// TestTokenManagesNoOrganisation: what changes an organisation, or where one is, takes a session.
func TestTokenManagesNoOrganisation(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		program := w.token(w.bob)
		for method, path := range map[string]string{"POST": "/auth/organisation/leave", "PUT": "/auth/session/organisation", "PATCH": "/auth/organisation"} {
			body := map[string]map[string]any{"PUT": {"organisation": w.ravens}, "PATCH": {"name": "x"}}[method]
			if r := w.do(method, path, program, body).want(403); r.Code != "session_required" {
				t.Errorf("%s %s: %s", method, path, r.Code)
			}
		}
	})
}

// TestOrganisationRoleIsNotGranted: roles within organisations come by membership; a grant of one, even an old one in the database,
// is nothing.
func TestOrganisationRoleIsNotGranted(t *testing.T) {
	eachTwo(t, func(t *testing.T, w *two) {
		if err := w.Grant(w.ctx(), operator, w.bobID, "owner", time.Time{}); types.CodeOf(err) != "organisation_role" {
			t.Fatalf("granted: %v", err)
		}
		if err := w.db.Write(w.ctx(), func(tx store.Tx) error {
			_, err := tx.Exec(w.ctx(), store.SQL(`INSERT INTO fastness_grant (account, role, expires, at) VALUES (?, 'owner', 0, 0)`), types.IDValue(w.bobID))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.stands(w.in("bob@example.org"), "member", w.herons)
	})
}
