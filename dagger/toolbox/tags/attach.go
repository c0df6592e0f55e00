package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
)

// mostAttempts is how often the list is written where somebody else writes it at the same moment.
const mostAttempts = 3

// attach pushes artifacts, each a folder with manifest.json, descriptor.json and its blobs under the hex of their digests,
// and then names them in the list that the tag `list` leads to: they are there together, or not yet. What others attached
// stays in the list. Source: OCI distribution specification 1.1, "Referrers Tag Schema".
func attach(ctx context.Context, registries *registries, list string, folders []string) error {
	repository, err := registries.at(list)
	if err != nil {
		return err
	}
	// The list is kept by hand, for registries with the referrers API as for others.
	if err := repository.SetReferrersCapability(true); err != nil {
		return err
	}
	descriptors := make([]json.RawMessage, len(folders))
	if err := beside(len(folders), func(index int) (err error) {
		descriptors[index], err = push(ctx, repository, folders[index])
		return err
	}); err != nil {
		return err
	}
	for range mostAttempts {
		if err := enter(ctx, registries, repository, list, descriptors); err != nil {
			return err
		}
		_, now, err := registries.manifest(ctx, list)
		if err != nil {
			return err
		}
		left, err := missing(now, descriptors)
		if err != nil || len(left) == 0 {
			return err
		}
	}
	fmt.Println("unlisted")
	return fmt.Errorf("%s does not name what was just attached", list)
}

// push sends an artifact's blobs, those that the registry lacks, and its manifest under its digest.
func push(ctx context.Context, repository *remote.Repository, folder string) (json.RawMessage, error) {
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		return nil, err
	}
	entry, err := os.ReadFile(filepath.Join(folder, "descriptor.json"))
	if err != nil {
		return nil, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, err
	}
	for _, blob := range append([]ocispec.Descriptor{manifest.Config}, manifest.Layers...) {
		there, err := repository.Blobs().Exists(ctx, blob)
		if err != nil {
			return nil, err
		}
		if there {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, blob.Digest.Encoded()))
		if err != nil {
			return nil, err
		}
		if err := repository.Blobs().Push(ctx, blob, bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	whole := ocispec.Descriptor{
		MediaType: manifest.MediaType, Digest: digest.FromBytes(text), Size: int64(len(text)),
	}
	return entry, repository.Manifests().Push(ctx, whole, bytes.NewReader(text))
}

// enter writes the list with these descriptors in it.
func enter(
	ctx context.Context, registries *registries, repository *remote.Repository, list string, added []json.RawMessage,
) error {
	_, before, err := registries.manifest(ctx, list)
	if errors.Is(err, errdef.ErrNotFound) {
		before = []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[]}`)
	} else if err != nil {
		return err
	}
	after, err := withAdded(before, added)
	if err != nil || after == nil {
		return err
	}
	descriptor := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(after), Size: int64(len(after)),
	}
	return repository.Manifests().PushReference(ctx, descriptor, bytes.NewReader(after), repository.Reference.Reference)
}

// withAdded is the list with what it does not name yet; nil where it names all of it. Fields that are not known here stay.
func withAdded(list []byte, added []json.RawMessage) ([]byte, error) {
	left, err := missing(list, added)
	if err != nil || len(left) == 0 {
		return nil, err
	}
	var whole map[string]json.RawMessage
	var known []json.RawMessage
	if err := json.Unmarshal(list, &whole); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(whole["manifests"], &known); err != nil {
		return nil, err
	}
	if whole["manifests"], err = json.Marshal(append(known, left...)); err != nil {
		return nil, err
	}
	return json.Marshal(whole)
}

// missing are those of the descriptors whose digests a list does not name.
func missing(list []byte, descriptors []json.RawMessage) ([]json.RawMessage, error) {
	var index ocispec.Index
	if err := json.Unmarshal(list, &index); err != nil {
		return nil, err
	}
	named := map[digest.Digest]bool{}
	for _, each := range index.Manifests {
		named[each.Digest] = true
	}
	var left []json.RawMessage
	for _, each := range descriptors {
		var descriptor ocispec.Descriptor
		if err := json.Unmarshal(each, &descriptor); err != nil {
			return nil, err
		}
		if !named[descriptor.Digest] {
			left = append(left, each)
		}
	}
	return left, nil
}
