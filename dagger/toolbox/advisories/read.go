package main

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// read answers the records of a folder, one of each id, sorted by id.
func read(folder string) ([]*Record, *Report, error) {
	report := &Report{Schema: 1, Unclear: []string{}}
	found := map[string]*Record{}
	walk := files{take: func(name string, content []byte) error {
		record, err := parse(name, content)
		if err != nil {
			return err
		}
		if record == nil {
			report.Skipped.Files++
			return nil
		}
		if before, twice := found[record.ID]; twice {
			report.Skipped.Duplicates++
			if !record.modified.After(before.modified) {
				return nil
			}
		}
		found[record.ID] = record
		return nil
	}}
	if err := walk.walk(folder); err != nil {
		return nil, nil, err
	}
	report.Skipped.Files += walk.other
	var kept []*Record
	var newest time.Time
	for _, id := range sortedKeys(found) {
		record := found[id]
		if record.modified.After(newest) {
			newest = record.modified
		}
		if record.Withdrawn != "" {
			report.Skipped.Withdrawn++
			continue
		}
		kept = append(kept, record)
	}
	report.UpdatedAt = newest.Truncate(time.Second).Format(time.RFC3339)
	return kept, report, nil
}

// cvesOf names the CVEs of each record; a record that has none of its own takes those of the records that it is the same as.
func cvesOf(records []*Record) map[string][]string {
	own := map[string][]string{}
	for _, record := range records {
		own[record.ID] = ownCVEs(record)
	}
	found := maps.Clone(own)
	for _, record := range records {
		for _, alias := range record.Aliases {
			if len(own[record.ID]) == 0 {
				found[record.ID] = sorted(append(found[record.ID], own[alias]...))
			} else if _, known := own[alias]; known && len(own[alias]) == 0 {
				found[alias] = sorted(append(found[alias], own[record.ID]...))
			}
		}
	}
	return found
}

func ownCVEs(record *Record) []string {
	ids := append([]string{record.ID, strings.TrimPrefix(record.ID, "DEBIAN-")}, record.Aliases...)
	ids = append(ids, record.Upstream...)
	if !slices.ContainsFunc(ids, isCVE) && (strings.HasPrefix(record.ID, "DSA-") || strings.HasPrefix(record.ID, "DLA-")) {
		ids = append(ids, record.Related...) // Where Debian's older records name the CVEs that they fix.
	}
	return sorted(slices.DeleteFunc(ids, func(id string) bool { return !isCVE(id) }))
}
