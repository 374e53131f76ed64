package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
	"github.com/jackc/pgx/v5"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// crowded is the press, with a listener for operations, in a process that may open so many descriptors.
func crowded(t *testing.T, database string, descriptors int) (p *press, operations string) {
	t.Helper()
	port, err := hosttest.Port()
	if err != nil {
		t.Fatal(err)
	}
	p = pressOn(t, database, func(p *press) {
		path := filepath.Join(p.dir, "fastness.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		save(t, path, bytes.Replace(text, []byte("listen: {"), []byte(`listen: {operations: "127.0.0.1:`+port+`", `), 1))
		tight := filepath.Join(p.dir, "tight")
		if err := os.WriteFile(tight, fmt.Appendf(nil, "#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", descriptors, p.bin), 0o700); err != nil { // #nosec G306 -- a program of the test
			t.Fatal(err)
		}
		p.bin = tight
	})
	return p, "http://127.0.0.1:" + port
}

// bare opens connections that send nothing from an address; those that it cannot open are left out.
func bare(t *testing.T, from, to string, many int) (open []net.Conn) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 2 * time.Second}
	for range many {
		if c, err := d.Dial("tcp", to); err == nil {
			t.Cleanup(func() { c.Close() })
			open = append(open, c)
		}
	}
	return open
}

// TestBareConnectionsOfManyNetworks: some thousand connections that send nothing, from twenty networks and from twenty addresses of one, to a
// server with a thousand descriptors. Others get answers, from the database as well, operations see it ready, descriptors stay free, and it is the
// connections without a request that go.
func TestBareConnectionsOfManyNetworks(t *testing.T) { onCrowded(t, bareConnections) }

func onCrowded(t *testing.T, fn func(p *press, operations string)) {
	t.Run("sqlite", func(t *testing.T) { fn(crowded(t, "", 1024)) })
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) { fn(crowded(t, scratchDatabase(t), 1024)) })
	}
}

func bareConnections(p *press, operations string) {
	descriptors := func() int {
		all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		if err != nil {
			hosttest.Missing(p.T, "what a process has open is read from /proc")
		}
		return len(all)
	}
	at := strings.TrimPrefix(p.base, "https://localhost")
	var all []net.Conn
	for i := range 20 {
		all = append(all, bare(p.T, fmt.Sprintf("127.0.%d.1", 40+i), "127.0.0.1"+at, 70)...) // twenty networks
		all = append(all, bare(p.T, fmt.Sprintf("127.0.20.%d", 1+i), "127.0.0.1"+at, 30)...) // one network
	}
	if len(all) < 1500 {
		p.Fatalf("only %d connections could be opened", len(all))
	}
	p.client.CloseIdleConnections()
	p.want(200, "ed", "GET", "/api/v1/articles", "")
	p.want(201, "ada", "POST", "/api/v1/articles", article("in-a-crowd", 10))
	for range 20 { // each with a handshake of its own
		p.client.CloseIdleConnections()
		p.want(200, "ed", "GET", "/api/v1/articles", "")
	}
	resp, err := http.Get(operations + "/readyz")
	if err != nil || resp.StatusCode != 200 {
		p.Errorf("operations: %v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if n := descriptors(); n > 1024-100 {
		p.Errorf("%d of 1024 descriptors are taken", n)
	}
	closed := 0
	for _, c := range all {
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !os.IsTimeout(err) {
			closed++
		}
	}
	if open := len(all) - closed; open > 1024-128 || open < 400 {
		p.Errorf("%d of %d bare connections are open", open, len(all))
	}
	if strings.Contains(p.log.String(), "too many open files") {
		p.Error("the server ran out of descriptors")
	}
}

// TestResetStreamsCostNoConnections: for two seconds a signed-in client asks over HTTP/2 and takes back each request at once. The server opens few
// connections to PostgreSQL, and a bystander is answered.
func TestResetStreamsCostNoConnections(t *testing.T) {
	if !storetest.OnPostgres(t.Name()) {
		return
	}
	database := scratchDatabase(t)
	p, _ := crowded(t, database, 1024)
	watch, err := pgx.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close(context.Background())
	sessions := func() (n int64) {
		if err := watch.QueryRow(context.Background(), "SELECT sessions FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 20 {
		p.want(200, "ed", "GET", "/api/v1/articles", "")
	}
	before := sessions()
	asked := resetStreams(p, "ada", 2*time.Second)
	p.want(200, "ed", "GET", "/api/v1/articles", "")
	time.Sleep(1100 * time.Millisecond) // PostgreSQL counts a session within a second
	if n := sessions() - before; n > 32 {
		t.Errorf("%d connections of PostgreSQL were opened for %d requests that were taken back", n, asked)
	} else {
		t.Logf("%d connections for %d requests", n, asked)
	}
	if asked < 200 {
		t.Errorf("only %d requests were sent", asked)
	}
	if strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("there were faults:\n%s", p.log)
	}
}

// resetStreams asks and takes back for a while, with a new connection where the server ends one, and counts the requests.
func resetStreams(p *press, who string, during time.Duration) (asked int) {
	at := strings.TrimPrefix(p.base, "https://")
	for end := time.Now().Add(during); time.Now().Before(end); {
		conn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			p.Fatal(err)
		}
		conn.SetDeadline(end)
		io.WriteString(conn, http2.ClientPreface)
		f := http2.NewFramer(conn, conn)
		f.WriteSettings()
		go io.Copy(io.Discard, conn)
		var block bytes.Buffer
		enc := hpack.NewEncoder(&block)
		for id := uint32(1); time.Now().Before(end); id += 2 {
			block.Reset()
			for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", at}, {":path", "/api/v1/articles"}, {"authorization", "Bearer " + p.tokens[who]}} {
				enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
			}
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}) != nil {
				break
			}
			time.Sleep(time.Duration(id%5) * 300 * time.Microsecond) // before, during and after the statement
			if f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				break
			}
			asked++
		}
		conn.Close()
	}
	return asked
}
