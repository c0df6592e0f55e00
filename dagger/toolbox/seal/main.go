// image-seal puts a last small layer on an image: a few files, the same bytes each time. All other layers stay as they are,
// so nothing of them is unpacked, and nothing is asked of whoever built the image.
//
//	image-seal seal --epoch SECONDS [--folder PATH]… [--file PATH=FILE]… [--gzip PATH=FILE]… [--layout FOLDER] ARCHIVE SEALED
//	image-seal version
//
// ARCHIVE and SEALED are OCI archives; FOLDER gets the sealed image as an OCI layout, too. A file of --gzip is packed first.
// On stdout: the sealed manifest's digest and size.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "image-seal: %s\n", err)
		os.Exit(1)
	}
}

var errUsage = errors.New(
	"usage: image-seal seal --epoch SECONDS [--folder PATH]… [--file PATH=FILE]… [--gzip PATH=FILE]… [--layout FOLDER] ARCHIVE SEALED, " +
		"image-seal version",
)

func run(arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "version" {
		fmt.Println(libraryVersion())
		return nil
	}
	if len(arguments) == 0 || arguments[0] != "seal" {
		return errUsage
	}
	var content content
	flags := flag.NewFlagSet("seal", flag.ContinueOnError)
	epoch := flags.Int64("epoch", -1, "the time that all of the layer has, in seconds since 1970")
	layout := flags.String("layout", "", "a folder for the same image as an OCI layout")
	flags.Func("folder", "a folder in the image, 0755 and root's", func(path string) error {
		content = append(content, entry{path: path, folder: true})
		return nil
	})
	flags.Func("file", "PATH=FILE, 0644 and root's", func(text string) error { return content.add(text, asItIs) })
	flags.Func("gzip", "the same, packed", func(text string) error { return content.add(text, gzipped) })
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if *epoch < 0 || flags.NArg() != 2 || len(content) == 0 {
		return errUsage
	}
	sealed, err := seal(flags.Arg(0), flags.Arg(1), *layout, content, time.Unix(*epoch, 0).UTC())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(sealed)
}

// libraryVersion is that of the module that packs.
func libraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/klauspost/compress" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}
