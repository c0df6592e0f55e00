package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// archive is an OCI archive to read from: where each of its files lies.
type archive struct {
	file    *os.File
	members map[string]*io.SectionReader
	order   []string
}

func openArchive(path string) (*archive, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	read := &archive{file: file, members: map[string]*io.SectionReader{}}
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s is no tar: %w", path, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		// tar reads no further than the header before somebody asks for what follows it.
		at, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(header.Name, "./")
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s has a file named %q", path, header.Name)
		}
		if _, known := read.members[name]; known {
			return nil, fmt.Errorf("%s has %s twice", path, name)
		}
		read.members[name] = io.NewSectionReader(file, at, header.Size)
		read.order = append(read.order, name)
	}
}

// What describes an image takes some kilobytes; a manifest of 127 layers some 30.
const mostBytes = 8 << 20

func (from *archive) text(name string) ([]byte, error) {
	member, ok := from.members[name]
	if !ok {
		return nil, fmt.Errorf("the archive has no %s", name)
	}
	if member.Size() > mostBytes {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", name, member.Size(), mostBytes)
	}
	return io.ReadAll(io.NewSectionReader(member, 0, member.Size()))
}

// blob is what a digest names, checked against it.
func (from *archive) blob(digest string) ([]byte, error) {
	data, err := from.text(pathOf(digest))
	if err == nil && digestOf(data) != digest {
		err = fmt.Errorf("%s is damaged", digest)
	}
	return data, err
}

func pathOf(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// writer writes files of an image: into an archive, and into a folder where one is named.
type writer struct {
	file   *os.File
	tar    *tar.Writer
	layout string
	at     time.Time
	buffer []byte
}

func newWriter(path, layout string, at time.Time) (*writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &writer{file, tar.NewWriter(file), layout, at, make([]byte, 1<<20)}, nil
}

func (to *writer) write(name string, size int64, open func() io.Reader) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: to.at}
	if err := to.tar.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(to.tar, onlyReader{open()}, to.buffer); err != nil {
		return err
	}
	if to.layout == "" {
		return nil
	}
	path := filepath.Join(to.layout, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(file, open(), to.buffer)
	return errors.Join(err, file.Close())
}

func (to *writer) bytes(name string, data []byte) error {
	return to.write(name, int64(len(data)), func() io.Reader { return bytes.NewReader(data) })
}

func (to *writer) close() error { return errors.Join(to.tar.Close(), to.file.Close()) }

// onlyReader hides WriteTo, which would leave the buffer aside.
type onlyReader struct{ io.Reader }
