package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// everybody are the people of the press: nobody, a reader without a role, another author, the author, an editor, an administrator.
var everybody = []string{"", "reader", "bob", "ada", "ed", "adm"}

// answers are the statuses that everybody gets, in that order.
type answers [6]int

// all asks the same of everybody, those first who must not succeed, so that a step that one of them could do would show.
func (p *press) all(want answers, method, path, body string) {
	p.Helper()
	for _, refused := range []bool{true, false} {
		for i, who := range everybody {
			if (want[i] >= 400) == refused {
				p.want(want[i], who, method, path, body)
			}
		}
	}
}

// but asks of everybody but those who are named, who may do it and have their turn later.
func (p *press) but(may []string, want answers, method, path, body string) {
	p.Helper()
	for i, who := range everybody {
		if !slices.Contains(may, who) {
			p.want(want[i], who, method, path, body)
		}
	}
}

func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// items gives the ids of a page.
func items(page map[string]any) []string {
	var out []string
	list, _ := page["items"].([]any)
	for _, i := range list {
		row, _ := i.(map[string]any)
		id, _ := row["id"].(string)
		out = append(out, id)
	}
	return out
}

func (p *press) lists(who, path, id string, want bool) {
	p.Helper()
	if got := slices.Contains(items(p.want(200, who, "GET", path, "")), id); got != want {
		p.Errorf("%s lists %s as %q: %v, want %v", path, id, who, got, want)
	}
}

// TestDayInThePress plays a day as clients would: write, look up and add a colleague, review, publish, comment, withdraw, delete; each
// step is tried by every wrong person before the right one takes it.
func TestDayInThePress(t *testing.T) { onEach(t, dayInThePress) }

func dayInThePress(p *press) {
	at := write(p)
	colleagues(p, at)
	review(p, at)
	publish(p, at)
	comments := comment(p, at)
	withdraw(p, at, comments)
}

func write(p *press) string {
	const text = `{"title": "Harbour", "slug": "harbour", "body": "<p>Hi<img src=x onerror=alert(1)></p>", "section": "news"}`
	p.but([]string{"ada", "bob"}, answers{401, 403, 0, 0, 403, 403}, "POST", "/api/v1/articles", text)
	p.want(422, "bob", "POST", "/api/v1/articles", `{"title": "", "slug": "Not A Slug", "body": "", "section": "sports"}`)
	p.want(403, "bob", "POST", "/api/v1/articles", `{"title": "T", "slug": "s", "body": "", "section": "news", "fee": "10.00"}`)
	p.want(422, "bob", "POST", "/api/v1/articles", `{"title": "T", "slug": "s", "body": "", "section": "news", "nonsense": 1}`)
	made := p.want(201, "ada", "POST", "/api/v1/articles", text)
	id, _ := made["id"].(string)
	if made["body"] != "<p>Hi</p>" || made["status"] != "draft" {
		p.Errorf("stored %v", made)
	}
	at := "/api/v1/articles/" + id
	p.all(answers{404, 404, 404, 200, 200, 200}, "GET", at, "")
	if seen := p.want(200, "adm", "GET", at, ""); seen["title"] != "Harbour" || seen["body"] != nil || len(seen) != 7 {
		p.Errorf("the administrator sees more than enough to delete by: %v", seen)
	}
	for who, sees := range map[string]bool{"": false, "reader": false, "bob": false, "ada": true, "ed": true, "adm": true} {
		p.lists(who, "/api/v1/articles", id, sees)
		found := items(p.want(200, who, "POST", "/api/v1/articles/search", fmt.Sprintf(`{"filter": "row.id == '%s' && row.status == 'draft'"}`, id)))
		if slices.Contains(found, id) != sees {
			p.Errorf("search as %q finds %v", who, found)
		}
	}
	p.want(409, "ada", "POST", "/api/v1/articles", text)
	p.want(422, "bob", "POST", "/api/v1/articles", text)
	p.all(answers{401, 404, 404, 200, 404, 404}, "PATCH", at, `{"title": "The harbour"}`)
	return at
}

// colleagues: an author looks a colleague up by name, adds him, and then he may write too; nobody else may, and he may do no more.
func colleagues(p *press, at string) {
	bob, _ := p.want(200, "bob", "GET", "/auth/session", "")["account"].(string)
	p.want(200, "bob", "PATCH", "/api/v1/accounts/"+bob, `{"pen_name": "Bob", "contact": "by the door"}`)
	p.all(answers{401, 404, 200, 200, 200, 200}, "GET", "/api/v1/accounts/"+bob, "")
	if seen := p.want(200, "ada", "GET", "/api/v1/accounts/"+bob, ""); seen["pen_name"] != "Bob" || seen["contact"] != nil {
		p.Errorf("a colleague is seen as %v", seen)
	}
	if seen := p.want(200, "bob", "GET", "/api/v1/accounts/"+bob, ""); seen["contact"] != "by the door" {
		p.Errorf("he sees himself as %v", seen)
	}
	p.but([]string{"bob"}, answers{401, 404, 0, 404, 404, 404}, "PATCH", "/api/v1/accounts/"+bob, `{"pen_name": "Mallory"}`)
	if names := p.want(200, "ada", "GET", "/api/v1/accounts?limit=200", ""); !slices.Contains(items(names), bob) {
		p.Errorf("the colleague is not listed: %v", names)
	}
	p.all(answers{401, 404, 404, 200, 404, 404}, "PATCH", at, fmt.Sprintf(`{"colleagues": [%q]}`, bob))
	p.want(200, "bob", "GET", at, "")
	p.want(200, "bob", "PATCH", at, `{"summary": "A word from a colleague."}`)
	p.want(403, "bob", "PATCH", at, `{"colleagues": []}`)
	p.want(404, "bob", "DELETE", at, "")
}

