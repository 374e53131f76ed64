package server

import (
	"regexp"
	"strings"
)

var (
	dockerRoot   = rule{"docker-root", "the container runs as root", "medium", "CWE-250", "add USER with a name or number that is not root's to the last stage"}
	dockerLatest = rule{"docker-latest", "the image has no fixed version", "low", "CWE-1357", "name a version, better with a digest: IMAGE:TAG@sha256:…"}
	dockerAdd    = rule{"docker-add-url", "ADD fetches from the network without a digest", "medium", "CWE-494", "write ADD --checksum=sha256:…, or copy a file that you verified"}
	dockerSecret = rule{"docker-secret", "a secret stands in the image: ENV and ARG are kept in its history", "high", "CWE-798", "change the secret, and hand it over with RUN --mount=type=secret or when the container starts"}
)

var (
	secretName = regexp.MustCompile(`(?i)(?:^|_)(?:passw(?:or)?d|passwd|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key|credentials?)(?:_|$)`)
	notSecret  = regexp.MustCompile(`(?i)_(?:file|path|url|uri|name|header|ttl|length)$`)
	variable   = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
	filling    = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)`)
	heredoc    = regexp.MustCompile(`<<-?\s*["']?([A-Za-z_][A-Za-z0-9_]*)["']?`)
)

// image is a stage of a Dockerfile.
type image struct {
	user  string
	line  int // of FROM, or of USER
	known bool
}

// instruction is one of a Dockerfile, over all its lines.
type instruction struct {
	name, rest string
	line       int
}

// instructions joins lines that go on, and leaves comments and documents within out.
func instructions(src string) []instruction {
	var out []instruction
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line, first := strings.TrimSpace(lines[i]), i+1
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var whole strings.Builder
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			whole.WriteString(strings.TrimSuffix(line, `\`) + " ")
			i++
			for line = strings.TrimSpace(lines[i]); strings.HasPrefix(line, "#") && i+1 < len(lines); line = strings.TrimSpace(lines[i]) {
				i++
			}
		}
		whole.WriteString(line)
		name, rest, _ := strings.Cut(whole.String(), " ")
		name = strings.ToUpper(name)
		out = append(out, instruction{name, strings.TrimSpace(rest), first})
		if m := heredoc.FindStringSubmatch(rest); m != nil && (name == "RUN" || name == "COPY" || name == "ADD") {
			for i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != m[1] {
				i++
			}
			i++
		}
	}
	return out
}

// Docker reads a Dockerfile. The user of the last stage is who the container runs as; a stage has that of the stage it stands on.
func (s *Reader) Docker(name string, src []byte) {
	stages, args := map[string]image{}, map[string]string{}
	var now image
	alias, began := "", false
	for _, in := range instructions(string(src)) {
		switch in.name {
		case "ARG", "ENV":
			s.dockerNames(name, in, args)
		case "ADD":
			if strings.Contains(in.rest, "http://") || strings.Contains(in.rest, "https://") {
				if !strings.Contains(in.rest, "--checksum=") {
					s.fault(&dockerAdd, name, in.line)
				}
			}
		case "USER":
			user, ok := filled(strings.Trim(in.rest, `"'`), args)
			now.user, now.line, now.known = user, in.line, ok
			stages[alias] = now
		case "FROM":
			words := strings.Fields(in.rest)
			for len(words) > 0 && strings.HasPrefix(words[0], "--") {
				words = words[1:]
			}
			if len(words) == 0 {
				s.unknown(name, in.line, "FROM names no image; write FROM IMAGE:TAG@DIGEST")
				continue
			}
			began, alias = true, ""
			if len(words) == 3 {
				alias = strings.ToLower(words[2])
			}
			base, earlier := stages[strings.ToLower(words[0])]
			if now = base; !earlier {
				now = image{line: in.line, known: true}
				s.dockerBase(name, in.line, words[0], args, &now)
			}
			stages[alias] = now
		}
	}
	if !began {
		return
	}
	user, _, _ := strings.Cut(now.user, ":")
	switch {
	case !now.known:
		s.unknown(name, now.line, "USER is computed, so it could not be told; write the name or number", dockerRoot.ID)
	case user == "" || user == "root" || strings.Trim(user, "0") == "":
		s.fault(&dockerRoot, name, now.line)
	}
}

// dockerBase judges an image that a stage stands on.
func (s *Reader) dockerBase(name string, line int, base string, args map[string]string, now *image) {
	base, ok := filled(base, args)
	rest, digest, _ := strings.Cut(base, "@")
	tag := ""
	if at := strings.LastIndex(rest, ":"); at > strings.LastIndex(rest, "/") {
		tag = rest[at+1:]
	}
	if strings.HasSuffix(tag, "nonroot") {
		now.user = "nonroot"
	}
	switch {
	case !ok:
		s.unknown(name, line, "the image is computed, so it could not be told; give the ARG a value", dockerLatest.ID)
	case digest == "" && (tag == "" || tag == "latest") && rest != "scratch":
		s.fault(&dockerLatest, name, line)
	}
}

// dockerNames judges names that ENV and ARG set, and keeps their values for later lines.
func (s *Reader) dockerNames(file string, in instruction, args map[string]string) {
	words := strings.Fields(in.rest)
	if in.name == "ENV" && len(words) > 1 && !strings.Contains(words[0], "=") {
		words = []string{words[0] + "=" + words[1]}
	}
	for _, w := range words {
		key, v, set := strings.Cut(w, "=")
		v = strings.Trim(v, `"'`)
		if set && len(v) < maxValue {
			args[key] = v
		}
		if !secretName.MatchString(key) || notSecret.MatchString(key) {
			continue
		}
		if in.name == "ARG" && !set || set && v != "" && !strings.HasPrefix(v, "$") {
			s.fault(&dockerSecret, file, in.line)
		}
	}
}

// filled puts values of ARG and ENV in, and tells whether all are known.
func filled(text string, args map[string]string) (string, bool) {
	m := variable.FindStringSubmatchIndex(text)
	if m == nil {
		return text, true
	}
	if len(text) > maxValue {
		return text, false
	}
	ok := true
	out := filling.ReplaceAllStringFunc(text, func(word string) string {
		name := variable.FindStringSubmatch(word)[1]
		if v := args[name]; v != "" && !strings.Contains(v, "$") {
			return v
		}
		if _, v, given := strings.Cut(strings.TrimSuffix(word, "}"), ":-"); given {
			return v
		}
		ok = false
		return word
	})
	return out, ok
}
