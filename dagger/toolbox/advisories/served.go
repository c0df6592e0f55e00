package main

import (
	"slices"
	"strings"
)

// served are the records as the audit hands them to pip-audit: it takes only names as PEP 503 has them, and stops at a
// version that is none. What is unclear begins at 0 and has no end, as it does for Trivy.
func served(byName map[string][]*Record) map[string][]Record {
	answers := map[string][]Record{}
	for name, records := range byName {
		for _, record := range records {
			answer := *record
			answer.Affected = nil
			for _, affected := range record.Affected {
				if strings.EqualFold(affected.Package.Ecosystem, "PyPI") {
					answer.Affected = append(answer.Affected, readable(affected))
				}
			}
			answers[name] = append(answers[name], answer)
		}
	}
	return answers
}

func readable(affected Affected) Affected {
	affected.Package = Package{Ecosystem: "PyPI", Name: canonical(affected.Package.Name)}
	affected.Versions = slices.DeleteFunc(slices.Clone(affected.Versions), func(text string) bool { return !isVersion(text) })
	_, _, _, unclear, _ := pythonVersions(affected)
	affected.Ranges = slices.DeleteFunc(slices.Clone(affected.Ranges), func(each Range) bool {
		_, _, err := intervals(each.Events)
		return each.Type == "GIT" || err != nil
	})
	if unclear {
		affected.Ranges = []Range{{Type: "ECOSYSTEM", Events: []Event{{Introduced: "0"}}}}
	}
	for at, each := range affected.Ranges {
		affected.Ranges[at].Type = "ECOSYSTEM"
		affected.Ranges[at].Events = slices.DeleteFunc(slices.Clone(each.Events), func(event Event) bool { return event == Event{Limit: event.Limit} })
	}
	return affected
}
