//go:build !unix

package settings

// nonblock is nothing where no pipes lie among files.
const nonblock = 0
