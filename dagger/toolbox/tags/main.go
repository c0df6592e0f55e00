// image-tags asks registries which images tags point to, lets tags point to images that are there, attaches records to images
// and fetches them: many in one process, over connections that stay open, with as few requests as that takes.
//
//	image-tags look [--plain-http] [--authfile FILE] NAME…
//	image-tags set [--plain-http] [--authfile FILE] (COUNT (FROM TO DIGEST|-)×COUNT)…
//	image-tags show [--plain-http] [--authfile FILE] NAME
//	image-tags attach [--plain-http] [--authfile FILE] LIST FOLDER…
//	image-tags fetch [--plain-http] [--authfile FILE] FILE TYPE,… LIST…
//	image-tags version
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "image-tags: %s\n", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: image-tags look|set|show|attach|fetch [--plain-http] [--authfile FILE] WORD…, image-tags version")

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errUsage
	}
	verb := arguments[0]
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	plainHTTP := flags.Bool("plain-http", false, "the registry has no TLS")
	authfile := flags.String("authfile", "", "credentials, as a Docker config.json")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if verb == "version" {
		fmt.Println(libraryVersion())
		return nil
	}
	registries, err := open(*plainHTTP, *authfile)
	if err != nil {
		return err
	}
	words := flags.Args()
	switch {
	case verb == "look":
		return look(ctx, registries, words)
	case verb == "set":
		images, err := imagesIn(words)
		if err != nil {
			return err
		}
		return set(ctx, registries, images)
	case verb == "show" && len(words) == 1:
		return show(ctx, registries, words[0])
	case verb == "attach" && len(words) > 1:
		return attach(ctx, registries, words[0], words[1:])
	case verb == "fetch" && len(words) > 2:
		return fetch(ctx, registries, words[0], strings.Split(words[1], ","), words[2:])
	default:
		return errUsage
	}
}

// libraryVersion is that of the module that speaks to registries.
func libraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "oras.land/oras-go/v2" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}
