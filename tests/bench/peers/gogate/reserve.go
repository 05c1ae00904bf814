package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var kbps = map[string]int64{"low": 500, "medium": 1500, "high": 3000}

type ice struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

type grant struct {
	LeaseID    string    `json:"lease_id"`
	DecisionID string    `json:"decision_id"`
	CameraID   string    `json:"camera_id"`
	Quality    string    `json:"quality"`
	EndsAt     time.Time `json:"ends_at"`
	Room       string    `json:"room"`
	Token      string    `json:"token"`
	ICE        []ice     `json:"ice_servers"`
	HeartbeatS int       `json:"heartbeat_after_s"`
}

// limits counts what the leases that run hold of each scope.
type limits struct {
	lock sync.Mutex
	used map[string]int64
}

func newLimits() *limits { return &limits{used: map[string]int64{}} }

func weight(s scope, quality string) int64 {
	if s.Unit == "kbps" {
		return kbps[quality]
	}
	return 1
}

// take holds a place in every scope, or in none.
func (l *limits) take(v *verdict) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, s := range v.Scopes {
		if l.used[s.Name]+weight(s, v.Quality) > s.Limit {
			return false
		}
	}
	for _, s := range v.Scopes {
		l.used[s.Name] += weight(s, v.Quality)
	}
	return true
}

func (l *limits) give(v *verdict) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, s := range v.Scopes {
		if l.used[s.Name] -= weight(s, v.Quality); l.used[s.Name] == 0 {
			delete(l.used, s.Name)
		}
	}
}

func roomToken(id, room string, now, ends time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "bench", "sub": id, "nbf": now.Unix(), "exp": ends.Unix(),
		"video": map[string]any{"room": room, "roomJoin": true, "canSubscribe": true,
			"canPublish": false, "canPublishData": false},
	}).SignedString([]byte(strings.Repeat("b", 40)))
}

func turn(id string, ends time.Time) ice {
	user := fmt.Sprintf("%d:%s", ends.Unix(), id)
	mac := hmac.New(sha1.New, []byte("bench-turn-secret"))
	mac.Write([]byte(user))
	return ice{[]string{"turn:turn.invalid:3478?transport=udp",
		"turn:turn.invalid:3478?transport=tcp", "turns:turn.invalid:5349?transport=tcp"},
		user, base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

func newID() string {
	var raw [14]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// grant is nil when v denies, or a scope of it is full.
func (g *gate) grant(s *subject, c *camera, v *verdict, asked *request,
	from string) (*grant, error) {
	id, now := newID(), time.Now().UTC()
	if v.Verdict == "allow" && !g.limits.take(v) {
		v = &verdict{Verdict: "deny", CameraID: c.ID, Rule: v.Rule,
			Reason: "a limit is reached"}
	}
	if v.Verdict == "deny" {
		return nil, g.trail.add(&entry{id, "", from, now, now, s, c, v, asked})
	}
	life := time.Duration(asked.TTL) * time.Second
	lease, room, ends := newID(), "camera_"+c.ID, now.Add(life)
	token, err := roomToken(lease, room, now, ends)
	if err == nil {
		err = g.trail.add(&entry{id, lease, from, now, ends, s, c, v, asked})
	}
	if err != nil {
		g.limits.give(v)
		return nil, err
	}
	time.AfterFunc(life, func() { g.limits.give(v) })
	return &grant{lease, id, c.ID, v.Quality, ends, room, token,
		[]ice{turn(lease, ends)}, 20}, nil
}
