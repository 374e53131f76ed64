package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// pictures is where the papers show what pages look like.
const pictures = "../docs/img"

// TestGoldenPictures takes the pictures of the papers when it is asked to (FASTNESS_GOLDEN=write), and otherwise sees that they are there.
// Look at each before you commit it.
func TestGoldenPictures(t *testing.T) {
	if os.Getenv("FASTNESS_GOLDEN") != "write" {
		all, err := filepath.Glob(pictures + "/*.png")
		if err != nil || len(all) < 20 {
			t.Errorf("%d pictures in %s, want 20: take them with FASTNESS_GOLDEN=write", len(all), pictures)
		}
		return
	}
	visitor := open(t)
	for _, width := range []int64{360, 1280} {
		for _, colours := range []string{"light", "dark"} {
			visitor.visit("/account/sign-in")
			visitor.picture("sign-in", width, colours)
		}
	}
	visitor.fill("email", "lena@clinic.example")
	visitor.fill("password", "not the one")
	visitor.press("Sign in")
	visitor.picture("error", 360, "light")

	w := open(t)
	w.authenticator()
	lena := invited(t, w, "lena@clinic.example", "patient", "keeper")
	lena.signIn(w)
	w.visit("/account/factors")
	w.picture("factors-empty", 1280, "light")
	w.visit("/account/")
	w.picture("overview", 1280, "light")
	lena.addApp(w)
	makeCodes(w)
	w.picture("codes", 360, "light")
	addPasskey(w, "Lena's phone")
	for range 2 {
		there := open(t)
		lena.signIn(there)
		there.fill("code", lena.code(there))
		there.press("Continue")
	}
	w.visit("/account/sessions")
	for _, page := range []string{"factors", "sessions"} {
		for _, width := range []int64{360, 1280} {
			for _, colours := range []string{"light", "dark"} {
				w.visit("/account/" + page)
				w.picture(page, width, colours)
			}
		}
	}
	w.visit("/account/organisations")
	w.fill("name", "Ward West")
	w.press("Make the organisation")
	there := open(t)
	jo := invited(t, there, "jo@clinic.example", "patient")
	jo.signIn(there)
	there.join(w, jo)
	w.visit("/account/organisations")
	w.fill("email", "otto@clinic.example")
	w.press("Send the invitation")
	for _, width := range []int64{360, 1280} {
		w.picture("organisations", width, "light")
	}
	w.do(language("de"))
	w.visit("/account/factors")
	w.picture("factors-german", 1280, "light")
	w.visit("/account/tokens/new")
	w.picture("token-german", 360, "dark")
	w.visit("/account/factors/app")
	w.press("Weiter")
	w.picture("app-german", 1280, "light")
}

// picture keeps what the whole page looks like.
func (w *tab) picture(name string, width int64, colours string) {
	w.t.Helper()
	var raw []byte
	w.do(w.size(width, 640), scheme(colours))
	w.do(chromedp.FullScreenshot(&raw, 100))
	shot, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, flat(shot)); err != nil {
		w.t.Fatal(err)
	}
	if small.Len() > 80<<10 {
		w.t.Errorf("%s has %d bytes", name, small.Len())
	}
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(pictures, name+"-"+map[int64]string{360: "narrow", 1280: "wide"}[width]+"-"+colours+".png")
	if err := os.WriteFile(path, small.Bytes(), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// flat paints a picture with its 128 commonest colours, which is what makes it small.
func flat(in image.Image) image.Image {
	size := in.Bounds()
	count := map[color.RGBA]int{}
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			count[color.RGBAModel.Convert(in.At(x, y)).(color.RGBA)]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range all[:min(len(all), 128)] {
		palette = append(palette, c)
	}
	out, nearest := image.NewPaletted(size, palette), map[color.RGBA]uint8{}
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			c := color.RGBAModel.Convert(in.At(x, y)).(color.RGBA)
			i, ok := nearest[c]
			if !ok {
				i = uint8(palette.Index(c))
				nearest[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}
