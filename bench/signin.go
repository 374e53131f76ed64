package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/internal/identity/password"
)

const (
	people   = 40   // accounts that sign in
	networks = 20   // of which the clients are; guesses are counted by network, those under way included
	storm    = 1000 // sign-ins that wait at once
	word     = "a long enough sentence for benches"
)

// signIns prints the row of sign-in: how many there are in a second and how much of their CPU is Argon2id, with the least costs of a hash and with
// those that a server chooses for this machine, and what a storm of a thousand does to memory and to the reads of others. The server, its
// password worker and nothing else run on core 0.
func signIns(ctx context.Context, opt options) error {
	narrow := opt
	narrow.narrow = true // the shares are of one core
	chosen := narrow
	chosen.calibrate = true
	return errors.Join(withServer(ctx, narrow, func(s *server) error {
		return s.rate(ctx, opt, password.Least)
	}), withServer(ctx, chosen, func(s *server) error {
		costs, err := s.costs(ctx)
		if err != nil {
			return err
		}
		return s.rate(ctx, opt, costs)
	}), withServer(ctx, opt, func(s *server) error {
		token, err := s.account(ctx, "author@press.example", "author")
		if err != nil {
			return err
		}
		if err := fill(ctx, s.Target, opt, 1000, token); err != nil {
			return err
		}
		reads, err := pressScenarios(ctx, s.Target, token, 500)
		if err != nil {
			return err
		}
		return s.stormed(ctx, reads[1])
	}))
}

// costs waits until the server has chosen what a hash costs, and reads it from the database.
func (s *server) costs(ctx context.Context) (password.Params, error) {
	db, err := sqlite3.Open(filepath.Join(s.dir, "data", "fastness.db"))
	if err != nil {
		return password.Params{}, err
	}
	defer db.Close()
	for range 600 {
		stmt, _, err := db.Prepare("SELECT value FROM fastness_meta WHERE name = 'password'")
		if err != nil {
			return password.Params{}, err
		}
		var found struct {
			MemoryKiB uint32 `json:"memory_kib"`
			Passes    uint32 `json:"passes"`
		}
		if stmt.Step() {
			err = json.Unmarshal(stmt.ColumnRawText(0), &found)
		}
		if err = errors.Join(err, stmt.Close()); err != nil || found.Passes > 0 {
			return password.Params{MemoryKiB: found.MemoryKiB, Time: found.Passes}, err
		}
		select {
		case <-ctx.Done():
			return password.Params{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return password.Params{}, errors.New("the server has not chosen the costs of password hashes in a minute")
}

// enrol makes accounts that have a password.
func (s *server) enrol(ctx context.Context, name string) (mails []string, err error) {
	c := newClient(s.Roots, "h2", 1)
	defer c.close()
	for i := range people {
		mail := fmt.Sprintf("%s%d@press.example", name, i)
		out, err := s.command(ctx, "users", "add", mail, "--role", "author").Output()
		if err != nil {
			return nil, fmt.Errorf("users add: %w", err)
		}
		link := token.FindString(string(out[strings.LastIndexByte(string(out[:len(out)-1]), '\n')+1:]))
		if status, err := post(ctx, c.conns[0].(transport), s.URL+"/auth/enrol", map[string]string{"token": link, "password": word}); err != nil || status != 200 {
			return nil, fmt.Errorf("enrol: status %d: %w", status, err)
		}
		mails = append(mails, mail)
	}
	return mails, nil
}

// post sends JSON and returns the status.
func post(ctx context.Context, conn http.RoundTripper, url string, body map[string]string) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(string(text)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := conn.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// from is a connection of its own from a network of its own.
func from(s *server, network int) *http.Transport {
	t := newClient(s.Roots, "h2", 1).conns[0].(transport).Transport
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(network+1), 1)}}
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp4", "127.0.0.1:"+strconv.Itoa(s.port))
	}
	return t
}

// signing signs in with n clients until ctx ends; it counts the answers by status.
func (s *server) signing(ctx context.Context, n int, mails []string) (wait func() map[int]int) {
	var conns []*http.Transport // persons are spread over networks: of one person from one network only ten guesses may be under way
	for i := range networks {
		conns = append(conns, from(s, i))
	}
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			body := map[string]string{"email": mails[i%len(mails)], "password": word, "transport": "bearer"}
			for ctx.Err() == nil {
				status, err := post(ctx, conns[(i+i/people)%networks], s.URL+"/auth/sign-in", body)
				if err != nil {
					return // the end, or a connection that was lost: both count as no answer
				}
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	return func() map[int]int {
		wg.Wait()
		for _, c := range conns {
			c.CloseIdleConnections()
		}
		return statuses
	}
}

// workers are the password workers of the server.
func (s *server) workers() (pids []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.PID))
	for _, t := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", s.PID, t.Name()))
		for _, f := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// used is the CPU of the server and of its workers.
func (s *server) used() (server, workers time.Duration, err error) {
	if server, err = proc.CPUTime(s.PID); err != nil {
		return 0, 0, err
	}
	for _, pid := range s.workers() {
		t, err := proc.CPUTime(pid)
		if err != nil {
			return 0, 0, err
		}
		workers += t
	}
	return server, workers, nil
}

// bareHash is the CPU of one hash in a process that does nothing else, on the servers' core.
func bareHash(ctx context.Context, costs password.Params) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "hash", fmt.Sprint(costs.MemoryKiB, " ", costs.Time))
	cmd.Env = []string{"GOMAXPROCS=1"}
	var out strings.Builder
	cmd.Stdout = &out
	if err := proc.StartPinned(cmd); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64)
	return time.Duration(n), err
}

