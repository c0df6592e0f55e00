package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type entry struct {
	// As tar has it: without a slash in front.
	path   string
	folder bool
	data   []byte
}

// content is what a layer consists of, in the order in which it was named.
type content []entry

func (all *content) add(text string, pack func([]byte) ([]byte, error)) error {
	path, file, ok := strings.Cut(text, "=")
	if !ok || path == "" || file == "" {
		return fmt.Errorf("%q is not PATH=FILE", text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	packed, err := pack(data)
	*all = append(*all, entry{path: path, data: packed})
	return err
}

func asItIs(data []byte) ([]byte, error) { return data, nil }

// gzipped leaves name and time out, as `gzip -n` does.
func gzipped(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(data); err != nil {
		return nil, err
	}
	err = writer.Close()
	return packed.Bytes(), err
}

// layer is the content as an uncompressed tar, and packed. Folders that are not named are left as the image has them.
func (all content) layer(at time.Time) (plain, packed []byte, err error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, each := range all {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: each.path, Mode: 0o644, Size: int64(len(each.data)), ModTime: at, Format: tar.FormatPAX,
		}
		if each.folder {
			header.Typeflag, header.Name, header.Mode = tar.TypeDir, each.path+"/", 0o755
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, nil, err
		}
		if _, err := writer.Write(each.data); err != nil {
			return nil, nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, nil, err
	}
	// One at a time: how many cores there are must not show in the bytes.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, nil, err
	}
	return buffer.Bytes(), encoder.EncodeAll(buffer.Bytes(), nil), nil
}
