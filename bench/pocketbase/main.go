// Command pocketbase is PocketBase as its users run it, for the bench beside it to ask: one collection of articles with an owner rule
// and an index for the order of its list, filled, its request log off, over the same TLS as the others. It prints its address, its
// certificate, a token and ids of rows on one line, and serves until its input ends.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its own tables
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pocketbase:", err)
		os.Exit(1)
	}
}

// run takes a folder, a number of rows and the text of their bodies.
func run() error {
	if len(os.Args) != 4 {
		return errors.New("usage: pocketbase FOLDER ROWS BODY")
	}
	rows, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: os.Args[1]})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	token, ids, err := fill(app, rows, os.Args[3])
	if err != nil {
		return err
	}
	router, err := apis.NewRouter(app)
	if err != nil {
		return err
	}
	handler, err := router.BuildMux()
	if err != nil {
		return err
	}
	return serve(handler, token, ids)
}

// fill makes the collection, its owner and the rows.
func fill(app core.App, rows int, body string) (token string, ids []string, err error) {
	settings := app.Settings()
	settings.Logs.MaxDays = 0 // as its own documents advise where requests are many
	settings.RateLimits.Enabled = false
	if err := app.Save(settings); err != nil {
		return "", nil, err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return "", nil, err
	}
	owner := core.NewRecord(users)
	owner.SetEmail("author@press.example")
	owner.SetPassword("a long enough sentence for benches")
	if err := app.Save(owner); err != nil {
		return "", nil, err
	}
	articles := core.NewBaseCollection("articles")
	rule := "author = @request.auth.id"
	articles.ListRule, articles.ViewRule, articles.CreateRule, articles.UpdateRule = &rule, &rule, &rule, &rule
	articles.Fields.Add(&core.TextField{Name: "title", Required: true, Max: 200}, &core.TextField{Name: "slug", Max: 200}, &core.TextField{Name: "summary", Max: 500},
		&core.SelectField{Name: "section", Values: []string{"news", "culture"}}, &core.NumberField{Name: "words"}, &core.EditorField{Name: "body"},
		&core.RelationField{Name: "author", CollectionId: users.Id, Required: true, MaxSelect: 1},
		&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
	articles.AddIndex("articles_slug", true, "slug", "")
	articles.AddIndex("articles_of", false, "author, created", "")
	if err := app.Save(articles); err != nil {
		return "", nil, err
	}
	for n := 0; n < rows; {
		if err := app.RunInTransaction(func(tx core.App) error {
			for range min(1000, rows-n) {
				r := core.NewRecord(articles)
				r.Load(map[string]any{"title": fmt.Sprintf("On keeping things, part %d", n), "slug": fmt.Sprintf("filled-%d", n), "summary": "What a small press learnt about locks.",
					"section": "culture", "words": 420, "body": body, "author": owner.Id})
				if err := tx.SaveNoValidate(r); err != nil {
					return err
				}
				ids = append(ids, r.Id)
				n++
			}
			return nil
		}); err != nil {
			return "", nil, err
		}
	}
	token, err = owner.NewAuthToken()
	ids = append(ids, owner.Id) // the last is the owner
	return token, ids, err
}

func serve(handler http.Handler, token string, ids []string) error {
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		srv.Close()
	}()
	line, err := json.Marshal(map[string]any{"URL": fmt.Sprintf("https://localhost:%d", ln.Addr().(*net.TCPAddr).Port),
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})), "Token": token, "IDs": ids})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
