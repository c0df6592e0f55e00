package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	largestRecord = 16 << 20
	// What all files of a folder may come to: an archive that unpacks to more is a bomb, not advisories.
	largestFolder = 8 << 30
)

// files hands over each file of a folder that may be a record, also of archives in it, in the order of their names.
type files struct {
	take  func(name string, content []byte) error
	other int
	bytes int64
}

func (f *files) walk(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != folder && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		return f.file(path, filepath.ToSlash(name))
	})
}

func (f *files) file(path, name string) error {
	// Follows links, and refuses what would block or never end.
	if info, err := os.Stat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		f.other++
		return nil
	}
	if strings.HasSuffix(name, ".zip") {
		return named(name, f.zip(path, name))
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	switch {
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			return named(name, err)
		}
		return named(name, f.tar(unpacked, name))
	case strings.HasSuffix(name, ".tar"):
		return named(name, f.tar(file, name))
	}
	return f.read(file, name)
}

func (f *files) tar(from io.Reader, name string) error {
	archive := tar.NewReader(from)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// The rest of the file, so that a gzip cut short at its check sum is seen as well.
			_, err = io.Copy(io.Discard, from)
			return err
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || hidden(header.Name) {
			continue
		}
		if err := f.read(archive, name+"/"+header.Name); err != nil {
			return err
		}
	}
}

func (f *files) zip(path, name string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, member := range archive.File {
		if member.FileInfo().IsDir() || hidden(member.Name) {
			continue
		}
		file, err := member.Open()
		if err != nil {
			return err
		}
		err = f.read(file, name+"/"+member.Name)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *files) read(from io.Reader, name string) error {
	switch filepath.Ext(name) {
	case ".json", ".yaml", ".yml":
	default:
		f.other++
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(from, largestRecord+1))
	if err != nil {
		return named(name, err)
	}
	if len(content) > largestRecord {
		return fmt.Errorf("%s: more than %d bytes is no record", name, largestRecord)
	}
	if f.bytes += int64(len(content)); f.bytes > largestFolder {
		return fmt.Errorf("%s: the records come to more than %d bytes", name, int64(largestFolder))
	}
	return f.take(name, content)
}

func hidden(path string) bool {
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return false
}

func named(name string, err error) error {
	if err == nil || strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
