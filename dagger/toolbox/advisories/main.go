// advisories compiles OSV records into what the gates read: a database for Trivy, and the records for the audit's own
// OSV service. Both come from the same files, so that both gates know the same advisories.
//
//	advisories compile --in FOLDER --out FOLDER
//	advisories version
package main

import (
	"encoding/json"
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

func run(arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "version" {
		fmt.Println(databaseVersion())
		return nil
	}
	if len(arguments) == 0 || arguments[0] != "compile" {
		return fmt.Errorf("usage: advisories compile --in FOLDER --out FOLDER")
	}
	flags := flag.NewFlagSet("compile", flag.ContinueOnError)
	in := flags.String("in", "", "folder of OSV records: JSON or YAML, in folders and in .tar.gz, .tar or .zip archives")
	out := flags.String("out", "", "folder for trivy.db, metadata.json and osv.json")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if *in == "" || *out == "" || flags.NArg() > 0 {
		return fmt.Errorf("usage: advisories compile --in FOLDER --out FOLDER")
	}
	report, err := compile(*in, *out)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
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
