package main

import (
	"fmt"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/aquasecurity/trivy-db/pkg/types"
)

// rated puts into a detail how bad a record says it is: CVSS vectors first, else the database's own word.
func rated(detail types.VulnerabilityDetail, record *Record, affected []Severity) (types.VulnerabilityDetail, error) {
	var unreadable error
	for _, severity := range append(affected, record.Severity...) {
		if err := vector(&detail, severity); err != nil {
			unreadable = fmt.Errorf("%s: %s %q: %w", record.file, severity.Type, severity.Score, err)
		}
	}
	if detail.CvssVectorV40 == "" && detail.CvssVectorV3 == "" && detail.CvssVector == "" {
		detail.Severity = words[strings.ToUpper(record.Database.Severity)]
		// Without any other word an unreadable vector would turn into UNKNOWN, which fails no gate.
		if detail.Severity == types.SeverityUnknown && unreadable != nil {
			return detail, unreadable
		}
	}
	return detail, nil
}

// vector keeps the first vector of each version of CVSS.
func vector(detail *types.VulnerabilityDetail, severity Severity) error {
	text := strings.TrimSuffix(severity.Score, "/")
	switch {
	case strings.HasPrefix(text, "CVSS:4.0"):
		cvss, err := gocvss40.ParseVector(text)
		if err == nil && detail.CvssVectorV40 == "" {
			detail.CvssVectorV40, detail.CvssScoreV40 = text, cvss.Score()
		}
		return err
	case strings.HasPrefix(text, "CVSS:3.1"):
		cvss, err := gocvss31.ParseVector(text)
		if err == nil && detail.CvssVectorV3 == "" {
			detail.CvssVectorV3, detail.CvssScoreV3 = text, cvss.EnvironmentalScore()
		}
		return err
	case strings.HasPrefix(text, "CVSS:3.0"):
		cvss, err := gocvss30.ParseVector(text)
		if err == nil && detail.CvssVectorV3 == "" {
			detail.CvssVectorV3, detail.CvssScoreV3 = text, cvss.EnvironmentalScore()
		}
		return err
	case severity.Type == "CVSS_V2":
		cvss, err := gocvss20.ParseVector(strings.Trim(text, "()"))
		if err == nil && detail.CvssVector == "" {
			detail.CvssVector, detail.CvssScore = text, cvss.EnvironmentalScore()
		}
		return err
	case strings.HasPrefix(severity.Type, "CVSS_"):
		return fmt.Errorf("not a CVSS vector")
	}
	return nil // Another scheme, such as Ubuntu's own words.
}

var words = map[string]types.Severity{
	"LOW":       types.SeverityLow,
	"MODERATE":  types.SeverityMedium,
	"MEDIUM":    types.SeverityMedium,
	"IMPORTANT": types.SeverityHigh,
	"HIGH":      types.SeverityHigh,
	"CRITICAL":  types.SeverityCritical,
}

// Debian's urgency belongs to one package of one release; Trivy lets it go before what others say.
var urgencies = map[string]types.Severity{
	"unimportant": types.SeverityLow,
	"low":         types.SeverityLow,
	"medium":      types.SeverityMedium,
	"high":        types.SeverityHigh,
}

// worse tells which of two details is to be kept of one vulnerability that several records describe.
func worse(one, other types.VulnerabilityDetail) bool {
	if rank(one) != rank(other) {
		return rank(one) > rank(other)
	}
	return score(one) > score(other)
}

func rank(detail types.VulnerabilityDetail) types.Severity {
	switch found := score(detail); {
	case found >= 9:
		return types.SeverityCritical
	case found >= 7:
		return types.SeverityHigh
	case found >= 4:
		return types.SeverityMedium
	case found > 0:
		return types.SeverityLow
	}
	return detail.Severity
}

func score(detail types.VulnerabilityDetail) float64 {
	for _, found := range []float64{detail.CvssScoreV40, detail.CvssScoreV3, detail.CvssScore} {
		if found > 0 {
			return found
		}
	}
	return 0
}
