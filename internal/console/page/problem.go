package page

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// said is what a person is told for a code of a refusal, in place of the sentence that is meant for programs.
var said = map[string]string{
	"sign_in_refused":        "The address or the password is not right. Try again, or recover your account.",
	"factor_refused":         "That was not right. Try again with a new code.",
	"attempt_over":           "This sign-in took too long or was refused. Begin again.",
	"too_many_attempts":      "Too many attempts. Wait a little and try again.",
	"too_many_codes":         "Too many wrong codes in thirty days. Use a passkey, a recovery code or a device that signed in before, or choose a new password. If that was done already, ask whoever runs this service.",
	"too_many_requests":      "Too many requests. Wait a little and try again.",
	"sign_in_busy":           "Many people are signing in right now. Try again in a moment.",
	"sign_up_closed":         "Accounts are made by invitation here. Ask whoever runs this service for one.",
	"link_over":              "This link was used, replaced or is too old. Ask for a new one.",
	"no_mail":                "This service cannot send mail now. Try again later, or ask whoever runs it.",
	"no_enrolment":           "This took too long. Begin again.",
	"second_factor_first":    "Recovery codes stand in for a second factor. Add a passkey or an authenticator app first.",
	"too_many_passkeys":      "You have as many passkeys as an account may have. Remove one first.",
	"passkey_taken":          "This passkey is on an account already.",
	"too_many_tokens":        "You have as many tokens as an account may have. Revoke one first.",
	"changed_meanwhile":      "Your account was changed meanwhile, perhaps by you in another window. Try again.",
	"changed":                "This was changed meanwhile, perhaps by you in another window. Look at it again.",
	"cross_origin":           "This request did not come from our own pages, so it was not carried out.",
	"not_found":              "There is nothing here, or it is not yours.",
	"session_required":       "This needs a person who is signed in.",
	"unsupported_type":       "This page takes forms only.",
	"malformed":              "The form could not be read. Go back and send it again.",
	"too_large":              "That is more than this page takes.",
	"other_address":          "This invitation went to another address than that of your account. Ask for one to yours.",
	"last_owner":             "This is the last member with the highest role. Give it to somebody else first.",
	"organisation_full":      "The organisation has as many members as it may have.",
	"too_many_invitations":   "The organisation has as many open invitations as it may have. Cancel one first.",
	"too_many_organisations": "You own as many organisations as you may. Hand one over first.",
	"organisation_required":  "Make an organisation active first.",
	"organisations_closed":   "Organisations are made by whoever runs this service.",
	"role_not_held":          "You can give your own role or one below it.",
	"factor_required":        "Your role asks for a stronger sign-in. Add a second factor and sign in with it.",
	"factor_enrolled":        "Your account has a second factor. Use that.",
	"last_way_in":            "This is the only way into your account. Set a password or add a passkey first.",
	"internal":               "Something went wrong on our side. Try again; if it stays, tell whoever runs this service the number below.",
	"invalid":                "Some things need another look.",
	"not_allowed":            "Your roles do not allow this.",
	"field_not_allowed":      "You may not change this here.",
	"already_exists":         "This is taken already.",
	"not_accepted":           "This was not accepted.",
	"provider_away":          "The provider cannot be reached now. Try again later, or choose another way.",
	"breached_unread":        "Passwords cannot be checked now. Try again later.",
}

// wrong is what a person is told for a code of a field. %s is the limit.
var wrong = map[string]string{
	"wrong_code":          "This code is not right. Wait for the next one and check the clock of your phone.",
	"wrong_recovery_code": "This code is not right, or it was used already.",
	"wrong_passkey":       "The passkey was not accepted. Try again, or choose another way.",
	"wrong_password":      "This password is not right.",
	"required":            "Fill this in.",
	"too_short":           "Use at least %s characters. A few words do well.",
	"too_long":            "Use at most %s characters.",
	"composition":         "Use at least one %s.",
	"context":             "Do not build it from your address or the name of this service.",
	"common":              "This is among the first passwords that are tried. Use a few words of your own.",
	"guessable":           "This would be guessed early. Use a few words that do not belong together.",
	"unchanged":           "This is your present password. Use another one.",
	"breached":            "This is in a list of passwords that leaked. Use another one.",
	"bad_email":           "Write an e-mail address such as ada@example.org.",
	"bad_url":             "Write a web address that begins with https://.",
	"bad_date":            "Write a day such as 2026-01-31.",
	"bad_time":            "Write a time such as 2026-01-31T12:00:00Z.",
	"bad_uuid":            "Write a UUID.",
	"bad_text":            "Use plain text.",
	"bad_json":            "Write plain JSON.",
	"wrong_type":          "This has the wrong form.",
	"out_of_range":        "This is out of range.",
	"too_small":           "This is too small.",
	"too_large":           "This is too large.",
	"too_few":             "These are too few.",
	"too_many":            "These are too many.",
	"bad_decimal":         "Write a number such as 12.50.",
	"no_match":            "This does not have the form that is asked for.",
	"not_found":           "There is no such thing.",
	"not_one_of":          "Choose one of the list.",
	"unknown_role":        "Choose one of the list.",
	"length":              "Give it a name, and not too long a one.",
	"range":               "Choose an end within the next year.",
	"not_held":            "Choose at least one of your roles.",
	"unknown_action":      "Choose at least one thing that the token may do.",
}

