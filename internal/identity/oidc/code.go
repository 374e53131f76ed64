package oidc

import (
	"errors"

	"github.com/fastness-dev/fastness/internal/types"
)

// Code is why a sign-in with a provider ended without one. The set is closed: pages have a text for each.
type Code string

// The codes. They travel as ?error=CODE to the page of sign-in, or to where a link was begun.
const (
	Begin       Code = "begin_again"        // it took too long, was used already, or began in another browser
	Cancelled   Code = "cancelled"          // the person said no at the provider
	Declined    Code = "provider_refused"   // the provider said no
	Away        Code = "provider_away"      // the provider cannot be reached
	Doubtful    Code = "not_accepted"       // what the provider said does not prove who this is
	Unverified  Code = "address_unverified" // the provider has not verified the address
	Exists      Code = "account_exists"     // the address has an account: sign in to it, then link the provider
	Uninvited   Code = "not_invited"        // accounts are made by invitation
	Refused     Code = "refused"            // the account is disabled or locked
	TooMany     Code = "too_many_attempts"  // wait
	Elsewhere   Code = "linked_elsewhere"   // this person of the provider belongs to another account here
	Once        Code = "linked_already"     // the account is linked to another person of this provider
	Another     Code = "another_person"     // a step-up, but this person of the provider is not linked to the account
	Unproved    Code = "not_proved_again"   // a step-up, but the provider did not let him prove himself again, or does not say so
	Enrolled    Code = "factor_enrolled"    // a step-up, but the account has a second factor, which a provider does not stand for
	Unavailable Code = "unavailable"        // this service itself is not able; nothing was done
)

// failure ends a sign-in with a code. account is whose it would have been, if that is known; why is for the log.
type failure struct {
	code    Code
	account types.ID
	why     error
}

func (f *failure) Error() string {
	if f.why != nil {
		return "oidc: " + string(f.code) + ": " + cause(f.why)
	}
	return "oidc: " + string(f.code)
}

func fail(code Code, why error) *failure { return &failure{code: code, why: why} }

var errBegin = fail(Begin, nil)

// codeOf brings any error of a callback to its code. What has none is a fault of ours.
func codeOf(err error) (f *failure, ok bool) {
	if errors.As(err, &f) {
		return f, true
	}
	if types.CodeOf(err) == string(Enrolled) {
		return fail(Enrolled, nil), true
	}
	switch types.KindOf(err) {
	case types.TooMany:
		return fail(TooMany, nil), true
	case types.Unavailable, types.Full:
		return fail(Unavailable, err), true
	case types.Unauthenticated:
		return fail(Refused, nil), true // Prove's refusal of an account that is not active
	}
	return nil, false
}
