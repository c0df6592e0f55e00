package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tagging is a tag, the image that it is to point to, and what is compared with the registry's answer for it afterwards.
type tagging struct {
	from, to string
	expected digest.Digest
}

// imagesIn reads, for each image, a count and three words for each of so many tags: from, to, and a digest or "-".
func imagesIn(words []string) ([][]tagging, error) {
	var images [][]tagging
	for len(words) > 0 {
		count, err := strconv.Atoi(words[0])
		if err != nil || count < 1 || len(words) < 1+3*count {
			return nil, errUsage
		}
		image := make([]tagging, count)
		for index := range image {
			three := words[1+3*index:]
			image[index] = tagging{from: three[0], to: three[1]}
			if three[2] != "-" {
				image[index].expected = digest.Digest(three[2])
			}
		}
		images = append(images, image)
		words = words[1+3*count:]
	}
	return images, nil
}

// set writes each image's tags one after the other, since they are to show in that order; its first that fails ends them.
func set(ctx context.Context, registries *registries, images [][]tagging) error {
	return beside(len(images), func(index int) error {
		read := map[string]manifest{}
		for _, each := range images[index] {
			if err := setOne(ctx, registries, read, each); err != nil {
				return err
			}
		}
		return nil
	})
}

type manifest struct {
	descriptor ocispec.Descriptor
	text       []byte
}

func setOne(ctx context.Context, registries *registries, read map[string]manifest, each tagging) error {
	known, ok := read[each.from]
	if !ok {
		descriptor, text, err := registries.manifest(ctx, each.from)
		if err != nil {
			return err
		}
		known = manifest{descriptor, text}
		read[each.from] = known
	}
	repository, err := registries.at(each.to)
	if err != nil {
		return err
	}
	tag := repository.Reference.Reference
	if err := repository.Manifests().PushReference(ctx, known.descriptor, bytes.NewReader(known.text), tag); err != nil {
		return err
	}
	if each.expected == "" {
		return nil
	}
	found, err := registries.digestOf(ctx, each.to)
	if err == nil && found != each.expected {
		fmt.Println("other", each.to, found)
		err = fmt.Errorf("%s is %s, not %s", each.to, found, each.expected)
	}
	return err
}
