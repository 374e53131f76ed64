//go:build !unix

package supply

// nonblock is nothing where no pipes lie among files.
const nonblock = 0
