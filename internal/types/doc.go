// Package types holds the words that every room shares: ids, values, secrets that cannot print, the closed set of error
// kinds, the clock, the caller and the evidence entry. It imports the standard library only, so that any room may use it.
//
// Policy that lives here: the zero value of every verdict is "no" (an empty Caller is anonymous, a zero Outcome is a
// refusal, a zero error Kind is internal and mute); time comes from a Clock, never from package time; randomness for ids
// and tokens comes from crypto/rand and from nowhere else.
package types
