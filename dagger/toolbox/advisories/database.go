package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/ecosystem"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/bucket"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/vulnerability"
)

var (
	pythonSource = types.DataSource{ID: vulnerability.OSV, Name: "OSV records", URL: "https://osv.dev"}
	debianSource = types.DataSource{ID: vulnerability.Debian, Name: "OSV records of Debian", URL: "https://osv.dev"}
)

// write makes trivy.db and metadata.json. The same records give the same bytes: everything is put in order, and each
// package in a transaction of its own, since bbolt writes the nested buckets of one transaction in the order of a Go map.
func write(all known, updated time.Time, out string) error {
	path := db.Path(out)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	options := &bolt.Options{NoSync: true, NoGrowSync: true, PageSize: 4096, FreelistType: bolt.FreelistArrayType}
	if err := db.Init(out, db.WithBoltOptions(options)); err != nil {
		return err
	}
	if err := fill(all); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if err := (db.Config{}).Connection().Sync(); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return metadata.NewClient(out).Update(metadata.Metadata{
		Version:      db.SchemaVersion,
		UpdatedAt:    updated,
		NextUpdate:   updated.Add(24 * time.Hour),
		DownloadedAt: updated,
	})
}

func fill(all known) error {
	database := db.Config{}
	update := database.Connection().Update
	if len(all.python) > 0 {
		python, err := bucket.NewPyPI(pythonSource)
		if err != nil {
			return err
		}
		if err := update(func(tx *bolt.Tx) error { return database.PutDataSource(tx, python.Name(), pythonSource) }); err != nil {
			return err
		}
		for _, name := range sortedKeys(all.python) {
			if err := update(func(tx *bolt.Tx) error { return putPython(tx, python.Name(), name, all.python[name]) }); err != nil {
				return err
			}
		}
	}
	for _, release := range sortedKeys(all.debian) {
		platform := bucket.NewDebian(release).Name()
		if err := update(func(tx *bolt.Tx) error { return database.PutDataSource(tx, platform, debianSource) }); err != nil {
			return err
		}
		for _, name := range sortedKeys(all.debian[release]) {
			advisories := all.debian[release][name]
			err := update(func(tx *bolt.Tx) error {
				for _, id := range sortedKeys(advisories) {
					advisory := advisories[id]
					if err := database.PutAdvisory(tx, []string{platform, name}, id, &advisory); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return update(func(tx *bolt.Tx) error {
		normal := vulnerability.New(database)
		for _, id := range sortedKeys(all.details) {
			if err := database.PutVulnerability(tx, id, normal.Normalize(id, all.details[id])); err != nil {
				return err
			}
		}
		return nil
	})
}

func putPython(tx *bolt.Tx, bucketName, name string, affected map[string]*python) error {
	for _, id := range sortedKeys(affected) {
		found := affected[id]
		advisory, err := pythonAdvisory(found.vulnerable, found.patched, found.ids)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", id, name, err)
		}
		keys := []string{bucketName, vulnerability.NormalizePkgName(ecosystem.Pip, name)}
		if err := (db.Config{}).PutAdvisory(tx, keys, id, &advisory); err != nil {
			return err
		}
	}
	return nil
}
