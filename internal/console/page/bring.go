package page

import (
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// MaxSecret is the most bytes of a link's secret.
const MaxSecret = 200

// linkFor is how long a link's secret waits in its cookie for its form.
const linkFor = 15 * time.Minute

// Bring keeps a link's secret in its cookie. Another site may lead a browser here, as webmail does, but not put its own link in the place of one that
// is open: then the person is asked, by a form that only our own page can send. A browser that does not say where it comes from is asked as well.
func (k *Kit) Bring(r *plan.Request, cookie, path, title, secret string) (*plan.Answer, error) {
	site := r.Header.Get("Sec-Fetch-Site")
	if open := r.Cookie(cookie); open != "" && open != secret && site != "same-origin" && site != "none" {
		return k.Render(r, http.StatusOK, "link-other", View{Title: title, Self: path, Data: otherData{path, secret}})
	}
	return Instead(cookie, path, secret), nil
}

// otherData is a link that was opened while another one was open.
type otherData struct{ Action, Secret string }

// Instead puts a link in the place of any other.
func Instead(cookie, path, secret string) *plan.Answer {
	a := Redirect(path, "")
	a.Cookies = []plan.Cookie{{Name: cookie, Value: types.NewSecret(secret), MaxAge: linkFor}}
	return a
}
