package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/types"
)

// errUnreadable is an answer that is not the one JSON object which it should be.
var errUnreadable = errors.New("oidc: the provider's answer cannot be read exactly")

// refusal is an answer of a provider that is not 200.
type refusal struct {
	status int
	code   string // of OAuth (RFC 6749, section 5.2); "" when the answer has none
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the provider answers %d %s %s", r.status, http.StatusText(r.status),
		types.Printable(r.code)))
}

// get asks for an object; token is one of OAuth, "" for none.
func (p *party) get(ctx context.Context, from, token string, into any) error {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return p.object(ctx, http.MethodGet, from, header, nil, into)
}

// post sends a form and reads the object that is answered.
func (p *party) post(ctx context.Context, to string, header http.Header, form url.Values, into any) error {
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.object(ctx, http.MethodPost, to, header, strings.NewReader(form.Encode()), into)
}

func (p *party) object(ctx context.Context, method, at string, header http.Header, body io.Reader, into any) error {
	text, err := p.read(ctx, method, at, header, body)
	if err != nil {
		return err
	}
	if err := exact.Decode(text, into); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return nil
}

// read is the one place where this package speaks to a provider. The door bounds time and size.
func (p *party) read(ctx context.Context, method, at string, header http.Header, body io.Reader) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return nil, err
	}
	for name, v := range header {
		r.Header[name] = v
	}
	r.Header.Set("Accept", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		var said struct {
			Error string `json:"error"`
		}
		if exact.Decode(text, &said) != nil {
			said.Error = ""
		}
		return nil, &refusal{answer.StatusCode, said.Error}
	}
	return text, nil
}

// cause makes an error fit for a log: what a provider writes may stand in it.
func cause(err error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
	return text[:min(len(text), 300)]
}
