package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// image is what an archive says of the one image in it.
type image struct {
	// The archive's index, and its only entry.
	index, entry     object
	manifest, config object
	// Of the manifest and the config.
	digest, configDigest string
}

func imageIn(from *archive) (*image, error) {
	index, err := parsed(from.text("index.json"))
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	var entries []object
	if err := json.Unmarshal(index["manifests"], &entries); err != nil {
		return nil, fmt.Errorf("index.json lists no images: %w", err)
	}
	if len(entries) != 1 {
		return nil, fmt.Errorf("the archive has %d images, one can be sealed", len(entries))
	}
	digest, err := entries[0].digest()
	if err != nil {
		return nil, err
	}
	manifest, err := parsed(from.blob(digest))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", digest, err)
	}
	descriptor, err := manifest.object("config")
	if err != nil {
		return nil, fmt.Errorf("%s is no manifest of one image: %w", digest, err)
	}
	configDigest, err := descriptor.digest()
	if err != nil {
		return nil, err
	}
	config, err := parsed(from.blob(configDigest))
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", configDigest, err)
	}
	return &image{index, entries[0], manifest, config, digest, configDigest}, nil
}

// object is a JSON object of which all that is not known here stays as it is.
type object map[string]json.RawMessage

func parsed(data []byte, err error) (what object, _ error) {
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(data, &what)
	return what, err
}

func (all object) object(name string) (what object, err error) {
	if err := json.Unmarshal(all[name], &what); err != nil || what == nil {
		return nil, errors.Join(fmt.Errorf("it has no %s", name), err)
	}
	return what, nil
}

func (all object) set(name string, what any) (err error) {
	all[name], err = text(what)
	return err
}

// push puts one more at the end of a list; where there is none, it becomes one.
func (all object) push(name string, last any) error {
	var list []json.RawMessage
	if len(all[name]) > 0 {
		if err := json.Unmarshal(all[name], &list); err != nil {
			return err
		}
	}
	added, err := text(last)
	if err != nil {
		return err
	}
	return all.set(name, append(list, added))
}

func (all object) digest() (digest string, err error) {
	if err := json.Unmarshal(all["digest"], &digest); err != nil {
		return "", fmt.Errorf("a digest is missing: %w", err)
	}
	return digest, nil
}

// names lets a descriptor name these bytes.
func (all object) names(data []byte) error {
	return errors.Join(all.set("digest", digestOf(data)), all.set("size", len(data)))
}

// text is JSON without a line's end and with < and > as they are; the same each time, since maps are put in order.
func text(what any) (json.RawMessage, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(what)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}
