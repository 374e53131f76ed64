package value

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Bounds of markup that is read as a tree. A parser looks through the open elements at nearly every tag, and opens the formatting that
// was left open again in each block: both make the cost of a text a multiple of its length.
const (
	maxDepth  = 64  // open elements
	freeAgain = 256 // formatting opened again, beyond once for each tag
)

// again are the elements that a parser opens again where a block ended before they did (HTML, section 13.2.4.3).
var again = strings.Fields("a b big code em font i nobr s small strike strong tt u")

// implied are the elements that end by themselves where the next one begins: how deep they stand is said by the others.
var implied = strings.Fields("p li dt dd tr td th thead tbody tfoot caption colgroup option rt rp")

// void are the elements without content.
var void = strings.Fields("area base br col embed hr img input link meta source track wbr")

// inline are the elements besides those of again that end no block.
var inline = strings.Fields(`abbr bdo br cite data del dfn img input ins kbd label mark q samp span sub sup time var wbr
	ruby rt rp bdi acronym`)

// calm reports whether a parser reads the markup in time that grows with its length alone. It looks at the tags one by one and builds
// nothing.
func calm(s string) bool {
	open := map[string]int{}
	depth, formats, tags, repeated := 0, 0, 0, 0
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return true
		}
		if kind != html.StartTagToken && kind != html.EndTagToken {
			continue
		}
		tags++
		word, _ := z.TagName()
		name := string(word)
		format, counts := slices.Contains(again, name), !slices.Contains(implied, name) && !slices.Contains(void, name)
		switch {
		case kind == html.StartTagToken && format:
			open[name], depth, formats = open[name]+1, depth+1, formats+1
		case kind == html.StartTagToken:
			if !slices.Contains(inline, name) {
				repeated += formats
			}
			if counts {
				open[name], depth = open[name]+1, depth+1
			}
		case open[name] > 0:
			open[name], depth = open[name]-1, depth-1
			if format {
				formats--
			}
		}
		if depth > maxDepth || repeated > tags+freeAgain {
			return false
		}
	}
}
