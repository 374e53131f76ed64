package password

import (
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// A hash computed in this process holds a processor for 20 ms and more, and a goroutine is preempted only every 10: reads would
// wait behind it. A child of the lowest priority gives way to them as the operating system schedules, and its memory goes back
// when it ends. On Linux it works in the class for which there is time only when nobody else wants it: whatever wakes up has the processor
// at once, where the lowest ordinary priority would first use up its slice. On a machine that is never idle such a child starves,
// so there is a floor: who does not answer within a second is replaced by a child of the lowest ordinary priority, for a minute.
//
// What crosses the pipes, lengths first, everything big-endian:
//
//	greeting  8 bytes, from the child, once
//	question  uint16 length of the rest · byte 1 · uint32 passes · uint32 KiB · byte lanes · byte size of the key · byte size of the salt · salt · password
//	answer    the key
//	question  uint16 length of the rest · byte 2 · uint16 length of the hash · a hash of another program · password
//	answer    byte: 0 no, 1 yes, 2 nobody reads such a hash
//
// Passwords travel in pipes only, never in arguments or the environment. The child ends when its input does.

// Argument is how Fastness's own program is told to be a worker: its only argument. The program must call Serve and exit before it
// does anything else.
const Argument = "password-worker"

const (
	greeting    = "fastpw2\n" // another when what crosses changes: a program that was replaced under a running server is no worker of it
	ours        = 1           // what a question is about
	theirs      = 2
	headSize    = 12
	theirHead   = 3
	maxQuestion = 8 << 10
	idleAfter   = 30 * time.Second // a child without work ends, and its memory goes back
	patience    = time.Minute      // a child that has not answered by then is ended
	startWithin = 10 * time.Second
	floor       = time.Second // an idle-class child that has not answered by then starves
	theirFloor  = 5 * floor   // the same of a hash of another program, whose costs are not ours to choose: the dearest take some two seconds
	starvesFor  = time.Minute // so long children of the ordinary class hash instead
)

var (
	errChild = errors.New("password: the worker does not answer as it should")
	errLate  = errors.New("password: the worker does not answer in time")
)

// Foreign verifies hashes of other programs. known false: not a form it reads, and nothing was computed.
type Foreign func(password, encoded string) (ok, known bool)

// Serve is the life of a worker: it lowers its own priority and answers questions until in ends. foreign nil: it knows our hashes only.
func Serve(in io.Reader, out io.Writer, foreign Foreign) error {
	lower()
	if _, err := io.WriteString(out, greeting); err != nil {
		return err
	}
	debug.SetGCPercent(-1) // collected after each hash instead, and the arena stays ours: getting its pages anew took a seventh of the time
	for {
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		q := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(in, q); err != nil {
			return err
		}
		a, err := answer(q, foreign)
		if err != nil {
			return err
		}
		if _, err := out.Write(a); err != nil {
			return err
		}
		clear(q)
		runtime.GC() // the arena is free for the next hash instead of lying beside it
	}
}

// The answers about a hash of another program.
const (
	no = iota
	yes
	unknown
)

// answer believes its parent no more than a stored hash.
func answer(q []byte, foreign Foreign) ([]byte, error) {
	if len(q) == 0 || len(q) > maxQuestion {
		return nil, errChild
	}
	if q[0] == theirs {
		return judge(q, foreign)
	}
	if q[0] != ours || len(q) < headSize {
		return nil, errChild
	}
	time, memory := binary.BigEndian.Uint32(q[1:]), binary.BigEndian.Uint32(q[5:])
	lanes, size, salt := q[9], q[10], int(q[11])
	if time < 1 || time > maxTime || memory > maxMemoryKiB || lanes < 1 || lanes > maxLanes || size < 16 || len(q) < headSize+salt {
		return nil, errChild
	}
	return argon2.IDKey(q[headSize+salt:], q[headSize:headSize+salt], time, memory, lanes, uint32(size)), nil
}

// judge answers about a hash of another program; the verifier keeps to its own caps.
func judge(q []byte, foreign Foreign) ([]byte, error) {
	if len(q) < theirHead {
		return nil, errChild
	}
	password := theirHead + int(binary.BigEndian.Uint16(q[1:])) // where it begins
	if len(q) < password {
		return nil, errChild
	}
	if foreign == nil {
		return []byte{unknown}, nil
	}
	switch ok, known := foreign(string(q[password:]), string(q[theirHead:password])); {
	case !known:
		return []byte{unknown}, nil
	case ok:
		return []byte{yes}, nil
	}
	return []byte{no}, nil
}

// question is what a child is asked. It holds a password: whoever made it clears it.
type question struct {
	text []byte
	size int // of the answer
}

// hashing asks for the key of an Argon2id.
func hashing(password string, salt []byte, p Params, lanes uint8, size uint32) (question, error) {
	n := headSize + len(salt) + len(password)
	if n > maxQuestion || len(salt) > 255 || size > 255 {
		return question{}, errChild
	}
	q := make([]byte, 2, 2+n) // of its full size from the start: growing would leave copies behind
	binary.BigEndian.PutUint16(q, uint16(n))
	q = append(q, ours)
	q = binary.BigEndian.AppendUint32(q, p.Time)
	q = binary.BigEndian.AppendUint32(q, p.MemoryKiB)
	q = append(q, lanes, byte(size), byte(len(salt)))
	return question{append(append(q, salt...), password...), int(size)}, nil
}

// judging asks whether a hash of another program is that of a password.
func judging(password, encoded string) (question, error) {
	n := theirHead + len(encoded) + len(password)
	if n > maxQuestion {
		return question{}, errChild
	}
	q := make([]byte, 2, 2+n)
	binary.BigEndian.PutUint16(q, uint16(n))
	q = append(q, theirs)
	q = binary.BigEndian.AppendUint16(q, uint16(len(encoded)))
	return question{append(append(q, encoded...), password...), 1}, nil
}

// child is the parent's side of one worker. It answers one question at a time.
type child struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      io.Reader
	ordinary bool // not of the idle class
	idle     *time.Timer
}