// classes are the kinds of characters that a declaration may demand of passwords, as a person calls them.
var classes = map[string]string{"letter": "letter", "digit": "digit", "upper": "capital letter", "symbol": "symbol"}

// Class names a kind of characters in the reader's words.
func (k *Kit) Class(l Language, name string) string { return k.text(l, classes[name]) }

// Message puts a refusal into the reader's words.
func (k *Kit) Message(l Language, e *types.Error) string {
	if s, ok := said[e.Code]; ok {
		return k.text(l, s)
	}
	if e.Kind == types.Unavailable || e.Kind == types.Full {
		return k.text(l, "This service cannot do that now. Try again later.")
	}
	return k.text(l, "This was not accepted.")
}

// Errors puts a refusal into the words of a form: one line per field, or one for the form. path maps a path of the refusal to the
// input's name; nil keeps it.
func (k *Kit) Errors(l Language, e *types.Error, path func(string) string) []FieldError {
	if e.Code == "email_not_accepted" {
		return []FieldError{{"email", k.text(l, wrong["bad_email"])}}
	}
	if len(e.Fields) == 0 {
		return []FieldError{{"", k.Message(l, e)}}
	}
	var out []FieldError
	for _, f := range e.Fields {
		name := f.Path
		if path != nil {
			name = path(name)
		}
		text, ok := wrong[f.Code]
		if !ok {
			text = "This was not accepted."
		}
		limit := f.Limit
		if f.Code == "composition" {
			limit = k.Class(l, limit)
		}
		if strings.Contains(text, "%s") {
			out = append(out, FieldError{name, k.text(l, text, limit)})
		} else {
			out = append(out, FieldError{name, k.text(l, text)})
		}
	}
	return out
}

// Again shows a form once more with what is wrong. An error that a person cannot mend in the form is returned.
func (k *Kit) Again(r *plan.Request, name string, v View, err error, path func(string) string) (*plan.Answer, error) {
	var e *types.Error
	if !errors.As(err, &e) {
		return nil, err
	}
	status := http.StatusUnprocessableEntity
	switch e.Kind {
	case types.Invalid, types.Unauthenticated, types.Conflict, types.Precondition, types.NotFound:
	case types.Forbidden:
		if e.Code == "step_up_required" || e.Code == "cross_origin" || e.Code == "session_required" {
			return nil, err
		}
	case types.TooMany:
		status = http.StatusTooManyRequests
	case types.Unavailable:
		status = http.StatusServiceUnavailable
	default:
		return nil, err
	}
	v.Errors = append(v.Errors, k.Errors(k.Language(r), e, path)...)
	a, err := k.Render(r, status, name, v)
	if err == nil && e.RetryAfter > 0 {
		a.Header["Retry-After"] = []string{seconds(e.RetryAfter)}
	}
	return a, err
}

// Problem is how a refusal that ends a request looks to a person: a detour to sign in or to prove a factor again, or a page that says
// what happened. It implements plan.Route.Problem.
func (k *Kit) Problem(r *plan.Request, status int, e *types.Error) *plan.Answer {
	back := Onward(r.URL, "")
	switch {
	case e.Kind == types.Unauthenticated:
		notice := ""
		if e.Code == "credential_invalid" {
			notice = "session_over"
		}
		return Redirect(With("/account/sign-in", "return", back), notice)
	case e.Code == "step_up_required":
		return Redirect(With("/account/step-up", "return", back), "")
	}
	l := k.Language(r)
	v := View{Title: http.StatusText(status), Data: struct{ Message, Number string }{k.Message(l, e), string(r.Caller.RequestID)}}
	if r.Caller.Kind == types.Signed { // who is signed in keeps the navigation
		v.Person = string(r.Caller.Account)
	}
	switch {
	case status == http.StatusNotFound:
		v.Title = "Not found"
	case status == http.StatusForbidden:
		v.Title = "Not allowed"
	case status == http.StatusTooManyRequests:
		v.Title = "Too many requests"
	case status >= 500:
		v.Title = "Something went wrong"
	default:
		v.Title = "That did not work"
	}
	a, err := k.Render(r, status, "problem", v)
	if err != nil { // the page itself fails: say as little as can be said
		return &plan.Answer{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(http.StatusText(status) + "\n")}
	}
	a.Cookies = nil
	return a
}

func seconds(d time.Duration) string {
	return itoa(int((d + time.Second - 1) / time.Second))
}
