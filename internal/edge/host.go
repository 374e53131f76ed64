package edge

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/fastness-dev/fastness/internal/edge/door"
	"github.com/fastness-dev/fastness/internal/types"
)

// names fills the lists of hosts, origins and proxies from the plan and the listener.
func (s *Server) names() error {
	port := portOf(s.Addr())
	d := s.cfg.Plan.Decl
	s.hosts, s.origins = map[string]bool{}, map[string]bool{}
	add := func(host string) {
		s.hosts[net.JoinHostPort(host, port)] = true
		if port == "443" || !s.cfg.Plan.Development() {
			s.hosts[host] = true // the port that clients see may be the one of a balancer
		}
	}
	s.own = d.Service.Seen()
	if s.cfg.Plan.Development() {
		add("localhost")
		add("127.0.0.1")
		add("::1")
		s.own = "https://localhost:" + port
	} else if d.Service.Host == "" {
		return fmt.Errorf("edge: production needs the host that clients use; add service: {host: …}")
	} else {
		add(d.Service.Host)
		seen := strings.TrimPrefix(s.own, "https://")
		s.hosts[seen] = true
		if !strings.Contains(seen, ":") {
			s.hosts[seen+":443"] = true // as some clients and balancers write it
		}
	}
	if err := s.cross.AddTrustedOrigin(s.own); err != nil { // also when Host says it in other words
		return fmt.Errorf("edge: service.origin: %w", err)
	}
	for _, o := range d.Origins {
		s.origins[o.Value] = true
		if err := s.cross.AddTrustedOrigin(o.Value); err != nil {
			return fmt.Errorf("edge: origins: %w", err)
		}
	}
	for _, p := range d.Proxies {
		prefix, err := netip.ParsePrefix(p.Value)
		if err != nil {
			at, e := netip.ParseAddr(p.Value)
			if e != nil {
				return fmt.Errorf("edge: proxies: %w", e)
			}
			prefix = netip.PrefixFrom(at, at.BitLen())
		}
		s.proxies = append(s.proxies, prefix)
	}
	return nil
}

// Own is the origin that people see: what links and redirects begin with.
func (s *Server) Own() string { return s.own }

// checkHost refuses any host that is not ours and any path that is not in its one canonical form: no dots, no doubled or
// encoded slashes, no escapes where none are needed. Nothing is redirected: two spellings of a path are one door too many.
func (x *exchange) checkHost() error {
	r := x.r
	if h := r.Header["Host"]; len(h) > 1 || len(h) == 1 && h[0] != r.Host { // HTTP/2: what stands before us may have routed by it (RFC 9113 8.3.1)
		return &types.Error{Kind: types.Malformed, Code: "unknown_host", Detail: "Host and :authority differ; send one of them"}
	}
	if len(r.Header["Content-Length"]) > 1 {
		return &types.Error{Kind: types.Malformed, Code: "malformed", Detail: "the length is told twice; send one Content-Length"}
	}
	if !x.s.answersTo(r.Host, x.operations) {
		return &types.Error{Kind: types.Malformed, Code: "unknown_host", Detail: "this server does not answer to that host"}
	}
	if r.URL.IsAbs() || r.URL.Opaque != "" || r.URL.Host != "" && r.ProtoMajor == 1 {
		return &types.Error{Kind: types.Malformed, Code: "bad_path", Detail: "send the path alone"}
	}
	p := r.URL.Path
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p && path.Clean(p)+"/" != p || r.URL.RawPath != "" || len(p) > 1024 || !plainPath(p) {
		return &types.Error{Kind: types.Malformed, Code: "bad_path", Detail: "this path is not in its canonical form"}
	}
	if len(r.URL.RawQuery) > 4096 {
		return &types.Error{Kind: types.Malformed, Code: "bad_query", Detail: "the query is longer than 4096 bytes; use search"}
	}
	if r.URL.RawQuery == "" {
		return nil // reading a nil map is as good as reading an empty one
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &types.Error{Kind: types.Malformed, Code: "bad_query", Detail: "the query cannot be read"}
	}
	x.query = query
	return nil
}

// answersTo reports whether a host is ours. Operations are asked by address, by localhost, or by the names in the declaration: what a page
// elsewhere gets its own name to resolve to is none of these (DNS rebinding).
func (s *Server) answersTo(host string, operations bool) bool {
	host = strings.ToLower(host)
	if !operations {
		return s.hosts[host]
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || host == "localhost" {
		return true
	}
	listens, _, _ := net.SplitHostPort(s.cfg.Operations)
	return host != "" && (host == s.cfg.Plan.Decl.Service.Host || host == strings.ToLower(listens))
}

// plainPath allows the characters that paths of the plan can have.
func plainPath(p string) bool {
	for _, c := range []byte(p) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("/-_.~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// setAddress believes X-Forwarded-For only from declared proxies, from the right, up to the first address that is no proxy.
func (x *exchange) setAddress() error {
	x.address = door.Address(x.r.RemoteAddr)
	if !x.s.proxy(x.address) {
		return nil
	}
	var hops []string
	for _, line := range x.r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(line, ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		at := hop(strings.TrimSpace(hops[i]))
		if !at.IsValid() {
			return nil
		}
		x.address = at
		if !x.s.proxy(x.address) {
			return nil
		}
	}
	return nil
}

// hop reads one entry of X-Forwarded-For: an address, with or without brackets and port.
func hop(s string) netip.Addr {
	s = strings.Trim(s, `"`)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	at, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return at.Unmap().WithZone("")
}

func (s *Server) proxy(at netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}
