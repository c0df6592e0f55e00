package main

import (
	"errors"
	"io"
	"slices"
	"time"
)

const layerType = "application/vnd.oci.image.layer.v1.tar+zstd"

// sealedImage is what the caller is told.
type sealedImage struct {
	Digest string `json:"digest"`
	Size   int    `json:"size"`
}

// seal writes the archive `from` anew, with a layer of this content on top of its image.
func seal(from, to, layout string, content content, at time.Time) (sealedImage, error) {
	archive, err := openArchive(from)
	if err != nil {
		return sealedImage{}, err
	}
	defer archive.file.Close()
	image, err := imageIn(archive)
	if err != nil {
		return sealedImage{}, err
	}
	plain, packed, err := content.layer(at)
	if err != nil {
		return sealedImage{}, err
	}
	replaced := []string{"index.json", pathOf(image.digest), pathOf(image.configDigest)}
	config, manifest, index, err := image.with(plain, packed, at)
	if err != nil {
		return sealedImage{}, err
	}
	out, err := newWriter(to, layout, at)
	if err != nil {
		return sealedImage{}, err
	}
	err = errors.Join(
		archive.copy(out, replaced), out.blobs(packed, config, manifest), out.bytes("index.json", index), out.close(),
	)
	return sealedImage{digestOf(manifest), len(manifest)}, err
}

// copy writes all but what is replaced.
func (from *archive) copy(to *writer, replaced []string) error {
	for _, name := range from.order {
		if slices.Contains(replaced, name) {
			continue
		}
		member := from.members[name]
		open := func() io.Reader { return io.NewSectionReader(member, 0, member.Size()) }
		if err := to.write(name, member.Size(), open); err != nil {
			return err
		}
	}
	return nil
}

func (to *writer) blobs(blobs ...[]byte) error {
	for _, blob := range blobs {
		if err := to.bytes(pathOf(digestOf(blob)), blob); err != nil {
			return err
		}
	}
	return nil
}

// with answers config, manifest and index of the image with one layer more.
func (image *image) with(plain, packed []byte, at time.Time) (config, manifest, index []byte, err error) {
	history := map[string]string{
		"created": at.Format(time.RFC3339), "created_by": "fairlead: what the image says of itself", "comment": "fairlead",
	}
	layer := map[string]any{"mediaType": layerType, "digest": digestOf(packed), "size": len(packed)}
	rootfs, err := image.config.object("rootfs")
	if err != nil {
		return nil, nil, nil, err
	}
	err = errors.Join(
		rootfs.push("diff_ids", digestOf(plain)), image.config.set("rootfs", rootfs), image.config.push("history", history),
	)
	if err != nil {
		return nil, nil, nil, err
	}
	if config, err = text(image.config); err != nil {
		return nil, nil, nil, err
	}
	descriptor, err := image.manifest.object("config")
	if err != nil {
		return nil, nil, nil, err
	}
	err = errors.Join(
		descriptor.names(config), image.manifest.set("config", descriptor), image.manifest.push("layers", layer),
	)
	if err != nil {
		return nil, nil, nil, err
	}
	if manifest, err = text(image.manifest); err != nil {
		return nil, nil, nil, err
	}
	if err = errors.Join(image.entry.names(manifest), image.index.set("manifests", []object{image.entry})); err != nil {
		return nil, nil, nil, err
	}
	index, err = text(image.index)
	return config, manifest, index, err
}
