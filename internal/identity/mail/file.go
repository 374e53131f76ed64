package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/types"
)

// kept is how many letters development keeps.
const kept = 200

// file writes a letter into development's folder as a message that any mail program opens, readable by its owner alone, and
// announces it on the terminal. Doing it again for the same letter replaces it.
func (m *Mailer) file(id types.ID, w waiting, r rendered) error {
	if err := os.MkdirAll(m.cfg.Folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(m.cfg.Folder)
	if err != nil {
		return err
	}
	defer root.Close()
	var b bytes.Buffer
	if _, err := compose(m.from, w.To, string(id)+"@"+m.host, w.Language, types.FromMicros(w.At), r).WriteTo(&b); err != nil {
		return err
	}
	name := string(id) + ".eml"
	if err := root.WriteFile(name, b.Bytes(), 0o600); err != nil {
		return err
	}
	if m.cfg.Terminal != nil {
		link := w.Link
		if link == "" {
			link = w.Lock
		}
		fmt.Fprintf(m.cfg.Terminal, "mail to %s: %s %s\n", w.To, w.Letter, link)
	}
	ids, err := letters(root)
	if err != nil {
		return err
	}
	for _, old := range ids[min(kept, len(ids)):] {
		if err := root.Remove(string(old) + ".eml"); err != nil {
			return err
		}
	}
	return nil
}

// letters are the ids of the filed letters, newest first.
func letters(root *os.Root) ([]types.ID, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []types.ID
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".eml")
		if id, valid := types.ParseID(name); ok && valid {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// filed is a letter that was read back.
type filed struct {
	ID                types.ID
	To, Subject, Date string
	Text, HTML        string
}

// maxFiled bounds a letter that is read back.
const maxFiled = 1 << 20

// readFiled reads one letter. fs.ErrNotExist when there is none of the id.
func readFiled(root *os.Root, id types.ID) (*filed, error) {
	f, err := root.Open(string(id) + ".eml")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	msg, err := netmail.ReadMessage(io.LimitReader(f, maxFiled))
	if err != nil {
		return nil, err
	}
	out := &filed{ID: id, Date: msg.Header.Get("Date")}
	word := &mime.WordDecoder{}
	if out.Subject, err = word.DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return nil, err
	}
	to, err := msg.Header.AddressList("To")
	if err != nil {
		return nil, err
	}
	out.To = to[0].Address
	return out, out.parts(msg)
}

// parts reads the two forms of the text.
func (l *filed) parts(msg *netmail.Message) error {
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return errors.Join(errors.New("mail: not a letter of ours"), err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			return err
		}
		if kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind == "text/html" {
			l.HTML = string(body)
		} else {
			l.Text = strings.ReplaceAll(string(body), "\r\n", "\n")
		}
	}
}