// rate prints sign-ins with eight clients.
func (s *server) rate(ctx context.Context, opt options, costs password.Params) error {
	mails, err := s.enrol(ctx, "person")
	if err != nil {
		return err
	}
	var bare, least time.Duration
	var share, each float64
	for range opt.rounds {
		b, err := bareHash(ctx, costs)
		if err != nil {
			return err
		}
		if bare == 0 || b < bare {
			bare = b
		}
		before := s.workers()
		server, workers, err := s.used()
		if err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		n := s.signing(limited, 8, mails)()[200]
		cancel()
		server2, workers2, err := s.used()
		if err != nil {
			return err
		}
		if n == 0 || !slices.Equal(before, s.workers()) { // a worker that began or was replaced: what it used is not known whole
			continue
		}
		if all := (server2 - server + workers2 - workers) / time.Duration(n); least == 0 || all < least {
			least, share, each = all, float64(workers2-workers)/float64(server2-server+workers2-workers), proc.Micros(server2-server)/float64(n)
		}
	}
	if least == 0 {
		return fmt.Errorf("in none of %d runs did anybody sign in while the same workers hashed from beginning to end", opt.rounds)
	}
	fmt.Printf("\nsign-in (Argon2id of %d MiB, %d passes): %.1f ms of CPU, of which %.1f %% in the worker that hashes (budget 95 %%) and %.0f µs in the server; a bare Argon2id takes %.1f ms\n"+
		"         one core does %.0f sign-ins a second, or %.0f bare hashes\n", costs.MemoryKiB>>10, costs.Time,
		proc.Micros(least)/1000, 100*share, each, proc.Micros(bare)/1000, float64(time.Second)/float64(least), float64(time.Second)/float64(bare))
	return nil
}

// stormed prints reads before and during storms, and the memory of server and worker. Quiet and storm take turns, and of each the median
// of the p99 counts: one pause of the machine would decide a single run. The last storm lasts longer, to see whether memory goes on growing.
func (s *server) stormed(ctx context.Context, read *scenario) error {
	storms := []time.Duration{10 * time.Second, 10 * time.Second, 40 * time.Second}
	mails := make([][]string, len(storms)) // people of its own for each: whoever is cut off in the middle of a hash has guessed
	for n := range storms {
		var err error
		if mails[n], err = s.enrol(ctx, fmt.Sprintf("storm%d-", n)); err != nil {
			return err
		}
	}
	var quiet, beset []outcome
	statuses := map[int]int{}
	var memory []string
	for n, lasts := range storms {
		q, err := s.reading(ctx, read, 10*time.Second)
		if err != nil {
			return err
		}
		mib, err := s.resident()
		if err != nil {
			return err
		}
		quiet, memory = append(quiet, q), []string{fmt.Sprintf("%.0f before", mib)}
		stormy, calm := context.WithCancel(ctx)
		wait := s.signing(stormy, storm, mails[n])
		time.Sleep(2 * time.Second) // all have come
		for range lasts / (10 * time.Second) {
			b, err := s.reading(ctx, read, 10*time.Second)
			mib, e := s.resident()
			if err = errors.Join(err, e); err != nil {
				calm()
				wait()
				return err
			}
			beset = append(beset, b)
			memory = append(memory, fmt.Sprintf("%.0f", mib))
		}
		calm()
		for status, n := range wait() {
			statuses[status] += n
		}
	}
	q, calm := middle(quiet)
	b, wild := middle(beset)
	fmt.Printf("storm of %d sign-ins: reads at %d/s, p50 and p99 %v and %v quiet, %v and %v in the storm: %.1f times the p99 (budget 2; each p99: %v and %v); "+
		"resident MiB, worker included: %s, each ten seconds later; answers %v\n", storm, pace, q.p50, q.p99, b.p50, b.p99, float64(b.p99)/float64(q.p99),
		calm, wild, strings.Join(memory, ", "), statuses)
	return nil
}

// middle is the run whose p99 is the median, and all of them in order of time.
func middle(runs []outcome) (median outcome, all []time.Duration) {
	for _, r := range runs {
		all = append(all, r.p99)
	}
	slices.SortFunc(runs, func(a, b outcome) int { return int(a.p99 - b.p99) })
	return runs[len(runs)/2], all
}

// resident is the memory of the server and its workers in MiB.
func (s *server) resident() (float64, error) {
	sum, err := proc.ResidentMiB(s.PID)
	for _, pid := range s.workers() {
		if mib, e := proc.ResidentMiB(pid); e == nil {
			sum += mib
		}
	}
	return sum, err
}

// pace is the reads of a second, whatever their answers take: a slow server gets no fewer of them.
const pace = 500

// reading sends reads at their pace over 32 connections and returns their latencies, counted from when each was due.
func (s *server) reading(ctx context.Context, read *scenario, d time.Duration) (outcome, error) {
	c := newClient(s.Roots, "h2", 32)
	defer c.close()
	if _, err := c.load(ctx, s.Target, read, 64); err != nil {
		return outcome{}, err
	}
	runtime.GC() // and not meanwhile: with a thousand sign-ins waiting here as well, our own collector would be what is measured
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	n := int(d.Seconds() * pace)
	lat := make([]time.Duration, n)
	errs := make(chan error, n)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range n {
		due := begun.Add(time.Duration(i) * time.Second / pace)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			if _, err := c.conns[i%len(c.conns)].once(ctx, read, s.URL); err != nil {
				errs <- err
			}
			lat[i] = time.Since(due)
		})
	}
	wg.Wait()
	slices.Sort(lat)
	o := outcome{p50: lat[n/2].Round(10 * time.Microsecond), p99: lat[n*99/100].Round(10 * time.Microsecond)}
	select {
	case err := <-errs:
		return o, err
	default:
		return o, nil
	}
}
