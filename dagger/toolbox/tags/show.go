package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"oras.land/oras-go/v2/errdef"
)

// nothingThere is the exit code of show where the registry has nothing by that name.
const nothingThere = 4

// show writes the manifest behind a name to standard output, byte for byte, and a line with its digest after it: whoever reads
// it can tell an answer that was cut off on its way.
func show(ctx context.Context, registries *registries, name string) error {
	found, text, err := registries.manifest(ctx, name)
	if errors.Is(err, errdef.ErrNotFound) {
		os.Exit(nothingThere)
	}
	if err == nil {
		_, err = fmt.Printf("%s\n%s\n", text, found.Digest)
	}
	return err
}
