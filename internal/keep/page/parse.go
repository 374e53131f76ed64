package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/fastness-dev/fastness/internal/types"
)

var errLimit = types.Refuse(types.Malformed, "bad_limit", "limit lies between 1 and "+strconv.Itoa(MaxLimit))

// Names reads a list of names, separated by commas.
func Names(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// words of a query string that are not filters.
var listWords = []string{"sort", "limit", "after", "fields", "include", "count"}

// ParseList reads a query string: the words above, and filters (field, field.gte).
func ParseList(collection string, query url.Values) (Query, error) {
	q := Query{Collection: collection, Sort: query.Get("sort"), After: query.Get("after"), Fields: Names(query.Get("fields")), Include: Names(query.Get("include"))}
	names := make([]string, 0, len(query))
	for name, values := range query {
		if len(values) != 1 {
			return q, types.Refuse(types.Malformed, "bad_query", "give each parameter once: "+types.Printable(name))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch value := query.Get(name); name {
		case "limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return q, errLimit
			}
			q.Limit = n
		case "count":
			if value != "true" && value != "false" {
				return q, types.Refuse(types.Malformed, "bad_query", "count is true or false")
			}
			q.Count = value == "true"
		default:
			if slices.Contains(listWords, name) {
				continue
			}
			field, op, _ := strings.Cut(name, ".")
			q.Filters = append(q.Filters, Filter{field, op, value})
		}
	}
	return q, nil
}

// ParseSearch reads the body of a search.
func ParseSearch(collection string, body []byte) (Query, error) {
	var in struct {
		Filter  string   `json:"filter"`
		Sort    string   `json:"sort"`
		Limit   int      `json:"limit"`
		After   string   `json:"after"`
		Fields  []string `json:"fields"`
		Include []string `json:"include"`
		Count   bool     `json:"count"`
	}
	if err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true)); err != nil {
		return Query{}, types.Refuse(types.Malformed, "bad_search", `send {"filter", "sort", "limit", "after", "fields", "include", "count"}`)
	}
	return Query{Collection: collection, Filter: in.Filter, Sort: in.Sort, Limit: in.Limit, After: in.After, Fields: in.Fields, Include: in.Include, Count: in.Count}, nil
}