func start(command []string, ordinary bool) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...) // #nosec G204 -- the program starts itself: the command is set by the wiring, never by a request
	cmd.Env = []string{"GOMAXPROCS=1"}              // one worker takes one processor, and sees nothing of our environment
	cmd.SysProcAttr = apart()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, in: in, out: out, ordinary: ordinary}
	hello := make([]byte, len(greeting))
	if err := c.read(hello, startWithin); err != nil || string(hello) != greeting {
		c.end(true)
		return nil, errChild
	}
	if !ordinary {
		yield(cmd.Process.Pid)
	}
	return c, nil
}

// read fills b, or ends the child when it takes longer.
func (c *child) read(b []byte, within time.Duration) error {
	late := time.AfterFunc(within, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	_, err := io.ReadFull(c.out, b)
	if err != nil && !late.Stop() {
		return errLate
	}
	return err
}

func (c *child) ask(q question, within time.Duration) ([]byte, error) {
	if _, err := c.in.Write(q.text); err != nil {
		return nil, err
	}
	a := make([]byte, q.size)
	return a, c.read(a, within)
}

// end lets the child finish, or kills it, and waits for it.
func (c *child) end(kill bool) {
	c.in.Close()
	if kill {
		c.cmd.Process.Kill()
	}
	c.cmd.Wait() // how it ended tells nothing: what counts is its answers
}

// nursery keeps the children that have nothing to do.
type nursery struct {
	command    []string
	floor      time.Duration
	theirFloor time.Duration
	mu         sync.Mutex
	idle       []*child
	starved    *time.Timer // runs while children of the idle class would starve; nil: they do not
	closed     bool
}

// hash has a child compute an Argon2id.
func (n *nursery) hash(password string, salt []byte, p Params, lanes uint8, size uint32) ([]byte, error) {
	q, err := hashing(password, salt, p, lanes, size)
	if err != nil {
		return nil, err
	}
	return n.ask(q, n.floor)
}

// verify has a child judge a hash of another program.
func (n *nursery) verify(password, encoded string) (ok, known bool, err error) {
	q, err := judging(password, encoded)
	if err != nil {
		return false, false, err
	}
	a, err := n.ask(q, n.theirFloor)
	if err == nil && a[0] > unknown {
		err = errChild
	}
	if err != nil {
		return false, false, err
	}
	return a[0] == yes, a[0] != unknown, nil
}

// ask has one child answer, and clears the question. A child of the idle class that has not answered within floor starves and is replaced by
// one of the ordinary class, one that fails by another, once.
func (n *nursery) ask(q question, floor time.Duration) (a []byte, err error) {
	defer clear(q.text)
	for range 3 {
		c, ordinary := n.take()
		if c == nil {
			if c, err = start(n.command, ordinary); err != nil {
				continue
			}
		}
		within := patience
		if !ordinary {
			within = floor
		}
		if a, err = c.ask(q, within); err == nil {
			n.give(c)
			return a, nil
		}
		c.end(true)
		if !ordinary && errors.Is(err, errLate) {
			n.starve()
		}
	}
	return nil, err
}

// take gives a child of the class that is due, nil when none has nothing to do.
func (n *nursery) take() (c *child, ordinary bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ordinary = n.starved != nil
	for i := len(n.idle) - 1; i >= 0; i-- {
		if c := n.idle[i]; c.ordinary == ordinary {
			n.idle = slices.Delete(n.idle, i, i+1)
			c.idle.Stop()
			return c, ordinary
		}
	}
	return nil, ordinary
}

// starve turns to the ordinary class for a while.
func (n *nursery) starve() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.starved == nil && !n.closed {
		n.starved = time.AfterFunc(starvesFor, n.retry)
	}
}

// retry tries the idle class again.
func (n *nursery) retry() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.starved = nil
}

func (n *nursery) give(c *child) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		go c.end(false)
		return
	}
	c.idle = time.AfterFunc(idleAfter, func() { n.retire(c) })
	n.idle = append(n.idle, c)
}

// retire ends a child if it is still without work.
func (n *nursery) retire(c *child) {
	n.mu.Lock()
	for i, other := range n.idle {
		if other == c {
			n.idle = slices.Delete(n.idle, i, i+1)
			n.mu.Unlock()
			c.end(false)
			return
		}
	}
	n.mu.Unlock()
}

// close ends the idle children; the others end when their answer is given.
func (n *nursery) close() {
	n.mu.Lock()
	idle := n.idle
	n.idle, n.closed = nil, true
	if n.starved != nil {
		n.starved.Stop()
	}
	n.mu.Unlock()
	for _, c := range idle {
		c.idle.Stop()
		c.end(false)
	}
}
