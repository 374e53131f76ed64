package browser

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// password is what everybody in the tests chooses.
const password = "seven quiet herons below the mill"

// person is somebody with an account.
type person struct {
	address string
	secret  string // of the authenticator app
	used    int64  // the last step whose code was shown
}

// invited makes an account by an operator's invitation and lets its owner enrol, in a window.
func invited(t *testing.T, w *tab, address string, roles ...string) *person {
	t.Helper()
	args := []string{"users", "add", address}
	for _, r := range roles {
		args = append(args, "--role", r)
	}
	link := regexp.MustCompile(`https://localhost:\d+/account/enrol\S+`).FindString(w.app.run(t, args...))
	w.visit(link)
	w.at("/account/enrol")
	w.fill("password", password)
	w.follow(`//main//form//button`)
	w.at("/account/")
	return &person{address: address}
}

// signIn signs in with the password; what is asked for next is left to the caller.
func (p *person) signIn(w *tab) {
	w.t.Helper()
	w.visit("/account/sign-in")
	w.fill("email", p.address)
	w.fill("password", password)
	w.follow(`//form[@action="/account/sign-in"]//button`)
}

// code is a code of the authenticator app that was not used yet (RFC 6238). The server takes the next step's too, so that nobody has
// to wait for half a minute.
func (p *person) code(w *tab) string {
	w.t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(p.secret, " ", ""))
	if err != nil {
		w.t.Fatal(err)
	}
	step := w.app.now().Unix() / 30
	for p.used > step {
		time.Sleep(time.Unix(step*30+30, 0).Sub(w.app.now()))
		step = w.app.now().Unix() / 30
	}
	step = max(step, p.used+1)
	p.used = step
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}
