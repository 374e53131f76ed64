package main

import (
	"crypto/tls"
	"net/http"
	"time"
)

func main() {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}}}
	request, _ := http.NewRequest("GET", "https://shop.example", nil)
	request.AddCookie(&http.Cookie{Name: "session", Value: "invented"})
	client.Do(request)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		cookie := &http.Cookie{Name: "session", Value: "invented", HttpOnly: true}
		cookie.Secure = true
		http.SetCookie(w, cookie)
		http.SetCookie(w, &http.Cookie{Name: "old", MaxAge: -1})
	})
	server := &http.Server{Addr: ":8443", ReadHeaderTimeout: 5 * time.Second}
	server.ListenAndServeTLS("cert.pem", "key.pem")
}