func review(p *press, at string) {
	p.all(answers{401, 404, 403, 200, 404, 404}, "PATCH", at, `{"status": "review"}`) // 403: a colleague may write this row, but not this field
	p.all(answers{401, 404, 404, 404, 422, 404}, "PATCH", at, `{"status": "published"}`)
	p.want(404, "ada", "PATCH", at, `{"title": "Late change"}`)
	p.want(404, "bob", "PATCH", at, `{"summary": "Late change"}`)
	p.want(409, "ed", "PATCH", at, `{"status": "withdrawn"}`)
}

func publish(p *press, at string) {
	p.all(answers{401, 422, 404, 404, 200, 422}, "PATCH", at, `{"status": "published", "published_on": "2026-11-24", "editor_note": "fine", "fee": "120.50"}`) // 422: fields that do not exist for them
	p.all(answers{200, 200, 200, 200, 200, 200}, "GET", at, "")
	for _, who := range []string{"", "reader", "adm"} {
		if seen := p.want(200, who, "GET", at, ""); seen["title"] != "The harbour" || seen["editor_note"] != nil || seen["fee"] != nil || seen["colleagues"] != nil {
			p.Errorf("%q sees %v", who, seen)
		}
	}
	if seen := p.want(200, "ada", "GET", at, ""); seen["editor_note"] != "fine" || seen["fee"] != "120.50" {
		p.Errorf("the author sees %v", seen)
	}
	p.lists("", "/api/v1/articles?status=published&sort=-published_on&count=true", idOf(at), true)
	p.lists("reader", "/api/v1/articles?section=news&published_on.gte=2026-01-01", idOf(at), true)
	p.all(answers{400, 400, 400, 400, 400, 400}, "GET", "/api/v1/articles?summary=x", "")
	p.all(answers{401, 404, 404, 404, 404, 404}, "DELETE", "/api/v1/articles/00000000000000000000000000", "")
	p.but([]string{"adm"}, answers{401, 404, 404, 404, 404, 0}, "DELETE", at, "")
}

func comment(p *press, at string) []string {
	text := fmt.Sprintf(`{"article": %q, "text": "Nice"}`, idOf(at))
	p.want(401, "", "POST", "/api/v1/comments", text)
	p.want(403, "reader", "POST", "/api/v1/comments", `{"article": "00000000000000000000000000", "text": "Nice"}`)
	made := p.want(201, "reader", "POST", "/api/v1/comments", text)
	cid, _ := made["id"].(string)
	here := "/api/v1/comments/" + cid
	p.all(answers{200, 200, 200, 200, 200, 200}, "GET", here, "")
	p.all(answers{401, 200, 404, 404, 404, 404}, "PATCH", here, `{"text": "Very nice"}`)
	p.but([]string{"reader", "ed"}, answers{401, 0, 404, 404, 0, 404}, "DELETE", here, "")
	woven := p.want(200, "", "GET", "/api/v1/comments?article="+url.QueryEscape(idOf(at))+"&include=article", "")
	if !slices.Contains(items(woven), cid) {
		p.Errorf("comments below the article: %v", woven)
	}
	other, _ := p.want(201, "bob", "POST", "/api/v1/comments", text)["id"].(string)
	p.want(204, "ed", "DELETE", "/api/v1/comments/"+other, "")
	p.want(404, "bob", "GET", "/api/v1/comments/"+other, "")
	return []string{here}
}

func withdraw(p *press, at string, comments []string) {
	p.all(answers{401, 404, 404, 404, 200, 404}, "PATCH", at, `{"status": "withdrawn"}`)
	p.all(answers{404, 404, 200, 200, 200, 200}, "GET", at, "")
	for _, c := range comments {
		p.all(answers{404, 200, 404, 200, 200, 404}, "GET", c, "")
		p.want(404, "reader", "PATCH", c, `{"text": "Still nice"}`)
	}
	p.want(403, "reader", "POST", "/api/v1/comments", fmt.Sprintf(`{"article": %q, "text": "Gone?"}`, idOf(at)))
	p.all(answers{401, 404, 404, 404, 404, 404}, "GET", "/api/v1/nothing", "")
	p.want(405, "ada", "PUT", at, "")
	p.all(answers{401, 404, 404, 404, 404, 204}, "DELETE", at, "")
	for _, c := range comments {
		p.want(404, "reader", "GET", c, "")
	}
}
