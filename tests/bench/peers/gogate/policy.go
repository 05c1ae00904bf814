package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

type camera struct {
	ID    string   `json:"id"`
	Site  string   `json:"site"`
	Tags  []string `json:"tags"`
	Level int      `json:"level"`
}

type scope struct {
	Name  string `json:"name"`
	Limit int64  `json:"limit"`
	Unit  string `json:"unit"`
}

type verdict struct {
	Verdict  string  `json:"verdict"`
	CameraID string  `json:"camera_id"`
	Quality  string  `json:"quality,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Rule     string  `json:"rule"`
	Scopes   []scope `json:"scopes,omitempty"`
}

var (
	tiers     = map[string]int{"low": 1, "medium": 2, "high": 3}
	names     = []string{"", "low", "medium", "high"}
	streamsOf = map[string]int64{"admin": 16, "operator": 4, "guard": 4, "contractor": 2,
		"display": 1}
)

func readCameras(path string) (map[string]*camera, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Cameras []*camera `json:"cameras"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	byID := map[string]*camera{}
	for _, c := range file.Cameras {
		byID[c.ID] = c
	}
	return byID, nil
}

func (s *subject) has(role string) bool { return slices.Contains(s.roles, role) }

func open(now time.Time) bool { return now.Weekday() <= 6 && now.Hour() < 24 }

// denied is the first rule that denies, and why.
func denied(s *subject, c *camera) (rule, reason string) {
	lobby := slices.Contains(c.Tags, "lobby")
	switch {
	case c.Level > 1 && !s.has("admin") && s.clearance < float64(c.Level):
		return "camera-levels", fmt.Sprintf("this camera needs clearance %d", c.Level)
	case s.has("contractor") && !lobby:
		return "contractors", "contractors see lobby cameras only"
	case s.has("contractor") && !open(time.Now()):
		return "contractors", "outside office hours"
	case s.has("display") && !lobby:
		return "public-displays", "displays show lobby cameras only"
	}
	return "", ""
}

func scopes(s *subject, c *camera) []scope {
	streams := int64(1)
	for _, role := range s.roles {
		streams = max(streams, streamsOf[role])
	}
	list := []scope{{"user:" + s.id, streams, "streams"}, {"camera:" + c.ID, 100, "streams"}}
	if c.Site != "" {
		list = append(list, scope{"uplink:" + c.Site, 200000, "kbps"})
	}
	return list
}

func decide(s *subject, c *camera, quality string) *verdict {
	v := &verdict{Verdict: "deny", CameraID: c.ID}
	if v.Rule, v.Reason = denied(s, c); v.Rule != "" {
		return v
	}
	best := 3
	if quality != "" {
		best = tiers[quality]
	}
	staff := s.has("operator") || s.has("guard")
	if s.has("admin") || staff && slices.Contains(s.sites, c.Site) {
		v.Rule = "roles-and-sites"
	}
	if s.has("display") {
		best = 1
		v.Rule = cmp.Or(v.Rule, "public-displays")
	}
	if s.has("contractor") {
		best = min(best, 2)
		v.Rule = cmp.Or(v.Rule, "contractors")
	}
	if v.Rule == "" {
		v.Reason = "no policy allows this"
		return v
	}
	v.Verdict, v.Quality, v.Scopes = "allow", names[best], scopes(s, c)
	return v
}
