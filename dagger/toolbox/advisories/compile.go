package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/vulnerability"
)

// Report is what `compile` prints.
type Report struct {
	Schema  int     `json:"schema"`
	Records int     `json:"records"`
	PyPI    int     `json:"pypi"`
	Debian  int     `json:"debian"`
	Skipped Skipped `json:"skipped"`
	// Records with a range that cannot be read: every version counts as vulnerable.
	Unclear   []string `json:"unclear"`
	UpdatedAt string   `json:"updatedAt"`
	Digest    string   `json:"digest"`
}

// Skipped counts what is in the folder and not in the database.
type Skipped struct {
	// Records that were taken back.
	Withdrawn int `json:"withdrawn"`
	// Records of other ecosystems only.
	Elsewhere int `json:"elsewhere"`
	// Records that a newer one of the same id stands in for.
	Duplicates int `json:"duplicates"`
	// Files that are no records.
	Files int `json:"files"`
	// Versions that are none by PEP 440, so that no installer takes them.
	Versions int `json:"versions"`
}

// known is all that the records say, before it is written.
type known struct {
	// Package name, as Trivy looks it up, and vulnerability -> what is affected.
	python map[string]map[string]*python
	// Release, source package, vulnerability.
	debian  map[string]map[string]map[string]types.Advisory
	details map[string]map[types.SourceID]types.VulnerabilityDetail
	// Canonical name -> records.
	osv map[string][]*Record
}

type python struct{ vulnerable, patched, ids []string }

func compile(in, out string) (*Report, error) {
	records, report, err := read(in)
	if err != nil {
		return nil, err
	}
	all := known{
		python:  map[string]map[string]*python{},
		debian:  map[string]map[string]map[string]types.Advisory{},
		details: map[string]map[types.SourceID]types.VulnerabilityDetail{},
		osv:     map[string][]*Record{},
	}
	cves := cvesOf(records)
	for _, record := range records {
		if err := all.add(record, cves[record.ID], report); err != nil {
			return nil, fmt.Errorf("%s: %w", record.file, err)
		}
	}
	if report.PyPI+report.Debian == 0 {
		return nil, fmt.Errorf("no advisory about PyPI or Debian packages among %d records and %d other files",
			len(records)+report.Skipped.Withdrawn, report.Skipped.Files)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	updated, err := time.Parse(time.RFC3339, report.UpdatedAt)
	if err != nil {
		return nil, err
	}
	if err := write(all, updated, out); err != nil {
		return nil, err
	}
	text, err := json.Marshal(served(all.osv))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(out, "osv.json"), append(text, '\n'), 0o644); err != nil {
		return nil, err
	}
	report.Digest, err = digest(filepath.Join(out, "trivy.db"))
	return report, err
}

func (all known) add(record *Record, cves []string, report *Report) error {
	names := cves
	if len(names) == 0 {
		names = []string{record.ID}
	}
	ids := slices.DeleteFunc(append([]string{record.ID}, record.Aliases...), isCVE)
	inPython, inDebian := false, false
	for _, affected := range record.Affected {
		var err error
		if strings.EqualFold(affected.Package.Ecosystem, "PyPI") {
			inPython = true
			err = all.addPython(record, affected, names, ids, report)
		} else if release := debianRelease.FindStringSubmatch(affected.Package.Ecosystem); release != nil {
			inDebian = true
			err = all.addDebian(record, affected, release[1], names, ids)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", affected.Package.Name, err)
		}
	}
	switch {
	case inPython && inDebian:
		report.PyPI, report.Debian = report.PyPI+1, report.Debian+1
	case inPython:
		report.PyPI++
	case inDebian:
		report.Debian++
	default:
		report.Skipped.Elsewhere++
		return nil
	}
	report.Records++
	return nil
}

func (all known) addPython(record *Record, affected Affected, names, ids []string, report *Report) error {
	if affected.Package.Name == "" {
		return fmt.Errorf("a package without a name")
	}
	vulnerable, patched, dropped, unclear, err := pythonVersions(affected)
	if err != nil {
		return err
	}
	if unclear {
		report.Unclear = append(report.Unclear, record.ID)
	}
	report.Skipped.Versions += dropped
	name := canonical(affected.Package.Name)
	if known := all.osv[name]; len(known) == 0 || known[len(known)-1] != record {
		all.osv[name] = append(known, record)
	}
	if len(vulnerable) == 0 {
		return nil
	}
	for _, spelling := range spellings(affected.Package.Name) {
		for _, vulnerabilityID := range names {
			at := under(all.python, spelling)
			if at[vulnerabilityID] == nil {
				at[vulnerabilityID] = &python{}
			}
			entry := at[vulnerabilityID]
			entry.vulnerable = append(entry.vulnerable, vulnerable...)
			entry.patched = append(entry.patched, patched...)
			entry.ids = sorted(append(entry.ids, ids...))
		}
	}
	return all.describe(record, affected, names, vulnerability.OSV)
}

func (all known) addDebian(record *Record, affected Affected, release string, names, ids []string) error {
	if affected.Package.Name == "" {
		return fmt.Errorf("a package without a name")
	}
	fix, err := debianFix(affected)
	if err != nil {
		return err
	}
	for _, vulnerabilityID := range names {
		at := under(under(all.debian, release), affected.Package.Name)
		at[vulnerabilityID], err = debianAdvisory(at[vulnerabilityID], fix, affected.Ecosystem.Urgency, ids)
		if err != nil {
			return err
		}
	}
	return all.describe(record, affected, names, vulnerability.Debian)
}

func (all known) describe(record *Record, affected Affected, names []string, source types.SourceID) error {
	detail, err := rated(types.VulnerabilityDetail{
		Title:       title(record),
		Description: cut(record.Details, 4000),
		References:  references(record),
	}, record, affected.Severity)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := under(all.details, name)
		before, described := at[source]
		links := sorted(append(before.References, detail.References...))
		if !described || worse(detail, before) {
			before = detail
		}
		before.References = links
		at[source] = before
	}
	return nil
}

func digest(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func under[K comparable, V any](from map[string]map[K]V, key string) map[K]V {
	if from[key] == nil {
		from[key] = map[K]V{}
	}
	return from[key]
}

func sorted(texts []string) []string {
	kept := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" })
	slices.Sort(kept)
	return slices.Compact(kept)
}

func sortedKeys[V any](from map[string]V) []string { return slices.Sorted(maps.Keys(from)) }
