// Package colour is the colours that a declaration may give the people's pages, and what text in them needs to be read.
package colour

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Colour is an sRGB colour.
type Colour struct{ R, G, B uint8 }

// Ground is the ground of the people's pages by day; LeastContrast is what text on it must reach (WCAG 2.2, 1.4.3, level AA).
var Ground = Colour{0xf6, 0xf7, 0xf8}

// LeastContrast is the ratio that level AA asks of text.
const LeastContrast = 4.5

var colourForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Parse reads "#rrggbb".
func Parse(s string) (Colour, error) {
	if !colourForm.MatchString(s) {
		return Colour{}, fmt.Errorf("a colour is # and six hexadecimal digits, such as #0b5a6f")
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err // #nosec G115 -- each is one byte of six hexadecimal digits
}

// String writes "#rrggbb".
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Mix goes the share (0 to 1) of the way to another colour.
func (c Colour) Mix(to Colour, share float64) Colour {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return Colour{mix(c.R, to.R), mix(c.G, to.G), mix(c.B, to.B)}
}

// Lighter goes the share (0 to 1) of the way to white and keeps the hue (HSL); the lighter, the less it glares.
func (c Colour) Lighter(share float64) Colour {
	r, g, b := float64(c.R)/255, float64(c.G)/255, float64(c.B)/255
	high, low := max(r, g, b), min(r, g, b)
	light := (high + low) / 2
	strong := 0.0
	if high > low {
		strong = (high - low) / (1 - math.Abs(2*light-1))
	}
	light += (1 - light) * share
	strong *= 1 - 0.6*share
	chroma := (1 - math.Abs(2*light-1)) * strong
	base := light - chroma/2
	part := func(v float64) uint8 {
		if high > low {
			v = (v - low) / (high - low)
		}
		return uint8(math.Round(255 * min(max(base+chroma*v, 0), 1)))
	}
	return Colour{part(r), part(g), part(b)}
}

// luminance is the relative luminance of WCAG 2.2.
func (c Colour) luminance() float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// Contrast is the contrast ratio of two colours, 1 to 21 (WCAG 2.2).
func Contrast(a, b Colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
