package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

const (
	bundleType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	predicateType = "dev.sigstore.bundle.predicateType"
	// Whoever may push can hang any number of things on an image, and of any size. What is not fetched here is asked for one
	// by one where somebody wants it: an older record, once the newest few are not of anybody who is trusted.
	mostOfEachType = 3
	// Of all that is fetched: a file that is not too large for whoever reads it.
	mostBytes = 64 << 20
)

// hanging is what belongs to an image: the list's bytes, nil where there is no list, and manifests and bundles by digest.
type hanging struct {
	List  []byte                   `json:"list"`
	Parts map[digest.Digest][]byte `json:"parts"`
}

// fetch writes a file with what the lists lead to, in their order: null for what could not be asked. Of each type of
// statement it is the newest few. What cannot be fetched, or is no bundle, is left out and told on standard error: whoever
// needs it asks for it alone, and hears why.
func fetch(ctx context.Context, registries *registries, file string, types, lists []string) error {
	found := make([]*hanging, len(lists))
	var free room
	free.left.Store(mostBytes)
	failures := beside(len(lists), func(index int) (err error) {
		found[index], err = fetchAll(ctx, registries, lists[index], types, &free)
		return err
	})
	if failures != nil {
		fmt.Fprintln(os.Stderr, failures)
	}
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// fetchAll answers with what it has, also where some of it failed.
func fetchAll(
	ctx context.Context, registries *registries, list string, types []string, room *room,
) (*hanging, error) {
	_, text, err := registries.manifest(ctx, list)
	if errors.Is(err, errdef.ErrNotFound) {
		return &hanging{}, nil
	}
	if err != nil || !room.has(int64(len(text))) {
		return nil, err
	}
	found := &hanging{List: text, Parts: map[digest.Digest][]byte{}}
	repository, _, _ := strings.Cut(list, ":sha256-")
	var failures []error
	for _, each := range newest(text, types) {
		failures = append(failures, fetchBundle(ctx, registries, repository+"@"+each.Digest.String(), found.Parts, room))
	}
	return found, errors.Join(failures...)
}

// newest are the descriptors of a list that may be bundles of these types, the newest few of each. What somebody wrote there
// about them only says where to look first.
func newest(list []byte, types []string) []ocispec.Descriptor {
	var index ocispec.Index
	if json.Unmarshal(list, &index) != nil {
		return nil
	}
	slices.SortStableFunc(index.Manifests, func(one, other ocispec.Descriptor) int {
		return strings.Compare(other.Annotations[ocispec.AnnotationCreated], one.Annotations[ocispec.AnnotationCreated])
	})
	var some []ocispec.Descriptor
	for _, kind := range types {
		left := mostOfEachType
		for _, each := range index.Manifests {
			if left > 0 && each.ArtifactType == bundleType && each.Annotations[predicateType] == kind {
				some = append(some, each)
				left--
			}
		}
	}
	return some
}

// fetchBundle adds a manifest and the bundle that it names, both checked against their digests.
func fetchBundle(
	ctx context.Context, registries *registries, name string, parts map[digest.Digest][]byte, room *room,
) error {
	found, text, err := registries.manifest(ctx, name)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if json.Unmarshal(text, &manifest) != nil || len(manifest.Layers) != 1 {
		return nil
	}
	layer := manifest.Layers[0]
	if layer.MediaType != bundleType || !room.has(int64(len(text))) || !room.has(layer.Size) {
		return nil
	}
	repository, err := registries.at(name)
	if err != nil {
		return err
	}
	body, err := repository.Blobs().Fetch(ctx, layer)
	if err != nil {
		return err
	}
	defer body.Close()
	bundle, err := content.ReadAll(body, layer)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	parts[found.Digest], parts[layer.Digest] = text, bundle
	return nil
}

// room is how many bytes may still be fetched.
type room struct{ left atomic.Int64 }

// has takes so many of them, or none where there are not as many.
func (room *room) has(bytes int64) bool {
	if bytes < 0 || bytes > mostBytes {
		return false
	}
	if room.left.Add(-bytes) < 0 {
		room.left.Add(bytes)
		return false
	}
	return true
}
