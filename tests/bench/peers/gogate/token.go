package main

import (
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const tokensKept = 20000

type subject struct {
	id           string
	roles, sites []string
	clearance    float64
	until        time.Time
}

// claims are the token's; a clearance that is no number counts as none.
type claims struct {
	jwt.RegisteredClaims
	Roles     []string `json:"roles"`
	Sites     []string `json:"sites"`
	Clearance any      `json:"clearance"`
}

// tokens verifies bearer tokens and remembers those that hold until they expire.
type tokens struct {
	secret []byte
	parser *jwt.Parser
	lock   sync.RWMutex
	known  map[string]*subject
}

func newTokens(secret string) *tokens {
	return &tokens{
		secret: []byte(secret),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}),
			jwt.WithExpirationRequired()),
		known: map[string]*subject{},
	}
}

func (t *tokens) subject(text string) *subject {
	t.lock.RLock()
	s := t.known[text]
	t.lock.RUnlock()
	if s != nil && time.Now().Before(s.until) {
		return s
	}
	c := &claims{}
	_, err := t.parser.ParseWithClaims(text, c, func(*jwt.Token) (any, error) {
		return t.secret, nil
	})
	if err != nil || c.Subject == "" {
		return nil
	}
	level, _ := c.Clearance.(float64)
	s = &subject{c.Subject, c.Roles, c.Sites, level, c.ExpiresAt.Time}
	t.lock.Lock()
	if len(t.known) >= tokensKept {
		clear(t.known)
	}
	t.known[text] = s
	t.lock.Unlock()
	return s
}
