package main

import "strings"

func title(record *Record) string {
	if record.Summary != "" {
		return cut(record.Summary, 200)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(record.Details), "\n")
	sentence, _, _ := strings.Cut(first, ". ")
	return cut(sentence, 120)
}

func references(record *Record) []string {
	var links []string
	for _, each := range record.References {
		links = append(links, strings.TrimSpace(each.URL))
	}
	return sorted(links)
}

func cut(text string, most int) string {
	runes := []rune(strings.TrimSpace(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}
