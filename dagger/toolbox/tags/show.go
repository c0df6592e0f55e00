package main

import (
	"context"
	"errors"
	"os"

	"oras.land/oras-go/v2/errdef"
)

// nothingThere is the exit code of show where the registry has nothing by that name.
const nothingThere = 4

// show writes the manifest behind a name to standard output, byte for byte.
func show(ctx context.Context, registries *registries, name string) error {
	_, text, err := registries.manifest(ctx, name)
	if errors.Is(err, errdef.ErrNotFound) {
		os.Exit(nothingThere)
	}
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	return err
}
