package page

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// QR draws a text as a QR code (ISO/IEC 18004) in an inline SVG: it is made here, since a service that makes one for you learns the
// secret in it. label says to a screen reader what it is.
func QR(text, label string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("page: qr: %w", err)
	}
	const quiet = 4 // modules of white around it, ISO/IEC 18004 section 6.3.8
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			run := 1
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			x += run
		}
	}
	side := code.Size + 2*quiet
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges"><path class="qr-ground" d="M0 0h%dv%dH0z"/><path class="qr-ink" d="%s"/></svg>`,
		side, side, template.HTMLEscapeString(label), side, side, path.String())), nil // #nosec G203 -- numbers, and the label escaped
}

// Grouped writes a secret in groups of four, as it is typed.
func Grouped(s string) string {
	var out []string
	for len(s) > 4 {
		out, s = append(out, s[:4]), s[4:]
	}
	return strings.Join(append(out, s), " ")
}
