package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Record is what is kept of an OSV record (https://ossf.github.io/osv-schema/).
type Record struct {
	SchemaVersion string      `json:"schema_version,omitempty" yaml:"schema_version"`
	ID            string      `json:"id" yaml:"id"`
	Modified      string      `json:"modified" yaml:"modified"`
	Published     string      `json:"published,omitempty" yaml:"published"`
	Withdrawn     string      `json:"withdrawn,omitempty" yaml:"withdrawn"`
	Aliases       []string    `json:"aliases,omitempty" yaml:"aliases"`
	Upstream      []string    `json:"upstream,omitempty" yaml:"upstream"`
	Related       []string    `json:"related,omitempty" yaml:"related"`
	Summary       string      `json:"summary,omitempty" yaml:"summary"`
	Details       string      `json:"details,omitempty" yaml:"details"`
	Severity      []Severity  `json:"severity,omitempty" yaml:"severity"`
	Affected      []Affected  `json:"affected" yaml:"affected"`
	References    []Reference `json:"references,omitempty" yaml:"references"`
	Database      Specific    `json:"database_specific,omitzero" yaml:"database_specific"`

	file     string
	modified time.Time
}

// Affected is one package, and which of its versions.
type Affected struct {
	Package   Package    `json:"package" yaml:"package"`
	Severity  []Severity `json:"severity,omitempty" yaml:"severity"`
	Ranges    []Range    `json:"ranges,omitempty" yaml:"ranges"`
	Versions  []string   `json:"versions,omitempty" yaml:"versions"`
	Ecosystem Specific   `json:"ecosystem_specific,omitzero" yaml:"ecosystem_specific"`
}

type Package struct {
	Ecosystem string `json:"ecosystem" yaml:"ecosystem"`
	Name      string `json:"name" yaml:"name"`
}

type Range struct {
	Type   string  `json:"type" yaml:"type"`
	Events []Event `json:"events" yaml:"events"`
}

type Event struct {
	Introduced   string `json:"introduced,omitempty" yaml:"introduced"`
	Fixed        string `json:"fixed,omitempty" yaml:"fixed"`
	LastAffected string `json:"last_affected,omitempty" yaml:"last_affected"`
	Limit        string `json:"limit,omitempty" yaml:"limit"`
}

type Severity struct {
	Type  string `json:"type" yaml:"type"`
	Score string `json:"score" yaml:"score"`
}

type Reference struct {
	Type string `json:"type,omitempty" yaml:"type"`
	URL  string `json:"url" yaml:"url"`
}

// Specific holds the few database- and ecosystem-specific words that say how bad it is.
type Specific struct {
	Severity string `json:"severity,omitempty" yaml:"severity"`
	Urgency  string `json:"urgency,omitempty" yaml:"urgency"`
}

// parse reads one file; nil for JSON or YAML that is something else than a record.
func parse(file string, content []byte) (*Record, error) {
	decode := func(into any) error { return yaml.Unmarshal(content, into) }
	if strings.HasSuffix(file, ".json") {
		decode = func(into any) error { return json.Unmarshal(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), into) }
	}
	var whole any
	if err := decode(&whole); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	fields, ok := whole.(map[string]any)
	if !ok || !looksLikeRecord(fields) {
		return nil, nil
	}
	record := Record{file: file}
	if err := decode(&record); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if record.ID == "" || strings.ContainsAny(record.ID, " \t\r\n/") {
		return nil, fmt.Errorf("%s: %q is no id of an advisory", file, record.ID)
	}
	modified, err := time.Parse(time.RFC3339, record.Modified)
	if err != nil {
		return nil, fmt.Errorf("%s: modified is not a time such as 2025-04-18T00:00:00Z: %q", file, record.Modified)
	}
	record.modified = modified.UTC()
	return &record, nil
}

func looksLikeRecord(fields map[string]any) bool {
	_, id := fields["id"]
	_, affected := fields["affected"]
	_, modified := fields["modified"]
	return (id && (affected || modified)) || (affected && modified)
}

func isCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }
