// advisories compiles OSV records into what the gates read: a database for Trivy, and the records for the audit's own
// OSV service. Both come from the same files, so that both gates know the same advisories.
//
//	advisories compile --in FOLDER --out FOLDER
//	advisories covers --db FOLDER
//	advisories version
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "advisories: %s\n", err)
		os.Exit(1)
	}
}

const usage = "usage: advisories compile --in FOLDER --out FOLDER, advisories covers --db FOLDER, advisories version"

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	in := flags.String("in", "", "folder of OSV records: JSON or YAML, in folders and in .tar.gz, .tar or .zip archives")
	out := flags.String("out", "", "folder for trivy.db, metadata.json and osv.json")
	database := flags.String("db", "", "folder with a trivy.db")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	var answer any
	var err error
	switch {
	case flags.NArg() > 0:
		err = errors.New(usage)
	case arguments[0] == "version":
		fmt.Println(databaseVersion())
		return nil
	case arguments[0] == "compile" && *in != "" && *out != "":
		answer, err = compile(*in, *out)
	case arguments[0] == "covers" && *database != "":
		answer, err = covers(*database)
	default:
		err = errors.New(usage)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// databaseVersion is that of the module that knows Trivy's schema.
func databaseVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/aquasecurity/trivy-db" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}
