package main

import (
	"fmt"
	"regexp"
	"strings"

	debian "github.com/knqyf263/go-deb-version"

	"github.com/aquasecurity/trivy-db/pkg/types"
)

var debianRelease = regexp.MustCompile(`^(?i:debian):([0-9]+)$`)

// debianFix is the newest version of a source package that a record says has the fix; none where there is no fix yet.
// Trivy compares nothing else, so that a range that begins later than 0 is taken to begin at 0.
func debianFix(affected Affected) (string, error) {
	fix := ""
	for _, each := range affected.Ranges {
		for _, event := range each.Events {
			if each.Type == "GIT" || event.Fixed == "" {
				continue
			}
			newest, err := newer(fix, event.Fixed)
			if err != nil {
				return "", err
			}
			fix = newest
		}
	}
	return fix, nil
}

func newer(one, other string) (string, error) {
	if one == "" || other == "" {
		return one + other, nil
	}
	first, err := debian.NewVersion(one)
	if err != nil {
		return "", fmt.Errorf("%q is no version of a Debian package: %w", one, err)
	}
	second, err := debian.NewVersion(other)
	if err != nil {
		return "", fmt.Errorf("%q is no version of a Debian package: %w", other, err)
	}
	if second.GreaterThan(first) {
		return other, nil
	}
	return one, nil
}

// debianAdvisory merges what another record says about the same vulnerability of the same package.
func debianAdvisory(before types.Advisory, fix string, urgency string, ids []string) (types.Advisory, error) {
	if fix != "" {
		if _, err := debian.NewVersion(fix); err != nil {
			return before, fmt.Errorf("%q is no version of a Debian package: %w", fix, err)
		}
	}
	newest, err := newer(before.FixedVersion, fix)
	if err != nil {
		return before, err
	}
	return types.Advisory{
		FixedVersion: newest,
		Severity:     max(before.Severity, urgencies[strings.TrimRight(urgency, "*")]),
		VendorIDs:    sorted(append(before.VendorIDs, ids...)),
	}, nil
}
