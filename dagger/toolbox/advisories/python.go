package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"

	"github.com/aquasecurity/trivy-db/pkg/types"
)

// pythonVersions says which versions of a Python package are vulnerable and which have the fix, in Trivy's words. Dropped
// counts what no installer can install any more, since it is no version by PEP 440. Where a range cannot be read and no
// versions are listed, nobody can tell which are vulnerable: all of them are, until the record is mended.
func pythonVersions(affected Affected) (vulnerable, patched []string, dropped int, unclear bool, err error) {
	var specifiers []pep440.Specifiers
	for _, each := range affected.Ranges {
		if each.Type == "GIT" {
			continue
		}
		ranges, fixed, err := intervals(each.Events)
		if err != nil {
			if len(affected.Versions) == 0 {
				return []string{">=0"}, nil, dropped, true, nil
			}
			dropped++ // The list of versions says the same.
			continue
		}
		for _, text := range ranges {
			specifier, err := pep440.NewSpecifiers(text, pep440.WithPreRelease(true))
			if err != nil {
				return nil, nil, 0, false, err
			}
			specifiers, vulnerable = append(specifiers, specifier), append(vulnerable, text)
		}
		patched = append(patched, fixed...)
	}
	for _, text := range affected.Versions {
		version, err := pep440.Parse(text)
		if err != nil {
			dropped++
			continue
		}
		if !contains(specifiers, version) {
			vulnerable = append(vulnerable, "="+strings.TrimSpace(text))
		}
	}
	return vulnerable, patched, dropped, false, nil
}

func contains(specifiers []pep440.Specifiers, version pep440.Version) bool {
	return slices.ContainsFunc(specifiers, func(each pep440.Specifiers) bool { return each.Check(version) })
}

type edge struct {
	text    string
	version pep440.Version
	kind    int
}

const (
	fixedAt = iota
	introducedAt
	lastAt
)

// intervals turns events, which OSV keeps in no order, into ranges such as ">=1.0, <1.4".
func intervals(events []Event) (ranges, fixed []string, err error) {
	var edges []edge
	for _, event := range events {
		for kind, text := range []string{event.Fixed, event.Introduced, event.LastAffected} {
			if text == "" {
				continue
			}
			version, err := pep440.Parse(text)
			if err != nil {
				return nil, nil, fmt.Errorf("%q is no version of a Python package", text)
			}
			if version.Local() != "" {
				return nil, nil, fmt.Errorf("a range cannot end at the local version %q", text)
			}
			edges = append(edges, edge{strings.TrimSpace(text), version, kind})
		}
	}
	slices.SortStableFunc(edges, func(a, b edge) int {
		if order := a.version.Compare(b.version); order != 0 {
			return order
		}
		return a.kind - b.kind
	})
	from := ""
	close := func(to string) {
		if from == "0" {
			ranges = append(ranges, to)
		} else if from != "" {
			ranges = append(ranges, ">="+from+", "+to)
		}
		from = ""
	}
	for _, each := range edges {
		switch {
		case each.kind == introducedAt && from == "":
			from = each.text
		case each.kind == fixedAt:
			close("<" + each.text)
			fixed = append(fixed, each.text)
		case each.kind == lastAt:
			close("<=" + each.text)
		}
	}
	if from != "" {
		ranges = append(ranges, ">="+from)
	}
	return ranges, fixed, nil
}

// pythonAdvisory is what Trivy stores: a version that one record calls fixed and another vulnerable is not patched.
func pythonAdvisory(vulnerable, patched, ids []string) (types.Advisory, error) {
	specifiers, err := pep440.NewSpecifiers(strings.Join(vulnerable, " || "), pep440.WithPreRelease(true))
	if err != nil {
		return types.Advisory{}, err
	}
	kept := map[string]pep440.Version{}
	for _, text := range patched {
		version, err := pep440.Parse(text)
		if err != nil {
			return types.Advisory{}, err
		}
		if !specifiers.Check(version) {
			kept[text] = version
		}
	}
	fixes := sortedKeys(kept)
	slices.SortStableFunc(fixes, func(a, b string) int { return kept[a].Compare(kept[b]) })
	return types.Advisory{VendorIDs: ids, VulnerableVersions: sorted(vulnerable), PatchedVersions: fixes}, nil
}

func isVersion(text string) bool {
	_, err := pep440.Parse(text)
	return err == nil
}

var separators = regexp.MustCompile(`[-_.]+`)

// canonical is a name as PEP 503 has it, which is how PyPI, pip-audit and most records write it.
func canonical(name string) string {
	return strings.ToLower(separators.ReplaceAllString(strings.TrimSpace(name), "-"))
}

// spellings are the names under which Trivy may look a package up: it takes the name from the package's own metadata, and
// lets dots be, so that "ruamel.yaml" is not found under "ruamel-yaml".
func spellings(name string) []string {
	written := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	return sorted([]string{written, canonical(name), strings.ReplaceAll(canonical(name), "-", ".")})
}
