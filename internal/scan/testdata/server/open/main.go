package main

import (
	"crypto/tls"
	"net/http"
)

func main() {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,             // fault: go-tls-unverified
		MinVersion:         tls.VersionTLS10, // fault: go-tls-old
	}}}
	_ = client
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "invented"}) // fault: go-cookie-secure go-cookie-httponly
	})
	server := &http.Server{Addr: ":8080"} // fault: go-server-timeouts
	go server.ListenAndServe()
	http.ListenAndServe("127.0.0.1:8081", nil) // fault: go-plain-http
}
