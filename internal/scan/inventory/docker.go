package inventory

import (
	"regexp"
	"strings"
)

var argument = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)`)

// readDockerfile reads the images that a Dockerfile stands on. An earlier stage is none, nor is the empty image scratch.
func readDockerfile(text []byte) ([]Component, error) {
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	var out []Component
	args, stages := map[string]string{}, map[string]bool{"scratch": true}
	for i, line := range lines {
		f := strings.Fields(line)
		if len(f) < 2 {
			if len(f) == 1 && strings.EqualFold(f[0], "FROM") {
				return out, breaks(i+1, "FROM names no image; write FROM IMAGE:TAG@DIGEST")
			}
			continue
		}
		switch strings.ToUpper(f[0]) {
		case "ARG":
			if name, value, ok := strings.Cut(f[1], "="); ok && len(out) == 0 {
				args[name] = strings.Trim(value, `"'`)
			}
		case "FROM":
			words := f[1:]
			for len(words) > 0 && strings.HasPrefix(words[0], "--") {
				words = words[1:]
			}
			if len(words) == 0 {
				return out, breaks(i+1, "FROM names no image; write FROM IMAGE:TAG@DIGEST")
			}
			image := argument.ReplaceAllStringFunc(words[0], func(s string) string {
				m := argument.FindStringSubmatch(s)
				if v := args[m[1]+m[3]]; v != "" {
					return v
				}
				return m[2]
			})
			if !stages[strings.ToLower(image)] {
				out = append(out, baseImage(image, i+1))
			}
			if len(words) == 3 && strings.EqualFold(words[1], "AS") {
				stages[strings.ToLower(words[2])] = true
			}
		}
	}
	return out, nil
}

// baseImage splits NAME:TAG@DIGEST. A colon before the last slash belongs to the port of a registry.
func baseImage(image string, line int) Component {
	c := Component{Ecosystem: Docker, Line: line}
	image, digest, pinned := strings.Cut(image, "@")
	c.Hashed = pinned && digest != ""
	c.Name = image
	if at := strings.LastIndex(image, ":"); at > strings.LastIndex(image, "/") {
		c.Name, c.Version = image[:at], image[at+1:]
	}
	return c
}
