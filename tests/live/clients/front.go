// Go's ReverseProxy, which Caddy and Traefik are built on: front ADDRESS GATE CERT KEY
// (TLS, HTTP/2 where the client has it)
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

func main() {
	gate, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(gate)
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[3], os.Args[4], proxy))
}
