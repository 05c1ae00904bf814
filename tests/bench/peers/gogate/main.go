// gogate answers explain and reserve as a small Go service would: net/http, golang-jwt,
// SQLite with one durable commit for each reserve.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
)

type request struct {
	CameraID string `json:"camera_id"`
	Quality  string `json:"quality"`
	TTL      int    `json:"ttl_s"`
}

type gate struct {
	cameras map[string]*camera
	tokens  *tokens
	limits  *limits
	trail   *trail
}

type failure struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

// asked reads a request whole: who asks for what; nil after it has replied.
func (g *gate) asked(w http.ResponseWriter, r *http.Request) (*subject, *camera, *request) {
	asked := &request{TTL: 3600}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16384)).Decode(asked); err != nil {
		if _, wrong := err.(*json.UnmarshalTypeError); wrong {
			reply(w, http.StatusUnprocessableEntity, failure{"a field is not valid"})
		} else {
			reply(w, http.StatusBadRequest, failure{"not a JSON object"})
		}
		return nil, nil, nil
	}
	if asked.CameraID == "" || (asked.Quality != "" && tiers[asked.Quality] == 0) {
		reply(w, http.StatusUnprocessableEntity, failure{"a field is not valid"})
		return nil, nil, nil
	}
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s := g.tokens.subject(text)
	if !bearer || s == nil {
		reply(w, http.StatusUnauthorized, failure{"no valid token"})
		return nil, nil, nil
	}
	c := g.cameras[asked.CameraID]
	if c == nil {
		reply(w, http.StatusNotFound, failure{"no such camera"})
		return nil, nil, nil
	}
	return s, c, asked
}

func (g *gate) explain(w http.ResponseWriter, r *http.Request) {
	if s, c, asked := g.asked(w, r); s != nil {
		reply(w, http.StatusOK, decide(s, c, asked.Quality))
	}
}

func (g *gate) reserve(w http.ResponseWriter, r *http.Request) {
	s, c, asked := g.asked(w, r)
	if s == nil {
		return
	}
	v := decide(s, c, asked.Quality)
	grant, err := g.grant(s, c, v, asked, r.RemoteAddr)
	switch {
	case err != nil:
		reply(w, http.StatusServiceUnavailable, failure{"the trail is away"})
	case grant == nil:
		reply(w, http.StatusForbidden, v)
	default:
		reply(w, http.StatusCreated, grant)
	}
}

// version names what it was built with.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{info.GoVersion}
	for _, dep := range info.Deps {
		parts = append(parts, strings.TrimPrefix(dep.Path, "github.com/")+" "+dep.Version)
	}
	return strings.Join(parts, ", ")
}

func main() {
	asked := flag.Bool("version", false, "print what it was built with")
	address := flag.String("listen", "127.0.0.1:8092", "address")
	file := flag.String("cameras", "cameras.json", "file")
	db := flag.String("db", "gogate.db", "trail")
	flag.Parse()
	if *asked {
		fmt.Println(version())
		return
	}
	g := &gate{tokens: newTokens(os.Getenv("GATE_SECRET")), limits: newLimits()}
	var err error
	if g.cameras, err = readCameras(*file); err != nil {
		log.Fatal(err)
	}
	if g.trail, err = openTrail(*db); err != nil {
		log.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /explain", g.explain)
	routes.HandleFunc("POST /reserve", g.reserve)
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, routes))
}
