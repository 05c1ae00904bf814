package main

import (
	"database/sql"
	"encoding/json"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const stamp = "2006-01-02T15:04:05.000000Z"

// leases is what runs, for the next start; decisions is who was told what, to be asked by
// lease, subject, camera and time, without a chain of hashes.
const schema = `
CREATE TABLE IF NOT EXISTS leases (id TEXT PRIMARY KEY, subject TEXT NOT NULL,
	camera TEXT NOT NULL, site TEXT NOT NULL, quality TEXT NOT NULL, kbps INTEGER,
	granted_at TEXT NOT NULL, ends_at TEXT NOT NULL, ended_at TEXT);
CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, time TEXT NOT NULL,
	lease_id TEXT, subject TEXT, camera TEXT, quality_requested TEXT, quality TEXT,
	outcome TEXT, reason TEXT, rule TEXT, client_addr TEXT, facts TEXT);
CREATE INDEX IF NOT EXISTS by_lease ON decisions (lease_id);
CREATE INDEX IF NOT EXISTS by_subject ON decisions (subject, time);
CREATE INDEX IF NOT EXISTS by_camera ON decisions (camera, time);
CREATE INDEX IF NOT EXISTS by_time ON decisions (time);`

// trail is SQLite: what add was given is on disk when it returns.
type trail struct {
	db              *sql.DB
	lease, decision *sql.Stmt
}

type entry struct {
	id, lease, from string
	now, ends       time.Time
	subject         *subject
	camera          *camera
	verdict         *verdict
	asked           *request
}

// facts are what a lease could be decided again with after a restart.
type facts struct {
	Roles     []string `json:"roles"`
	Sites     []string `json:"sites"`
	Clearance float64  `json:"clearance"`
	Scopes    []scope  `json:"scopes"`
}

func openTrail(path string) (*trail, error) {
	db, err := sql.Open("sqlite3", path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err = db.Exec(schema); err != nil {
		return nil, err
	}
	t := &trail{db: db}
	t.lease, err = db.Prepare(`INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)`)
	if err != nil {
		return nil, err
	}
	t.decision, err = db.Prepare(`INSERT INTO decisions
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return t, err
}

// add is one transaction, and so one durable commit.
func (t *trail) add(e *entry) error {
	tx, err := t.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	s, c, v, now := e.subject, e.camera, e.verdict, e.now.Format(stamp)
	text, err := json.Marshal(facts{s.roles, s.sites, s.clearance, v.Scopes})
	if err == nil && e.lease != "" {
		_, err = tx.Stmt(t.lease).Exec(e.lease, s.id, c.ID, c.Site, v.Quality,
			kbps[v.Quality], now, e.ends.Format(stamp))
	}
	if err == nil {
		_, err = tx.Stmt(t.decision).Exec(e.id, now, e.lease, s.id, c.ID, e.asked.Quality,
			v.Quality, v.Verdict, v.Reason, v.Rule, e.from, string(text))
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
