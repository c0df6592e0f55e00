package main

import (
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/aquasecurity/trivy-db/pkg/db"
)

// Covers is what a database knows anything about. Trivy finds nothing for what it does not know, and does not say so.
type Covers struct {
	Schema int `json:"schema"`
	// "pip", "debian 12", each once.
	Covers []string `json:"covers"`
	// Vulnerabilities with a description and a severity.
	Vulnerabilities bool `json:"vulnerabilities"`
}

func covers(folder string) (*Covers, error) {
	if err := db.Init(folder, db.WithBoltOptions(&bolt.Options{ReadOnly: true})); err != nil {
		return nil, err
	}
	defer db.Close()
	answer := &Covers{Schema: 1}
	err := (db.Config{}).Connection().View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, found *bolt.Bucket) error {
			if key, _ := found.Cursor().First(); key == nil {
				return nil
			}
			text, _, _ := strings.Cut(string(name), "::")
			switch {
			case text == "pip", strings.HasPrefix(text, "debian "):
				answer.Covers = append(answer.Covers, text)
			case text == "vulnerability":
				answer.Vulnerabilities = true
			}
			return nil
		})
	})
	answer.Covers = sorted(answer.Covers)
	return answer, err
}
