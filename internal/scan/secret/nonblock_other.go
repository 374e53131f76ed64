//go:build !unix

package secret

// nonblock is nothing where no pipes lie among files.
const nonblock = 0
