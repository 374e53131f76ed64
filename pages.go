package fastness

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/fastness-dev/fastness/internal/console/account"
	"github.com/fastness-dev/fastness/internal/console/page"
)

// maxLogo bounds a logo: it is sent to everybody who signs in.
const maxLogo = 256 << 10

// look is what the declaration, and the folder pages beside it, say of every page.
func (a *App) look() (page.Config, error) {
	d := a.Plan.Decl
	out := page.Config{Name: d.Pages.Name, Accent: d.Pages.Accent}
	if out.Name == "" {
		out.Name = d.Service.Name
	}
	var err error
	if out.Own, err = a.ownPages(); err != nil {
		return out, fmt.Errorf("fastness: %w", err)
	}
	if d.Pages.Logo == "" {
		return out, nil
	}
	if out.Logo, err = os.ReadFile(a.relative(d.Pages.Logo)); err != nil {
		return out, fmt.Errorf("fastness: pages.logo: %w", err)
	}
	if len(out.Logo) > maxLogo {
		return out, fmt.Errorf("fastness: pages.logo: %s is larger than 256 KiB; take a smaller image", d.Pages.Logo)
	}
	out.LogoType, err = page.LogoType(out.Logo)
	return out, err
}

// ownPages are the templates and texts in the folder pages beside the declaration, where the logo may lie too.
func (a *App) ownPages() (*page.Own, error) {
	folder, logo := filepath.Join(a.dir, "pages"), ""
	if at, err := filepath.Abs(a.relative(a.Plan.Decl.Pages.Logo)); err == nil {
		if whole, err := filepath.Abs(folder); err == nil && filepath.Dir(at) == whole {
			logo = filepath.Base(at)
		}
	}
	return account.Own(folder, logo)
}

// openPages puts the people's pages together.
func (a *App) openPages() error {
	look, err := a.look()
	if err != nil {
		return err
	}
	a.pages, err = account.New(account.Config{Plan: a.Plan, Identity: a.Identity, Keep: a.Keep, Clock: a.opt.Clock, Page: look})
	return err
}
