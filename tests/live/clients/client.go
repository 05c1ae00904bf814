// Go's net/http by the plan: client PLAN CA TOKEN URL...
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
)

var leaseID = regexp.MustCompile(`"lease_id":\s*"([^"]+)"`)

// What a producer writes while it is sent: its length is known to nobody.
func piped(text string) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		io.WriteString(writer, text[:5])
		io.WriteString(writer, text[5:])
		writer.Close()
	}()
	return reader
}

func request(method, url, mode, text string) (*http.Request, error) {
	if text == "" {
		return http.NewRequest(method, url, nil)
	}
	var body io.Reader = bytes.NewReader([]byte(text))
	if mode == "streamed" {
		body = piped(text)
	}
	r, err := http.NewRequest(method, url, body)
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

func live(client *http.Client, plan, token, base string) error {
	lease := ""
	for _, line := range strings.Split(strings.TrimRight(plan, "\n"), "\n") {
		step := strings.Split(line, "\t")
		url := base + strings.ReplaceAll(step[2], "{lease}", lease)
		r, err := request(step[1], url, step[3], step[4])
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		reply, err := client.Do(r)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			return err
		}
		if m := leaseID.FindSubmatch(text); m != nil && strings.HasPrefix(step[0], "reserve") {
			lease = string(m[1])
		}
		fmt.Printf("%s\t%s\t%d\t%d\t%s\t%s\n", base, step[0], reply.StatusCode,
			reply.ProtoMajor, reply.Header.Get("Content-Type"), text)
	}
	return nil
}

func main() {
	plan, _ := os.ReadFile(os.Args[1])
	pem, _ := os.ReadFile(os.Args[2])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	for _, base := range os.Args[4:] {
		if err := live(client, string(plan), os.Args[3], base); err != nil {
			fmt.Printf("%s\terror\t0\t-\t\t%v\n", base, err)
		}
	}
}
